"""Commands that train networks, and what they train with."""
