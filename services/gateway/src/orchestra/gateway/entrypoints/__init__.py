"""Where requests, events and messages from outside come in."""
