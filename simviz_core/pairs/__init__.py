"""Pairs: why two images are similar, as maps, cell by cell, and under several poolings."""
