"""How a server of tools is reached, and what can go wrong on the way."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

AWAY_S = 60.0
TIMEOUT_S = 120.0


@dataclass(frozen=True)
class Access:
    """One server. Nothing that may be secret is shown where it is printed."""

    name: str
    command: tuple[str, ...] = ()
    """Run as a process of the operator's, and asked over its standard input; empty where it has a URL."""
    environment: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    """All that the process finds of one."""
    folder: Path | None = None
    """Where the process runs."""
    url: str = ""
    headers: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    tenants: bool = False
    """A project chose the URL: it is judged before anything is sent there, at every connection."""
    away_s: float = AWAY_S
    """How long whoever needs it waits before it is tried again."""
    timeout_s: float = TIMEOUT_S
    """Of one call."""

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must never come back from it."""
        sent = [value for each in self.headers.values() for value in (each, each.removeprefix("Bearer "))]
        return tuple(sorted({each for each in sent if len(each) >= SHORTEST_SECRET}, key=len, reverse=True))


SHORTEST_SECRET = 8
"""Characters: what is shorter may stand in any text."""


class ServerFault(Exception):
    """A server could not be asked, or its connection ended; the message says why, and repeats nothing that it said."""

    def __init__(self, why: str, served: Literal["no", "perhaps"] = "no", *, refused: bool = False) -> None:
        super().__init__(why)
        self.served: Literal["no", "perhaps"] = served
        """Whether a call may have been made."""
        self.refused = refused
        """Its address may not be asked: waiting changes nothing."""


class Overdue(Exception):
    """A call brought nothing within its time, and may have been made."""
