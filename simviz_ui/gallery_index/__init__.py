"""The gallery's embeddings on the pages: brought up to date, held, measured."""
