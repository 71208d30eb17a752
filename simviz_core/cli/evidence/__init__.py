"""Commands that test the maps."""
