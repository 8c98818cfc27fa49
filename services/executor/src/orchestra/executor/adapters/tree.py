"""Trees of files that a command could write to: nothing here follows a link, recurses, or trusts a name."""

import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

MAX_DEPTH = 128
SMALLEST = 4096
"""Bytes that every entry counts for at least, so that empty files are not free."""

FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class TooDeep(Exception):
    """Folders are nested more than MAX_DEPTH deep."""


@dataclass(frozen=True)
class Entry:
    path: str
    """Relative to the root, with forward slashes."""
    name: str
    folder: int
    """Descriptor of the folder it lies in, open until the walk goes on."""
    status: os.stat_result

    @property
    def is_folder(self) -> bool:
        return stat.S_ISDIR(self.status.st_mode)


class _Step:
    """An open folder on the way down."""

    def __init__(self, name: str, within: int | None, prefix: str) -> None:
        self.folder = os.open(name, FOLDER, dir_fd=within)
        self.prefix = prefix
        self.entries = os.scandir(self.folder)

    def close(self) -> None:
        self.entries.close()
        os.close(self.folder)


def walk(root: str | Path) -> Iterator[Entry]:
    """Every entry beneath `root`, a folder before what is in it. What vanishes meanwhile is left out.

    Raises TooDeep, and PermissionError for a folder that cannot be read.
    """
    way = [_Step(str(root), None, "")]
    try:
        while way:
            here = way[-1]
            found = next(here.entries, None)
            if found is None:
                way.pop().close()
                continue
            try:
                entry = Entry(here.prefix + found.name, found.name, here.folder, found.stat(follow_symlinks=False))
            except FileNotFoundError:
                continue
            yield entry
            if entry.is_folder:
                if len(way) == MAX_DEPTH:
                    raise TooDeep(f"folders are nested more than {MAX_DEPTH} deep")
                with suppress(FileNotFoundError, NotADirectoryError):  # gone, or replaced by something else
                    way.append(_Step(found.name, here.folder, entry.path + "/"))
    finally:
        for step in way:
            step.close()


def size_on_disk(root: str | Path, limit: int) -> int:
    """Bytes by blocks; stops counting above `limit`. Links to one file count once each."""
    total = 0
    for entry in walk(root):
        total += max(SMALLEST, entry.status.st_blocks * 512)
        if total > limit:
            break
    return total


def give(root: str | Path, user: int | None) -> None:
    """Makes `user` the owner and group of `root` and all beneath; None leaves everything with us."""
    if user is None:
        return
    for entry in walk(root):
        os.chown(entry.name, user, user, dir_fd=entry.folder, follow_symlinks=False)
    os.chown(root, user, user, follow_symlinks=False)


def make_own_folder(path: str | Path, user: int | None) -> None:
    """An empty folder for `user` alone, in place of whatever was there."""
    remove(path)
    Path(path).mkdir(mode=0o700)
    give(path, user)


def remove(root: str | Path) -> None:
    """Removes the file, link or folder `root` with all it holds, however deep it is and whatever its modes are.

    It may be gone already. No process may be at work in it.
    """
    try:
        top = _unlocked(str(root), None)
    except FileNotFoundError:
        return
    except NotADirectoryError:
        Path(root).unlink(missing_ok=True)
        return
    try:
        _empty(top)
    finally:
        os.close(top)
    Path(root).rmdir()


def _empty(top: int) -> None:
    """Folders are lifted into one of our own before they are emptied, so that the depth never matters."""
    own = _new_name()
    os.mkdir(own, 0o700, dir_fd=top)
    lifted = os.open(own, FOLDER, dir_fd=top)
    try:
        pending = _lift_folders(top, lifted, own)
        while pending:
            name = pending.pop()
            folder = _unlocked(name, lifted)
            try:
                pending += _lift_folders(folder, lifted, own)
            finally:
                os.close(folder)
            os.rmdir(name, dir_fd=lifted)
    finally:
        os.close(lifted)
    os.rmdir(own, dir_fd=top)


def _lift_folders(folder: int, target: int, own: str) -> list[str]:
    """Empties `folder` but for `own`: folders move to `target` under new names, which are returned; the rest goes."""
    names: list[str] = []
    while batch := _some_entries(folder, own):
        for entry in batch:
            if entry.is_dir(follow_symlinks=False):
                os.close(_unlocked(entry.name, folder))  # one that cannot be written to cannot be moved
                names.append(_new_name())
                os.rename(entry.name, names[-1], src_dir_fd=folder, dst_dir_fd=target)
            else:
                os.unlink(entry.name, dir_fd=folder)
    return names


def _new_name() -> str:
    return os.urandom(16).hex()


def _some_entries(folder: int, but: str) -> list[os.DirEntry[str]]:
    with os.scandir(folder) as entries:
        return list(islice((entry for entry in entries if entry.name != but), 1000))


def _unlocked(name: str, within: int | None) -> int:
    """Opens a folder after making it ours to read and write. Raises NotADirectoryError for a link."""
    handle = os.open(name, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=within)
    try:
        mine = f"/proc/self/fd/{handle}"  # exactly this folder, whatever its name means by now
        Path(mine).chmod(0o700)
        return os.open(mine, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    finally:
        os.close(handle)
