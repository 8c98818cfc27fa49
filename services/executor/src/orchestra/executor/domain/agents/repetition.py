"""A loop that repeats itself: the same call with the same result, again and again."""

from collections import deque
from dataclasses import dataclass, field

WINDOW = 20
"""Calls that are looked back on."""
TOLD_AT = 3
STOPPED_AT = 5


@dataclass
class Repetition:
    _last: deque[str] = field(default_factory=lambda: deque[str](maxlen=WINDOW))

    def note(self, call: str, result: str) -> int:
        """How often these were seen lately, by their digests. Where files have changed, results have."""
        seen = f"{call}/{result}"
        self._last.append(seen)
        return self._last.count(seen)
