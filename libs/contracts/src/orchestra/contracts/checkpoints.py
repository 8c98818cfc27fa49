"""Decisions that people owe: what the scheduler asks about a task, and what became of the question."""

from datetime import datetime
from typing import Literal

from orchestra.contracts.event import Event
from orchestra.contracts.ids import CheckpointId, RunId, TaskId
from orchestra.contracts.suspensions import Asked

CheckpointKind = Literal["repeat", "exhausted", "question", "approval", "budget", "verification"]
"""`repeat`: the command may have had its effect, and may not repeat it unasked.
`exhausted`: its tries are used up, or it failed for good.
`question`: its agent asks something. `approval`: its agent may make a certain call only if a person allows it.
`budget`: a limit is met. `verification`: a person has to say whether it is done."""

CheckpointAnswer = Literal["retry", "skip", "fail", "answer", "approve", "reject", "accept"]
CheckpointEnd = Literal["answered", "expired", "withdrawn"]
"""`withdrawn`: there is nothing left to decide, since its task was cancelled, or is planned no more."""


class CheckpointRaised(Event, kind="checkpoint.raised.v1", subject="checkpoint_id"):
    """A person owes a decision. It is said again, as escalated, where nobody has answered for long."""

    checkpoint_id: CheckpointId
    run_id: RunId
    task_id: TaskId
    key: str
    title: str
    attempt: int
    """The number of the task's last try."""
    about: CheckpointKind
    question: str
    choices: tuple[CheckpointAnswer, ...]
    asks: Asked | None = None
    """What an agent's attempt waits for, where it is that."""
    grant: str = "write"
    """Whoever's key has this grant may answer."""
    escalated: bool = False
    raised_at: datetime
    expires_at: datetime | None = None
    """None: it stays open until somebody answers."""


class CheckpointResolved(Event, kind="checkpoint.resolved.v1", subject="checkpoint_id"):
    """Nobody owes it any more. Only an answer ever has a task tried again or passed over."""

    checkpoint_id: CheckpointId
    run_id: RunId
    task_id: TaskId
    key: str
    title: str
    attempt: int
    about: CheckpointKind
    status: CheckpointEnd
    answer: CheckpointAnswer | None = None
    by: str | None = None
    """Who has answered."""
    guidance: str = ""
    """What whoever answered wants the further tries to know."""
    text: str = ""
    """What they have answered to a question."""
    cause: str
    at: datetime
