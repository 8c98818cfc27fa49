"""The history of the planner's database."""
