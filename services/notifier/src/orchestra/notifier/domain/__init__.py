"""What is told, to whom, and what becomes of a delivery: pure."""
