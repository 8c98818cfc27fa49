"""How many files an event can name: no event is larger than 256 KB, and what lies in many files fits in an archive.

A `TaskDispatched` is the fullest: a command, which the planner keeps below 150,000 bytes with the hashes of its project
files, and what its predecessors handed on.
"""

import json
from collections.abc import Iterable

LARGEST_EVENT = 256 * 1024
"""Bytes."""

NAMES = 50_000
"""Bytes of one list of files: more than three hundred of them."""

_EACH = 130
"""Bytes beside the path: the SHA-256, the size, the fields' names."""


def fitting(paths: Iterable[str]) -> int:
    """How many of these, from the first on, one list can name."""
    count, weight = 0, 0
    for path in paths:
        weight += len(json.dumps(path, ensure_ascii=False).encode(errors="replace")) + _EACH
        if weight > NAMES:
            break
        count += 1
    return count
