"""What may go out now: limits of a workspace, a project or a pool, and mutexes that one command has at a time."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from orchestra.contracts.ids import AttemptId, ProjectId, TaskId
from orchestra.scheduler.domain.work.task import mutexes_of_pool, need_of_pool

LimitScope = Literal["workspace", "project", "pool"]

WHOLE = "all"
"""The name of a limit that holds for the whole workspace."""


@dataclass(frozen=True)
class Limit:
    """How many commands may be in flight at a time, and how many may start in any so many seconds; None: any number."""

    scope: LimitScope
    name: str
    """`all`, the project's id, or the role of the commands, in whichever project of the workspace."""
    concurrency: int | None = None
    starts: int | None = None
    seconds: int | None = None


@dataclass(frozen=True)
class Use:
    """A limit, and what of it is used."""

    limit: Limit
    in_flight: int
    started: int = 0
    """In the last so many seconds."""
    next_at: datetime | None = None
    """When the oldest of these starts counts no longer."""


@dataclass(frozen=True)
class Mutex:
    """A name that one command in flight has at a time, in the whole workspace."""

    name: str
    token: int
    """Grows each time it is taken."""
    attempt_id: AttemptId | None = None
    """Who has it; None: it is free."""
    task_id: TaskId | None = None
    task_key: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    """Its holder's end is not wanted any more, and is waited for until then."""


@dataclass(frozen=True)
class Allowance:
    """How many more commands one of these lets go out now."""

    kind: Literal["limit", "rate", "mutex"]
    scope: LimitScope | Literal["mutex"]
    name: str
    left: int
    text: str
    """Why there are no more."""
    seconds: int = 0
    """In which starts are counted."""

    def holds_in(self, project_id: ProjectId) -> bool:
        """A limit of another project is no matter here."""
        return self.scope != "project" or self.name == project_id

    def covers(self, pool: str) -> bool:
        match self.scope:
            case "pool":
                return need_of_pool(pool).role == self.name
            case "mutex":
                return self.name in mutexes_of_pool(pool)
            case "workspace" | "project":
                return True


def allowances(uses: Iterable[Use], mutexes: Iterable[Mutex], now: datetime) -> tuple[Allowance, ...]:
    found: list[Allowance] = []
    for use in uses:
        limit, who = use.limit, _who(use.limit)
        if limit.concurrency is not None:
            text = f"{who} {_of(use.in_flight, limit.concurrency)} in flight"
            left = max(0, limit.concurrency - use.in_flight)
            found.append(Allowance("limit", limit.scope, limit.name, left, text))
        if limit.starts is not None:
            text = f"{who} started {use.started} in {limit.seconds} s, the limit is {limit.starts}"
            text += f", the next at {use.next_at:%H:%M:%S} UTC" if use.next_at else ""
            left = max(0, limit.starts - use.started)
            found.append(Allowance("rate", limit.scope, limit.name, left, text, limit.seconds or 0))
    for mutex in mutexes:
        text = f"{mutex.task_key} has the mutex {mutex.name}"
        found.append(Allowance("mutex", "mutex", mutex.name, int(is_free(mutex, now)), text))
    return tuple(found)


def is_free(mutex: Mutex, now: datetime) -> bool:
    return mutex.attempt_id is None or (mutex.until is not None and mutex.until <= now)


def _who(limit: Limit) -> str:
    match limit.scope:
        case "workspace":
            return "the workspace has"
        case "project":
            return "the project has"
        case "pool":
            return f"the role {limit.name} has"


def _of(number: int, most: int) -> str:
    return f"{number} of {most} commands"
