"""What is done with money: hold, settle, release, sweep, set limits, tell."""
