"""Widgets of SimViz's own, each with its script and its style sheet."""
