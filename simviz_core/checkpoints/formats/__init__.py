"""Formats: what a checkpoint's file holds, as plain containers and tensors, no code of it run."""
