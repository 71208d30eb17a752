"""Faster ways to run a trunk than PyTorch's, used where they make the same of it."""
