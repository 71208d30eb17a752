"""The Classes page."""
