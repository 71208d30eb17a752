"""The Checkpoints page."""
