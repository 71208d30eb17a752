"""Storing: the table that the embeddings of one gallery by one network are kept in."""
