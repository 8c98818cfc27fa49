"""What is known of projects, in the database."""
