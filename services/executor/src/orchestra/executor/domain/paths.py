"""Paths beneath a workspace, relative, with forward slashes; patterns: `*`, `?`, `[…]` in a part, `**` for parts."""

from collections.abc import Iterable
from fnmatch import fnmatchcase

WILD = frozenset("*?[")


def fault_of(path: str) -> str | None:
    """Why `path` is no path beneath a workspace, or None."""
    if not path or "\0" in path:
        return "is empty or holds a NUL character"
    if path.startswith("/"):
        return "is absolute"
    if any(part in ("", ".", "..") for part in path.split("/")):
        return "has an empty, . or .. part"
    if any("\ud800" <= character <= "\udfff" for character in path):
        return "is no valid text"
    if len(path.encode()) > 4095 or any(len(part.encode()) > 255 for part in path.split("/")):
        return "is too long"
    return None


def conflict_among(paths: Iterable[str]) -> str | None:
    """A sentence on the first path that is there twice, or is both a file and a folder."""
    files: set[str] = set()
    for path in paths:
        if path in files:
            return f"{path} is given twice"
        files.add(path)
    for path in sorted(files):
        for folder in folders_of(path):
            if folder in files:
                return f"{folder} is a file and also the folder of {path}"
    return None


def folders_of(path: str) -> list[str]:
    """`a/b/c` lies in `a` and in `a/b`."""
    parts = path.split("/")
    return ["/".join(parts[:n]) for n in range(1, len(parts))]


def lies_in(path: str, places: Iterable[str]) -> bool:
    """Whether it is one of the places or beneath one, at the top or in any folder: a project may hold others."""
    parts = path.split("/")
    within = {tuple(parts[first:last]) for first in range(len(parts)) for last in range(first + 1, len(parts) + 1)}
    return any(tuple(place.split("/")) in within for place in places)


def is_pattern(path: str) -> bool:
    return not WILD.isdisjoint(path)


def matches(path: str, pattern: str) -> bool:
    """`**` stands for any number of parts, none included; as the last part it stands for one or more.

    Runs in time proportional to the product of the two lengths, whatever the pattern.
    """
    wanted = pattern.split("/")
    if wanted[-1] == "**":
        wanted.append("*")
    reached = _skip_any(wanted, {0})
    for part in path.split("/"):
        stay = {n for n in reached if n < len(wanted) and wanted[n] == "**"}
        step = {n + 1 for n in reached - stay if n < len(wanted) and fnmatchcase(part, wanted[n])}
        reached = _skip_any(wanted, stay | step)
    return len(wanted) in reached


def _skip_any(wanted: list[str], reached: set[int]) -> set[int]:
    """`**` may also stand for nothing, so what comes after it is reached too."""
    closed = set(reached)
    for n in sorted(reached):
        while n < len(wanted) and wanted[n] == "**":
            n += 1
            closed.add(n)
    return closed
