"""Every test, of a service or of the whole, may ask for the servers of tests/servers.py by their fixtures."""

from orchestra.chassis.garbage import collect_seldom, load_quickly

pytest_plugins = ["tests.servers", "tests.databases", "tests.spread", "tests.paid_calls"]

load_quickly()


def pytest_collection_finish() -> None:
    """A tenth of the suite was looking for garbage among modules."""
    collect_seldom()
