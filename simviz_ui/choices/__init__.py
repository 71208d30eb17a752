"""What is chosen on the pages: the gallery, the network and its weights, images."""
