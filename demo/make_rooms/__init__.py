"""Renders the demo gallery: hotel rooms whose furniture designs recur in several hotels."""
