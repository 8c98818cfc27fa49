"""Where the planner meets formats and stores."""
