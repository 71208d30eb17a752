"""The Map page: the gallery in two dimensions."""
