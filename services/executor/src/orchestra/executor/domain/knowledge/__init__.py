"""What agents and people have found out about a project."""
