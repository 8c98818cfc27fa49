"""Tools that work within the attempt's workspace, and the one that asks a person."""
