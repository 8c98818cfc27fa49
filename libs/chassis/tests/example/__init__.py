"""A service of twenty lines that notes what it hears: the chassis is tested through it, alone."""
