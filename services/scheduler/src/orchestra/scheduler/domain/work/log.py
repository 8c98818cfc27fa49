"""The log of a task: what became of it, who said so, when and why. Nothing in it is ever changed."""

from dataclasses import dataclass
from typing import Literal

from orchestra.contracts.ids import MemberId, ProjectId, RunId, TaskId, WorkspaceId
from orchestra.contracts.scheduling import TaskStatus
from orchestra.scheduler.domain.work.task import Task

LogKind = Literal["assigned", "unassigned", "abandoned", "reported", "adopted", "status"]

_NOBODYS: tuple[TaskStatus, ...] = ("ready", "blocked")


@dataclass(frozen=True)
class LogEntry:
    workspace_id: WorkspaceId
    project_id: ProjectId
    task_id: TaskId
    run_id: RunId | None
    kind: LogKind
    before: TaskStatus
    after: TaskStatus
    member_id: MemberId | None
    """Who has the task then, or has it no more."""
    text: str
    """The reason, or what was reported."""
    percent: int | None = None


def entry_of_move(
    task: Task, after: TaskStatus, cause: str, assignee: MemberId | None, kind: LogKind | None = None
) -> LogEntry:
    """What a move means for the log; `kind` where the move is more than it looks like."""
    holder = None if after in _NOBODYS else assignee
    if kind is None:
        gained, lost = holder not in (None, task.assignee), task.assignee is not None and holder is None
        kind = "assigned" if gained else "unassigned" if lost else "status"
    return LogEntry(
        task.workspace_id,
        task.project_id,
        task.id,
        task.run_id,
        kind,
        task.status,
        after,
        holder or task.assignee,
        cause,
    )
