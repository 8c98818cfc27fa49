"""Paths of a workspace: relative, with forward slashes. An output may be a pattern of such paths."""

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping
from fnmatch import fnmatchcase
from typing import NamedTuple

MAX_PATH_BYTES = 4_095
MAX_NAME_BYTES = 255


class Clash(NamedTuple):
    path: str
    first: str
    second: str


def is_inside(path: str) -> bool:
    """Whether the path stays beneath the workspace, can be a file's and is written in the one way it can be."""
    if not path.isprintable() or "\\" in path or len(path.encode()) > MAX_PATH_BYTES:
        return False
    return all(part not in ("", ".", "..") and len(part.encode()) <= MAX_NAME_BYTES for part in path.split("/"))


def is_pattern(path: str) -> bool:
    return any(wildcard in path for wildcard in "*?[")


def matches(path: str, pattern: str) -> bool:
    """`*`, `?` and `[…]` stand for characters of one part, `**` for any number of parts, at the end for at least one.

    Takes time in proportion to the product of the two lengths, whatever the pattern.
    """
    wanted = pattern.split("/")
    if wanted[-1] == "**":
        wanted.append("*")
    row = [True]  # row[n]: the parts of the path so far are matched by the first n of the pattern
    for want in wanted:
        row.append(row[-1] and want == "**")
    for part in path.split("/"):
        before, row = row, [False]
        for n, want in enumerate(wanted):
            row.append(row[n] or before[n + 1] if want == "**" else before[n] and fnmatchcase(part, want))
    return row[-1]


def provided(paths: Iterable[str], outputs: Iterable[str]) -> frozenset[str]:
    """Those of `paths` that the declared outputs promise."""
    declared = frozenset(outputs)
    patterns = sorted(filter(is_pattern, declared))
    return frozenset(path for path in paths if path in declared or any(matches(path, pattern) for pattern in patterns))


def clashes(outputs: Mapping[str, Iterable[str]]) -> Iterator[Clash]:
    """Each path or pattern that two of the tasks declare, by task; and each path that another's pattern would match."""
    owner: dict[str, str] = {}
    for task, paths in outputs.items():
        for path in dict.fromkeys(paths):
            if owner.setdefault(path, task) != task:
                yield Clash(path, owner[path], task)
    plain = sorted(path for path in owner if not is_pattern(path))
    for pattern in filter(is_pattern, owner):
        prefix = pattern[: min(pattern.index(wildcard) for wildcard in "*?[" if wildcard in pattern)]
        for at in range(bisect_left(plain, prefix), len(plain)):
            if not plain[at].startswith(prefix):
                break
            if owner[plain[at]] != owner[pattern] and matches(plain[at], pattern):
                yield Clash(plain[at], owner[plain[at]], owner[pattern])
