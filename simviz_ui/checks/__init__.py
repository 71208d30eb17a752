"""Checks on the spot: what happens when a part is blanked, and what a cell sees."""
