"""Why a task is where it is: what it waits for, in words."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from orchestra.contracts.ids import CheckpointId
from orchestra.contracts.scheduling import RunStatus
from orchestra.contracts.suspensions import (
    ApprovalNeeded,
    BudgetMet,
    ProviderAway,
    QuestionAsked,
    VerificationNeeded,
)
from orchestra.scheduler.domain.people.member import Member, Need, may_take
from orchestra.scheduler.domain.work.dependency import Gate
from orchestra.scheduler.domain.work.limits import Allowance
from orchestra.scheduler.domain.work.run import Run
from orchestra.scheduler.domain.work.status import RUN_OVER, TERMINAL
from orchestra.scheduler.domain.work.task import Task, need_of_pool

WaitKind = Literal[
    "run",
    "pause",
    "predecessor",
    "lag",
    "member",
    "slot",
    "limit",
    "rate",
    "mutex",
    "person",
    "retry",
    "provider",
    "attempt",
    "checkpoint",
    "start",
    "timer",
]


@dataclass(frozen=True)
class Wait:
    kind: WaitKind
    id: str
    text: str


@dataclass(frozen=True)
class Explanation:
    sentence: str
    waits_for: tuple[Wait, ...]


_STOPPED: dict[RunStatus, str] = {
    "cancelled": "the run was cancelled",
    "accepted": "the run has not begun",
    "paused": "the run is paused",
}


def explain(
    task: Task,
    run: Run | None,
    gates: Sequence[Gate],
    members: Sequence[Member],
    now: datetime,
    allowances: Sequence[Allowance] = (),
    checkpoint_id: CheckpointId | None = None,
) -> Explanation:
    """What stands between the task and its end, the nearest first.

    `allowances` are what limits and mutexes let out now; `checkpoint_id` is the open one.
    """
    waits = (*_pause(task), *_waits(task, run, gates, members, allowances, now), *_checkpoint(checkpoint_id))
    told = [*(wait.text for wait in waits), *_deadline(task, now), *_origin(task)]
    if not told:
        return Explanation(f"{task.key} is {task.status}.", ())
    return Explanation(f"{task.key} is {task.status}: {'; '.join(told)}.", waits)


def _origin(task: Task) -> list[str]:
    return [f"it is adopted from {task.adopted_from}"] if task.adopted_from else []


def _deadline(task: Task, now: datetime) -> list[str]:
    by = task.expires_at or task.deadline
    if by is None or (task.status in TERMINAL and task.status != "failed"):
        return []
    if task.late(now):
        return [f"it is late, its deadline was {_moment(by)}"]
    return [f"its deadline {'was' if by <= now else 'is'} {_moment(by)}"]


def _moment(instant: datetime) -> str:
    return f"{instant:%Y-%m-%d %H:%M:%S}".removesuffix(":00") + " UTC"


def _pause(task: Task) -> list[Wait]:
    if task.paused_by is None or task.status in TERMINAL:
        return []
    if task.status == "running" and task.is_timer:
        return [Wait("pause", task.id, f"{task.paused_by} has paused it, and it does not end before it is resumed")]
    # What has begun goes on to its end: only a further try would wait.
    then = "" if task.status in ("blocked", "ready") else ", and nothing more of it is started"
    return [Wait("pause", task.id, f"{task.paused_by} has paused it{then}")]


def _checkpoint(checkpoint_id: CheckpointId | None) -> list[Wait]:
    if checkpoint_id is None:
        return []
    return [Wait("checkpoint", checkpoint_id, f"its checkpoint {checkpoint_id} is open")]


def _waits(
    task: Task,
    run: Run | None,
    gates: Sequence[Gate],
    members: Sequence[Member],
    allowances: Sequence[Allowance],
    now: datetime,
) -> list[Wait]:
    names = {member.id: member.name for member in members}
    assignee = names.get(task.assignee or "", "its member")
    match task.status:
        case "blocked":
            return [_wait(gate) for gate in gates if not gate.edge.before_end and gate.closed(now)]
        case "ready":
            return _ready(task, run, members, names, allowances, now)
        case "queued":
            return [Wait("slot", task.assignee or "", f"{assignee} has it and starts it when a slot is free")]
        case "running":
            return _running(task, run, assignee)
        case "assigned":
            return [Wait("person", task.assignee or "", f"{assignee} has it and has not said that it is done")]
        case "in_review":
            return [_wait(gate) for gate in gates if gate.edge.before_end and gate.closed(now)]
        case "waiting":
            return [Wait("person", "", _asked(task))]
        case "failed" | "cancelled" if run is None or run.status not in RUN_OVER:
            return [Wait("person", "", "say whether it is tried again (retry) or done without (skip)")]
        case _:
            return []


def _asked(task: Task) -> str:
    match task.asks:
        case None:
            return "its command may have had its effect: say whether it may run again, or fail it"
        case QuestionAsked():
            return "its agent asks something: answer it, skip the task or fail it"
        case ApprovalNeeded(tool=tool):
            return f"its agent may use {tool} only if a person allows it: approve or reject that, or fail the task"
        case BudgetMet(scope=scope):
            return f"it has met a budget ({scope.replace('_', ' of the ')}): it goes on when that is raised"
        case VerificationNeeded():
            return "a person must say whether it is done: accept it, have it tried again, skip or fail it"


def _running(task: Task, run: Run | None, assignee: str) -> list[Wait]:
    if task.ends_at is not None and task.is_timer:
        held = [Wait("run", run.id, "the run is paused")] if run is not None and run.status == "paused" else []
        return [*held, Wait("timer", task.id, f"it waits until {_moment(task.ends_at)}")]
    if task.command is None:
        return [Wait("person", task.assignee or "", f"{assignee} is at it")]
    return [Wait("attempt", task.attempt_id or "", f"{assignee} is at it (attempt {task.attempts})")]


def _wait(gate: Gate) -> Wait:
    edge, other = gate.edge, gate.predecessor
    if edge.plain:
        return Wait("predecessor", other.id, f"it comes after {other.key}, which is {other.status}")
    held = "its work is done, and its end" if edge.before_end else "its start"
    what = f"{other.key} has {'started' if edge.after_start else 'ended'}"
    lag = f"{edge.lag_text} after " if edge.lag else ""
    if not edge.reached(other.status) or gate.opens_at is None:
        text = f"{held} waits until {lag}{what} ({edge.kind}); {other.key} is {other.status}"
        return Wait("predecessor", other.id, text)
    return Wait("lag", other.id, f"{held} waits until {lag}{what} ({edge.kind}), {gate.opens_at:%Y-%m-%d %H:%M} UTC")


def _ready(
    task: Task,
    run: Run | None,
    members: Sequence[Member],
    names: dict[str, str],
    allowances: Sequence[Allowance],
    now: datetime,
) -> list[Wait]:
    if run is None:
        return [Wait("run", task.plan_id, "no run of its plan was started")]
    if run.status == "accepted" and run.start_at is not None and run.early(now):
        return [Wait("run", run.id, f"the run begins at {_moment(run.start_at)}")]
    if run.status in _STOPPED:
        return [Wait("run", run.id, _STOPPED[run.status])]
    need = need_of_pool(task.pool)
    if not task.is_timer and not any(may_take(member, need) for member in members):
        return [_nobody(need, members)]
    if task.not_before is not None and task.not_before == task.start_at and task.not_before > now:
        return [Wait("start", task.id, f"it is not begun before {_moment(task.not_before)}")]
    if task.is_timer:
        return [Wait("timer", task.id, "it begins to count now")]
    if task.not_before is not None and task.not_before > now:
        return [_next_try(task, task.not_before)]
    if need.command:
        slot = Wait("slot", "", "all slots of the agents that can take it are taken")
        return _limits(task, run, allowances) or [slot]
    return [_persons(task, names)]


def _nobody(need: Need, members: Sequence[Member]) -> Wait:
    """Of the team can take it."""
    if need.agent and not any(member.agent for member in members):
        return Wait("member", "", "no member does agent work: the team needs one of kind agent that names an agent")
    tools = f" with {', '.join(sorted(need.tools))}" if need.tools else ""
    who = "agent" if need.command else "person"
    return Wait("member", "", f"no {who} of the team can take the role {need.role or 'any'}{tools}")


def _next_try(task: Task, at: datetime) -> Wait:
    if isinstance(away := task.waits_for, ProviderAway):
        why = f" ({away.reason})" if away.reason else ""
        return Wait("provider", away.name, f"{away.name} is away{why}; its next try is due at {at:%H:%M:%S} UTC")
    return Wait("retry", task.id, f"its next try is due at {at:%H:%M:%S} UTC")


def _persons(task: Task, names: dict[str, str]) -> Wait:
    if task.planned_member is None:
        return Wait("person", "", "the schedule has not given it to anyone yet")
    who = names.get(task.planned_member, "its member")
    return Wait("person", task.planned_member, f"{who} will take it and has another task in hand")


def _limits(task: Task, run: Run, allowances: Sequence[Allowance]) -> list[Wait]:
    covering = [each for each in allowances if each.covers(task.pool)]
    used_up = [Wait(each.kind, each.name, each.text) for each in covering if each.left <= 0]
    if not used_up and covering and run.waits_since is not None:
        return [Wait("limit", "", "another project of the workspace goes first")]
    return used_up
