"""Sources: networks by name, from the libraries that build them."""
