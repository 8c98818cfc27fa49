"""Schema history of the executor, the same on both databases."""
