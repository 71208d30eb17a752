"""Classes: what the images of a class have in common, and what tells it from another."""
