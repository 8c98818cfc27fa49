"""What is seen of the whole system."""
