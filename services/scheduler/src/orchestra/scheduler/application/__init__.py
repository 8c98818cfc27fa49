"""Use cases of the scheduler, one a file."""
