"""The history of the example's database."""
