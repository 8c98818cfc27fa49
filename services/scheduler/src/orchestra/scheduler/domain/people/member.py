"""Members: who may take which task, and how long it takes them."""

from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from math import ceil
from typing import Literal

from orchestra.contracts.ids import MemberId
from orchestra.scheduler.domain.errors import InvalidMember, ManagerTakesNoTask, NotEligible, SchedulingError
from orchestra.scheduler.domain.timeline.calendar import ALWAYS, Calendar, Hours, zone_of
from orchestra.scheduler.domain.timeline.grain import Grain
from orchestra.scheduler.domain.timeline.working_time import WorkingTime

MemberKind = Literal["person", "agent"]
Seniority = Literal["junior", "mid", "senior", "specialist", "lead"]

MULTIPLIERS: dict[Seniority, float] = {"junior": 0.6, "mid": 1.0, "senior": 1.3, "specialist": 1.2, "lead": 1.1}
POINTS_A_DAY = 2
LEAST_SHARE = 0.1
ANY_AGENT = "any"
"""Which AI agent does it is found when it begins."""


@dataclass(frozen=True)
class Member:
    """A person or an agent of a project. `hours` and `zone` default to the project's; an agent works around the clock,
    its `slots` side by side at full speed. Raises InvalidMember, InvalidCalendar.
    """

    id: MemberId
    key: str
    """The team's own name for the member, unique in the project; it settles ties."""
    name: str
    kind: MemberKind = "person"
    is_manager: bool = False
    roles: frozenset[str] = frozenset()
    seniority: Seniority = "mid"
    slots: int = 1
    """Tasks at a time."""
    share: float = 1.0
    """Capacity in this project, as a part of a full working day."""
    hours: Hours | None = None
    zone: str | None = None
    days_off: frozenset[date] = frozenset()
    tools: frozenset[str] = frozenset()
    """What an agent can run."""
    agent: str | None = None
    """Does work for AI agents: by this one of the executor's registry, or by `any` that fits."""

    def __post_init__(self) -> None:
        if self.zone:
            zone_of(self.zone)
        if self.slots < 1 or self.share <= 0:
            raise InvalidMember(self.key, "needs at least one slot and a share above 0")
        if self.agent is not None and self.kind != "agent":
            raise InvalidMember(self.key, "is a person: only a member of kind agent does the work of AI agents")

    def working_time(self, calendar: Calendar) -> WorkingTime:
        if self.kind == "agent":
            return WorkingTime("UTC", ALWAYS)
        return WorkingTime(
            self.zone or calendar.zone,
            self.hours or calendar.hours,
            calendar.holidays | self.days_off,
            calendar.yearly,
        )

    def share_left(self, taken: float) -> float:
        """What a person has left for a further task while others take `taken`."""
        return max(LEAST_SHARE, round(self.share - taken, 6))


@dataclass(frozen=True)
class Need:
    """What a task asks of whoever takes it. Without points or minutes it counts as small as can be."""

    role: str | None = None
    """None: any person, or any agent for a command."""
    command: bool = False
    """A machine does it."""
    agent: bool = False
    """An AI agent does it."""
    tools: frozenset[str] = frozenset()
    points: float | None = None
    minutes: int | None = None
    """Working minutes, whoever does it; goes before points."""
    declined: frozenset[MemberId] = frozenset()
    """Who gave the task back or had it taken away: they get it again only by taking it themselves."""


def obstacle(member: Member, need: Need) -> SchedulingError | None:
    """Why the member may not take such a task; None: they may."""
    if member.is_manager:
        return ManagerTakesNoTask(member.id)
    if need.command != (member.kind == "agent"):
        return NotEligible(member.id, "agents take commands, people take everything else")
    if need.agent and member.agent is None:
        return NotEligible(member.id, "does not do the work of AI agents")
    if need.role is not None and need.role not in member.roles:
        return NotEligible(member.id, f"does not have the role {need.role}")
    if need.command and not need.tools <= member.tools:
        return NotEligible(member.id, f"cannot run {', '.join(sorted(need.tools - member.tools))}")
    if member.id in need.declined:
        return NotEligible(member.id, "has given it back")
    return None


def may_take(member: Member, need: Need) -> bool:
    return obstacle(member, need) is None


def duration(member: Member, need: Need, grain: Grain, share: float | None = None) -> int:
    """Working minutes from start to end, at `share` (the member's own by default), which holds while the task runs.

    effort = points ÷ (2 points a working day, times the seniority's multiplier), or the minutes given;
    duration = effort ÷ share, rounded up to the grain, at least one grain; agents plan in minutes.
    """
    effort = Fraction(need.minutes or 0)
    if need.minutes is None and need.points is not None:
        effort = _exact(need.points) * grain.calendar.hours.day / (POINTS_A_DAY * _exact(MULTIPLIERS[member.seniority]))
    unit = 1 if member.kind == "agent" else grain.working
    return max(1, ceil(effort / _exact(member.share if share is None else share) / unit)) * unit


def _exact(number: float) -> Fraction:
    """The decimal number that was written: 0.6 is 3/5, so that nothing is rounded up by a stray binary digit."""
    return Fraction(str(number))
