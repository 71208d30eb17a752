"""What becomes of inputs of every kind that people bring: one table, a part for each kind."""
