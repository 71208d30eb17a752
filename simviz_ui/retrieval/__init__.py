"""Searching a gallery from the pages: its index, how good that is, and matches with their maps."""
