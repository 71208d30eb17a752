"""Retrieval: embeddings of a gallery, the images most similar to a query, and how good that is."""
