"""A disk of a few megabytes that a test may fill: a file system in memory, for which the test must be root."""

import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

MIB = 1024 * 1024
BALLAST = "ballast"


@contextmanager
def small_disk(parent: Path | None = None, *, mebibytes: int = 64) -> Iterator[Path]:
    """A folder that is a disk of its own; without a parent, where every user may go."""
    if os.geteuid() != 0:
        reason = "NOT TESTED: a disk of its own can be mounted by root alone"
        if os.environ.get("ORCHESTRA_REQUIRE_SERVERS") == "1":
            pytest.fail(reason, pytrace=False)
        pytest.skip(reason)
    place = Path(tempfile.mkdtemp(prefix="orchestra-disk-", dir=parent))
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={mebibytes}m,mode=755", "tmpfs", place], check=True)
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", place], check=True)
        place.rmdir()


@contextmanager
def filled(disk: Path) -> Iterator[None]:
    """Until the block ends the disk has no room."""
    ballast = disk / BALLAST
    with ballast.open("wb") as file:
        while free := os.statvfs(disk).f_bavail:  # whoever works there takes and gives blocks meanwhile
            with suppress(OSError):
                os.posix_fallocate(file.fileno(), 0, file.tell() + free * os.statvfs(disk).f_bsize)
            file.seek(0, os.SEEK_END)
    try:
        yield
    finally:
        ballast.unlink()
