"""Days off: stretches of days on which a member does not work, with the reason."""

from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass
from datetime import date, timedelta

from orchestra.scheduler.domain.errors import InvalidMember

LONGEST = 366
_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Absence:
    """From the first to the last day, both included; at most 366 of them. Raises InvalidMember."""

    first: date
    last: date
    reason: str = ""

    def __post_init__(self) -> None:
        if not self.first <= self.last:
            raise InvalidMember(f"days off from {self.first} to {self.last} end before they begin")
        if len(self) > LONGEST:
            raise InvalidMember(f"days off from {self.first} to {self.last} are more than {LONGEST}")

    def __len__(self) -> int:
        return (self.last - self.first).days + 1

    def __iter__(self) -> Iterator[date]:
        return (self.first + n * _DAY for n in range(len(self)))


def absences(days: Set[date], reasons: Mapping[date, str]) -> list[Absence]:
    """The days off as stretches: days that follow one another and have the same reason belong together."""
    found: list[Absence] = []
    for day in sorted(days):
        reason = reasons.get(day, "")
        last = found[-1] if found else None
        if last and last.reason == reason and day - last.last == _DAY and len(last) < LONGEST:
            found[-1] = Absence(last.first, day, reason)
        else:
            found.append(Absence(day, day, reason))
    return found
