"""How maps, matches, messages and exports are shown on every page."""
