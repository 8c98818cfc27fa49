"""Why a task is where it is: what it waits for, in words."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from orchestra.contracts.scheduling import RunStatus
from orchestra.scheduler.domain.people.member import Member, may_take
from orchestra.scheduler.domain.work.run import Run
from orchestra.scheduler.domain.work.status import RELEASING
from orchestra.scheduler.domain.work.task import Task, need_of_pool

WaitKind = Literal["run", "predecessor", "member", "slot", "person", "retry", "attempt"]


@dataclass(frozen=True)
class Wait:
    kind: WaitKind
    id: str
    text: str


@dataclass(frozen=True)
class Explanation:
    sentence: str
    waits_for: tuple[Wait, ...]


_STOPPED: dict[RunStatus, str] = {"cancelled": "the run was cancelled", "accepted": "the run has not begun"}


def explain(
    task: Task, run: Run | None, predecessors: Sequence[Task], members: Sequence[Member], now: datetime
) -> Explanation:
    """What stands between the task and its end, the nearest first."""
    waits = tuple(_waits(task, run, predecessors, members, now))
    if not waits:
        return Explanation(f"{task.key} is {task.status}.", ())
    return Explanation(f"{task.key} is {task.status}: {'; '.join(wait.text for wait in waits)}.", waits)


def _waits(
    task: Task, run: Run | None, predecessors: Sequence[Task], members: Sequence[Member], now: datetime
) -> list[Wait]:
    names = {member.id: member.name for member in members}
    assignee = names.get(task.assignee or "", "its member")
    match task.status:
        case "blocked":
            return [
                Wait("predecessor", p.id, f"it comes after {p.key}, which is {p.status}")
                for p in predecessors
                if p.status not in RELEASING
            ]
        case "ready":
            return _ready(task, run, members, names, now)
        case "queued":
            return [Wait("slot", task.assignee or "", f"{assignee} has it and starts it when a slot is free")]
        case "running":
            return [Wait("attempt", task.attempt_id or "", f"{assignee} is at it (attempt {task.attempts})")]
        case "assigned":
            return [Wait("person", task.assignee or "", f"{assignee} has it and has not said that it is done")]
        case "waiting":
            return [Wait("person", "", "its command may have had its effect: say whether it may run again, or fail it")]
        case _:
            return []


def _ready(task: Task, run: Run | None, members: Sequence[Member], names: dict[str, str], now: datetime) -> list[Wait]:
    if run is None:
        return [Wait("run", task.plan_id, "no run of its plan was started")]
    if run.status in _STOPPED:
        return [Wait("run", run.id, _STOPPED[run.status])]
    need = need_of_pool(task.pool)
    if not any(may_take(member, need) for member in members):
        tools = f" with {', '.join(sorted(need.tools))}" if need.tools else ""
        who = "agent" if need.command else "person"
        return [Wait("member", "", f"no {who} of the team can take the role {need.role or 'any'}{tools}")]
    if task.not_before is not None and task.not_before > now:
        return [Wait("retry", task.id, f"its next try is due at {task.not_before:%H:%M:%S} UTC")]
    if need.command:
        return [Wait("slot", "", "all slots of the agents that can take it are taken")]
    if task.planned_member is None:
        return [Wait("person", "", "the schedule has not given it to anyone yet")]
    who = names.get(task.planned_member, "its member")
    return [Wait("person", task.planned_member, f"{who} will take it and has another task in hand")]
