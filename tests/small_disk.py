"""A disk of a few megabytes that a test may fill: a file system in memory, for which the test must be root."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

MIB = 1024 * 1024
BALLAST = "ballast"


@contextmanager
def small_disk(parent: Path, *, mebibytes: int = 64) -> Iterator[Path]:
    """A folder beneath `parent` that is a disk of its own."""
    if os.geteuid() != 0:
        reason = "NOT TESTED: a disk of its own can be mounted by root alone"
        if os.environ.get("ORCHESTRA_REQUIRE_SERVERS") == "1":
            pytest.fail(reason, pytrace=False)
        pytest.skip(reason)
    place = parent / "disk"
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={mebibytes}m,mode=755", "tmpfs", place], check=True)
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", place], check=True)


@contextmanager
def filled(disk: Path, *, spare: int = 0) -> Iterator[None]:
    """Until the block ends the disk has no room but `spare` bytes."""
    ballast = disk / BALLAST
    with ballast.open("wb") as file:
        free = os.statvfs(disk)
        os.posix_fallocate(file.fileno(), 0, max(1, free.f_bavail * free.f_bsize - spare))
    try:
        yield
    finally:
        ballast.unlink()
