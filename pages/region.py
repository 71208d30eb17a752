"""Region."""
