"""Use cases of what is known of a project."""
