"""Demonstration data of SimViz and the programs that make it."""
