"""The Region page."""
