"""Members, people and agents alike: what they may take and how long they need."""
