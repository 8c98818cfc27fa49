"""What is asked of models, and what that asks of the world."""
