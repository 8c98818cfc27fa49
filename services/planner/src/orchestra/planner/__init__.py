"""What is wanted, and why: requirements, plan versions, coverage."""
