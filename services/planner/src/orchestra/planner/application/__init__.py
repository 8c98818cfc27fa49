"""Use cases of the planner, one a file."""
