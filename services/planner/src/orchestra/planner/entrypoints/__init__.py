"""Where requests, events and time reach the planner."""
