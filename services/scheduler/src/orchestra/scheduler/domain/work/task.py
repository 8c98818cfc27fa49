"""A task as the scheduler holds it, and the pool it waits in."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache

from orchestra.contracts.ids import AttemptId, MemberId, PlanId, ProjectId, RunId, Sha256, TaskId, WorkspaceId
from orchestra.contracts.planning import Command, Wait
from orchestra.contracts.scheduling import TaskStatus
from orchestra.contracts.suspensions import Asked, ProviderAway, Suspension
from orchestra.scheduler.domain.people.member import Need
from orchestra.scheduler.domain.work.dialogue import Dialogue
from orchestra.scheduler.domain.work.status import TERMINAL


@dataclass(frozen=True, slots=True)
class Task:
    """The state of a task; what people read of it (criteria, coverage, evidence) stays in its row."""

    id: TaskId
    workspace_id: WorkspaceId
    project_id: ProjectId
    plan_id: PlanId
    run_id: RunId | None
    key: str
    title: str
    status: TaskStatus
    pool: str
    role: str | None
    command: Command | None
    covers: tuple[str, ...]
    points: float | None = None
    minutes: int | None = None
    priority: int = 0
    """A point goes for a minute of waiting."""
    declined: tuple[MemberId, ...] = ()
    """Who gave it back or had it taken away."""
    assignee: MemberId | None = None
    planned_member: MemberId | None = None
    attempt_id: AttemptId | None = None
    token: int = 0
    """Grows with each attempt; only the holder of the newest one may report."""
    attempts: int = 0
    failures: int = 0
    """Attempts that failed by themselves."""
    lost: int = 0
    """Attempts whose executor died or went silent."""
    watched: bool = False
    """Another task waits for it otherwise than for its end alone: for its start, to end itself, or with a lag."""
    end_gated: bool = False
    """Its own end may be held back by others (FF, SF)."""
    not_before: datetime | None = None
    paused_by: str | None = None
    """Who has paused it: nothing of it is started until it is resumed."""
    started_at: datetime | None = None
    assigned_at: datetime | None = None
    performed_at: datetime | None = None
    """When its work was done, where its end was or is held back."""
    ended_at: datetime | None = None
    guidance: tuple[str, ...] = ()
    """What people who decided about its tries want the further ones to know, the oldest first."""
    edits: tuple[tuple[str, Sha256, Sha256], ...] = ()
    """What further tries find in the place of input files: path, content that was given, content instead."""
    start_at: datetime | None = None
    deadline: datetime | None = None
    wait: Wait | None = None
    """Makes it a timer."""
    ends_at: datetime | None = None
    """Of a timer that counts."""
    expires_at: datetime | None = None
    """When the deadline of a command takes effect."""
    dialogue: Dialogue | None = None
    """What its agent's attempts have left for the next one."""
    adopted_from: TaskId | None = None
    """The task of another run that did it: nothing of it was executed here."""

    @property
    def is_timer(self) -> bool:
        return self.pool == TIMER

    def late(self, now: datetime) -> bool:
        """It has not ended by its deadline, or ended after it."""
        by = self.expires_at or self.deadline
        at = (self.ended_at if self.status in TERMINAL else None) or now
        return by is not None and (by <= at if self.status == "failed" else by < at)

    @property
    def waits_for(self) -> Suspension | None:
        """What its last attempt, which was suspended, waits for."""
        last = self.dialogue and self.dialogue.suspended
        return last.waits_for if last and last.attempt == self.attempts else None

    @property
    def asks(self) -> Asked | None:
        """The same where it waits for a person."""
        waits_for = self.waits_for if self.status == "waiting" else None
        return None if isinstance(waits_for, ProviderAway) else waits_for

    @property
    def need(self) -> Need:
        pool = need_of_pool(self.pool)
        return replace(pool, points=self.points, minutes=self.minutes, declined=frozenset(self.declined))


_AGENT_WORK = "ai"
TIMER = "timer|"
"""The pool of timers: nobody takes them."""


def pool_of(need: Need, mutexes: Iterable[str] = ()) -> str:
    """Tasks of one pool can be taken by the same members under the same conditions.

    `person|editor`, `agent|automation|python3,sort`, `agent|automation|python3|database`, `agent|writer|||ai`.
    """
    if not need.command:
        return f"person|{need.role or ''}"
    parts = ["agent", need.role or "", ",".join(sorted(need.tools))]
    taken = sorted(mutexes)
    if taken or need.agent:
        parts.append(",".join(taken))
    return "|".join([*parts, _AGENT_WORK] if need.agent else parts)


@lru_cache(4096)
def need_of_pool(pool: str) -> Need:
    kind, role, *more = pool.split("|")
    return Need(role=role or None, command=kind == "agent", agent=more[2:3] == [_AGENT_WORK], tools=_listed(more[:1]))


@lru_cache(4096)
def mutexes_of_pool(pool: str) -> frozenset[str]:
    return _listed(pool.split("|")[3:])


def _listed(part: Sequence[str]) -> frozenset[str]:
    return frozenset(part[0].split(",")) if part and part[0] else frozenset()
