"""A checkpoint: a decision that a person owes about a task, its question, and what an answer leaves behind."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal, TypeVar

from orchestra.contracts.checkpoints import CheckpointAnswer, CheckpointKind
from orchestra.contracts.ids import CheckpointId, ProjectId, RunId, Sha256, TaskId, WorkspaceId
from orchestra.contracts.planning import Input
from orchestra.contracts.scheduling import TaskStatus
from orchestra.contracts.suspensions import Asked, BudgetMet
from orchestra.scheduler.domain.checkpoint_errors import UnknownInput
from orchestra.scheduler.domain.work.task import Task

CheckpointStatus = Literal["open", "answered", "expired", "withdrawn"]

OWING: frozenset[TaskStatus] = frozenset({"waiting", "failed"})
"""States in which a task of a run that is not over waits for somebody's decision.

A failed one does not where somebody decided just that, where its checkpoint expired, or where the plan that stands has
it no longer: its failure is nobody's to mend.
"""

LONGEST_REASON = 500
"""Characters of what went wrong within a question."""

MOST_CARRIED = 40_000
"""Bytes of guidance, as JSON, that a try is given: an event and an environment hold it. The newest goes first."""

_ANSWERS: Mapping[TaskStatus, CheckpointAnswer] = {
    "ready": "retry",
    "blocked": "retry",
    "skipped": "skip",
    "failed": "fail",
}
_ASKED: Mapping[CheckpointKind, str] = {
    "repeat": "may have had its effect, and may not repeat it unasked. {why} "
    "Run it again (retry), go on without it (skip), or end it (fail)?",
    "exhausted": "has failed and is not tried again by itself. {why} "
    "Try it again (retry), go on without it (skip), or leave it failed (fail)?",
}


@dataclass(frozen=True, slots=True)
class Checkpoint:
    id: CheckpointId
    workspace_id: WorkspaceId
    project_id: ProjectId
    run_id: RunId
    task_id: TaskId
    attempt: int
    """The number of the task's last try."""
    kind: CheckpointKind
    question: str
    choices: tuple[CheckpointAnswer, ...]
    raised_at: datetime
    escalates_at: datetime | None
    """None: it is not asked again."""
    expires_at: datetime | None
    """None: it stays open until somebody answers."""
    escalated_at: datetime | None = None
    status: CheckpointStatus = "open"
    answer: CheckpointAnswer | None = None
    answered_by: str | None = None
    answered_at: datetime | None = None
    """When it was resolved, by whatever."""
    guidance: str = ""
    inputs: Mapping[str, Sha256] | None = None
    """What was put in the place of input files, {path: content}."""
    asks: Asked | None = None
    """What an agent's attempt waits for, where it is that."""
    said: str = ""
    """The text that answers a question."""
    sequence: int = 1

    @property
    def due_at(self) -> datetime | None:
        """When time does something to it next."""
        asked_again = None if self.escalated_at else self.escalates_at
        return min((at for at in (asked_again, self.expires_at, self.renews_at) if at is not None), default=None)

    @property
    def renews_at(self) -> datetime | None:
        """When what it waits for comes by itself: the budget's next day or month."""
        return self.asks.renews_at if isinstance(self.asks, BudgetMet) else None

    def renewed(self, now: datetime) -> bool:
        return self.renews_at is not None and self.renews_at <= now

    def expired(self, now: datetime) -> bool:
        return self.expires_at is not None and self.expires_at <= now


def after_hours(since: datetime, hours: float) -> datetime | None:
    """0 hours: never."""
    return since + timedelta(hours=hours) if hours else None


def question(task: Task, kind: CheckpointKind, failure: Mapping[str, Any] | None, cause: str) -> str:
    """In sentences for one who knows nothing of the run. `failure` is the last one told of, maybe of an earlier try."""
    if failure and failure["attempt"] == task.attempts:
        why = f"Attempt {task.attempts} {_FAILED.get(failure['class'], 'failed')}. {sentence(failure['reason'])}"
    else:
        why = f"Attempt {task.attempts} has no end that is known. {sentence(cause)}"
    return f"{task.title} ({task.key}) {_ASKED[kind].format(why=why)}"


_FAILED: Mapping[str, str] = {
    "transient": "was the last one allowed",
    "permanent": "failed for good",
    "timeout": "was stopped at its time limit",
    "policy": "was refused by the policy",
    "lost": "was lost",
    "cancelled": "was stopped",
    "gaps": "left gaps",
    "budget": "was not to cost more",
}


def sentence(text: str) -> str:
    text = " ".join(text.split()).rstrip(".")
    text = text if len(text) < LONGEST_REASON else text[: LONGEST_REASON - 1] + "…"
    return f"{text[:1].upper()}{text[1:]}{'' if text.endswith(('?', '!', '…')) else '.'}"


def answer_by(after: TaskStatus) -> CheckpointAnswer | None:
    """What somebody has answered who makes that of the task by another command; None where that decides nothing."""
    return _ANSWERS.get(after)


def carried(guidance: Iterable[str]) -> tuple[str, ...]:
    """The newest of these, in their order, as many as a try can be given."""
    kept: list[str] = []
    weight = 0
    for text in reversed([each for each in guidance if each]):
        weight += len(json.dumps(text, ensure_ascii=False).encode()) + 2
        if weight > MOST_CARRIED:
            break
        kept.insert(0, text)
    return tuple(kept)


File = TypeVar("File", bound=Input)
Edit = tuple[str, Sha256, Sha256]
"""A path, the content that the plan or a predecessor gives, and what further tries find in its place."""


def edited(inputs: Iterable[File], edits: Iterable[Edit]) -> tuple[File, ...]:
    """An edit holds as long as the file is the one that it was made for: a newer plan's content goes before it."""
    places = {(path, before): after for path, before, after in edits}
    return tuple(
        i.model_copy(update={"sha256": places[i.path, i.sha256]}) if (i.path, i.sha256) in places else i for i in inputs
    )


def with_edits(edits: Iterable[Edit], inputs: Iterable[Input], wanted: Mapping[str, Sha256]) -> tuple[Edit, ...]:
    """The edits once `wanted` {path: content} is among them. Raises UnknownInput for a path that is no input."""
    given = {each.path: each.sha256 for each in inputs}
    if unknown := sorted(wanted.keys() - given.keys()):
        there = f"its inputs are {', '.join(sorted(given))}" if given else "it has no inputs"
        raise UnknownInput(", ".join(unknown), there)
    kept = [edit for edit in edits if edit[0] not in wanted]
    return (*kept, *((path, given[path], content) for path, content in wanted.items()))
