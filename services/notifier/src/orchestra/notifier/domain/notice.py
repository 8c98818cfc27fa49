"""What can be heard: notices, made from events."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from orchestra.contracts.budgets import BudgetExhausted, BudgetRaised, BudgetWarned
from orchestra.contracts.checkpoints import CheckpointRaised, CheckpointResolved
from orchestra.contracts.ids import WorkspaceId
from orchestra.contracts.scheduling import RunChanged, RunStatus, TaskChange, TasksChanged, TaskStatus

NoticeKind = Literal[
    "run.finished",
    "task.failed",
    "task.waiting",
    "checkpoint.raised",
    "checkpoint.escalated",
    "checkpoint.resolved",
    "budget.warned",
    "budget.exhausted",
    "budget.raised",
]
"""What one can ask to hear."""

TestKind = Literal["test"]
"""What somebody had sent, to see whether it arrives."""

ENDED: frozenset[RunStatus] = frozenset({"finished", "failed", "cancelled"})
"""All three are told as `run.finished`; the status is in the notice."""

OF_TASK: Mapping[TaskStatus, NoticeKind] = {
    "failed": "task.failed",
    "waiting": "task.waiting",
    "assigned": "task.waiting",
}
"""A task waits for a person when it waits for a decision, and when it is assigned to one."""

LONGEST_TEXT = 500
"""Characters of a text that people wrote; so a body stays far under the 20 kB of Standard Webhooks."""

LONGEST_QUESTION = 1000
"""Characters of a question: what can be answered stands at its end."""


@dataclass(frozen=True)
class Notice:
    """One thing to tell. `fact` names it once and for all: whoever has heard it is not told again."""

    workspace_id: WorkspaceId
    kind: NoticeKind | TestKind
    fact: str
    at: datetime
    """When it happened."""
    details: Mapping[str, Any]

    @property
    def body(self) -> str:
        """The thin JSON body `{type, timestamp, data}`."""
        timestamp = self.at.astimezone(UTC).isoformat().replace("+00:00", "Z")
        content = {"type": self.kind, "timestamp": timestamp, "data": self.details}
        return json.dumps(content, ensure_ascii=False, separators=(",", ":"))


def of_run(event: RunChanged, at: datetime) -> list[Notice]:
    """The end of a run, once for each epoch: a run that was reopened may end again."""
    if event.status not in ENDED:
        return []
    details = {
        "workspace_id": event.workspace_id,
        "project_id": event.project_id,
        "run_id": event.run_id,
        "plan_id": event.plan_id,
        "status": event.status,
        "epoch": event.epoch,
        "totals": event.totals,
        "cause": _short(event.cause),
    }
    return [Notice(event.workspace_id, "run.finished", f"{event.run_id}:{event.epoch}", at, details)]


def of_test(workspace_id: WorkspaceId, test_id: str, at: datetime) -> Notice:
    return Notice(workspace_id, "test", test_id, at, {"workspace_id": workspace_id})


def of_tasks(event: TasksChanged) -> list[Notice]:
    """The failures and the waits for a person among the changes."""
    return [
        Notice(
            event.workspace_id,
            OF_TASK[change.after],
            f"{change.task_id}:{change.after}:{change.at.astimezone(UTC).isoformat()}",
            change.at,
            _details(event, change),
        )
        for change in event.changes
        if change.after in OF_TASK and change.before != change.after
    ]


def of_checkpoint(event: CheckpointRaised | CheckpointResolved, at: datetime) -> list[Notice]:
    """That a person owes a decision, once more where nobody has answered for long, and what became of it."""
    details: dict[str, Any] = {
        "workspace_id": event.workspace_id,
        "project_id": event.project_id,
        "run_id": event.run_id,
        "task_id": event.task_id,
        "checkpoint_id": event.checkpoint_id,
        "key": _short(event.key),
        "title": _short(event.title),
        "about": event.about,
        "attempt": event.attempt,
    }
    if isinstance(event, CheckpointResolved):
        details |= {"status": event.status, "answer": event.answer, "by": event.by}
        details |= {"guidance": _short(event.guidance), "cause": _short(event.cause), "text": _short(event.text)}
        return [Notice(event.workspace_id, "checkpoint.resolved", event.checkpoint_id, at, details)]
    details |= {"status": "open", "question": _short(event.question, LONGEST_QUESTION), "choices": event.choices}
    details["expires_at"] = event.expires_at.isoformat() if event.expires_at else None
    kind: NoticeKind = "checkpoint.escalated" if event.escalated else "checkpoint.raised"
    return [Notice(event.workspace_id, kind, event.checkpoint_id, at, details)]


def of_budget(event: BudgetWarned | BudgetExhausted | BudgetRaised, fact: str) -> list[Notice]:
    """That most of a limit is used, that something was refused, or that there is more; each event once."""
    details: dict[str, Any] = {
        "workspace_id": event.workspace_id,
        "project_id": event.project_id,
        "run_id": event.run_id,
        "task_id": event.task_id,
        "scope": event.scope,
        "name": event.name,
        "period": event.period,
        "unit": event.unit,
        "limit": event.limit,
        "settled": event.settled,
        "held": event.held,
    }
    match event:
        case BudgetWarned():
            kind: NoticeKind = "budget.warned"
        case BudgetExhausted():
            kind, details = "budget.exhausted", {**details, "asked": event.asked}
        case BudgetRaised():
            kind, details = "budget.raised", {**details, "before": event.before, "by": event.by}
    return [Notice(event.workspace_id, kind, fact, event.at, details)]


def _details(event: TasksChanged, change: TaskChange) -> dict[str, Any]:
    return {
        "workspace_id": event.workspace_id,
        "project_id": event.project_id,
        "run_id": event.run_id,
        "task_id": change.task_id,
        "key": _short(change.key),
        "title": _short(change.title),
        "status": change.after,
        "attempt": change.attempt,
        "assignee": change.assignee,
        "cause": _short(change.cause),
    }


def _short(text: str, most: int = LONGEST_TEXT) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"
