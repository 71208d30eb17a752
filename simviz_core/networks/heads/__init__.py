"""What a network does after its feature maps, where that is none of the plain pooling rules."""
