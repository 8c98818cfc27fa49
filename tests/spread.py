"""How tests are spread over pytest-xdist's workers: a file stays together, and so does what shares a whole system."""

import os
from pathlib import PurePosixPath

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

TOGETHER = ("tests/journeys", "tests/faults")
"""Folders whose tests share one started system: two workers would each start their own."""


def pytest_xdist_auto_num_workers() -> int:
    """One more than there are processors: tests wait for a fifth of their time, for leases, servers and processes."""
    return (os.cpu_count() or 1) + 1


def scope_of(test: str) -> str:
    file = test.partition("::")[0]
    folders = map(str, PurePosixPath(file).parents)
    return next((folder for folder in folders if folder in TOGETHER), file)


class ByFile(LoadScopeScheduling):
    def _split_scope(self, nodeid: str) -> str:
        return scope_of(nodeid)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> ByFile:
    # The long ones stand first in `testpaths` and have to begin first.
    config.option.loadscopereorder = False
    return ByFile(config, log)
