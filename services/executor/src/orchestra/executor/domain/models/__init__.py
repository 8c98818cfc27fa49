"""Models: which there are, what they cost, and which of them a task is for."""
