"""The history of the notifier's database."""
