"""The history of the scheduler's tables."""
