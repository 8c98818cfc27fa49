"""What comes in: events, requests, time."""
