"""Twins of the demo's views: the same room, camera and light with one design swapped."""
