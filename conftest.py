"""Every test, of a service or of the whole, may ask for the servers of tests/servers.py by their fixtures."""

pytest_plugins = ["tests.servers", "tests.databases", "tests.spread", "tests.paid_calls"]
