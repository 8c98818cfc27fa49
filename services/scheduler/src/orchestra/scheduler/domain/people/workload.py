"""Workload: how much a member has in hand, measured against what they can carry (BR-WORK-001 to 003)."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import floor
from typing import Literal

from orchestra.scheduler.domain.people.member import MULTIPLIERS, POINTS_A_DAY, Member, Need, Seniority
from orchestra.scheduler.domain.timeline.calendar import Calendar

Band = Literal["idle", "relaxed", "healthy", "tight", "impossible"]

CAPACITY = 10
"""Points in hand that make the ratio 1 for the seniority mid."""

BANDS: tuple[tuple[Fraction, Band], ...] = (
    (Fraction(3, 10), "idle"),
    (Fraction(7, 10), "relaxed"),
    (Fraction(12, 10), "healthy"),
    (Fraction(15, 10), "tight"),
)
"""Each with the highest ratio that still belongs to it; above the last one a workload is impossible."""


@dataclass(frozen=True)
class Workload:
    """`score`: the points in hand. `capacity`: 10 × the seniority's multiplier. `ratio`: score ÷ capacity."""

    score: Fraction
    capacity: Fraction

    @property
    def ratio(self) -> Fraction:
        return self.score / self.capacity

    @property
    def band(self) -> Band:
        for most, band in BANDS:
            if self.ratio <= most:
                return band
        return "impossible"

    @property
    def points_left(self) -> int:
        """Whole points that can be taken before it is impossible."""
        return max(0, floor(self.capacity * BANDS[-1][0] - self.score))

    def __add__(self, points: Fraction) -> "Workload":
        return Workload(self.score + points, self.capacity)


def workload(member: Member, in_hand: Sequence[Need], calendar: Calendar) -> Workload:
    points = (points_of(need, member.seniority, calendar) for need in in_hand)
    return Workload(sum(points, Fraction(0)), CAPACITY * Fraction(str(MULTIPLIERS[member.seniority])))


def points_of(need: Need, seniority: Seniority, calendar: Calendar) -> Fraction:
    """The task's points; where it has minutes, the points that take this seniority so long. BR-WDAY-008: only the
    length of the project's working day counts, no day off does.
    """
    if need.minutes is not None:
        return Fraction(need.minutes * POINTS_A_DAY, calendar.hours.day) * Fraction(str(MULTIPLIERS[seniority]))
    return Fraction(str(need.points)) if need.points is not None else Fraction(0)
