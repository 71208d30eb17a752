"""Following: a query through the checkpoints of a training."""
