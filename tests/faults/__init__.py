"""What the whole system withstands."""
