"""Features: which components of the embedding carry a similarity."""
