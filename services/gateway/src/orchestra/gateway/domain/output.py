"""What commands print, read in pieces: every byte once, in order, and what is missing said aloud."""

import codecs
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from orchestra.contracts.ids import AttemptId
from orchestra.gateway.domain.errors import InvalidPlace

_PLACE = re.compile(r"(\d{1,16})\.(\d{1,16})((?:;[A-Za-z0-9_-]{1,64}=\d{1,16})*)")
"""`<sequence>.<index>;<attempt>=<place>;…`"""

MOST_OPEN = 2000
"""Attempts in a place."""


@dataclass(frozen=True)
class Piece:
    """What stands from one place of a log to another, in bytes; what is no UTF-8 is shown as U+FFFD."""

    start: int
    end: int
    text: str


@dataclass(frozen=True)
class Gap:
    """What stands there is missing here."""

    start: int
    end: int


class Reading:
    """How far a log has been read. Bytes may come twice, with gaps, and cut within a character."""

    def __init__(self, place: int = 0) -> None:
        self.place = place
        """All before it has been handed out."""
        self._begun = b""
        """The bytes behind it that are the beginning of a character."""

    @property
    def reached(self) -> int:
        """What is to come begins here."""
        return self.place + len(self._begun)

    def take(self, start: int, content: bytes) -> Iterator[Piece | Gap]:
        """Hand out what is new in the bytes that stand at `start`; `place` is behind what came last."""
        new = content[max(0, self.reached - start) :]
        if not new:
            return
        if start > self.reached:
            gap = Gap(self.place, start)
            self.place, self._begun = start, b""
            yield gap
        whole = self._begun + new
        text, read = codecs.utf_8_decode(whole, "replace", False)
        self._begun = whole[read:]
        if read:
            yield self._handed_out(read, text)

    def finish(self) -> Iterator[Piece]:
        """Nothing more comes: a character that was begun is none."""
        if self._begun:
            begun, self._begun = self._begun, b""
            yield self._handed_out(len(begun), begun.decode(errors="replace"))

    def _handed_out(self, size: int, text: str) -> Piece:
        start, self.place = self.place, self.place + size
        return Piece(start, self.place, text)


@dataclass(frozen=True)
class RunPlace:
    """How far the output of a run has been read: by the run's feed, which says when attempts begin and end."""

    sequence: int = 0
    """Of the feed: all attempts that had ended by this entry have been read to their ends."""
    index: int = 0
    """So many changes of the next entry have been seen to as well."""
    open: Mapping[AttemptId, int] = field(default_factory=dict[AttemptId, int])
    """How far the others have been read."""

    @staticmethod
    def parse(text: str) -> "RunPlace":
        """Raises InvalidPlace."""
        found = _PLACE.fullmatch(text)
        parts = found[3].split(";")[1:] if found else []
        if found is None or len(parts) > MOST_OPEN:
            raise InvalidPlace
        pairs = (part.partition("=") for part in parts)
        return RunPlace(int(found[1]), int(found[2]), {attempt: int(place) for attempt, _, place in pairs})

    def __str__(self) -> str:
        return ";".join([f"{self.sequence}.{self.index}", *(f"{name}={place}" for name, place in self.open.items())])
