"""Everything that is wrong with a plan, at once. Pointers are into the request (`/tasks/3/after/0`)."""

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from math import isfinite

from orchestra.contracts.planning import AfterRequest, DependencyKind, Fault, TaskRequest
from orchestra.planner.domain.after import done_before, name_of, names
from orchestra.planner.domain.check_agents import check_agent
from orchestra.planner.domain.check_commands import DIGEST_BYTES, check_command, check_files, makes, weight
from orchestra.planner.domain.check_times import MAX_MINUTES, check_times
from orchestra.planner.domain.cycles import find_cycles
from orchestra.planner.domain.plan import Plan

MAX_TASKS = 100_000
MAX_TASK_BYTES = 150_000
"""What one task may weigh, so that it fits in one part of an event."""
MAX_POINTS = 10_000
MAX_PRIORITY = 10_080
"""A week of waiting, in minutes."""

_ID = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")


def check(plan: Plan) -> tuple[Fault, ...]:
    """The faults in plan order, cycles last; empty: the plan may be proposed."""
    if not plan.tasks:
        return (_fault("/tasks", "no-tasks", "The plan has no task."),)
    if len(plan.tasks) > MAX_TASKS:
        detail = f"The plan has {len(plan.tasks):,} tasks; {MAX_TASKS:,} are allowed."
        return (_fault("/tasks", "too-many-tasks", detail),)
    first: dict[str, int] = {}
    for at, task in enumerate(plan.tasks):
        first.setdefault(task.id, at)
    makers = {task.id: task for task in map(plan.tasks.__getitem__, first.values()) if makes(task)}
    return (
        *check_files(plan.files),
        *chain.from_iterable(_check_task(plan, at, first, makers) for at in range(len(plan.tasks))),
        *_check_cycles(plan.tasks, first),
    )


def _check_task(plan: Plan, at: int, first: Mapping[str, int], makers: Mapping[str, TaskRequest]) -> Iterator[Fault]:
    task, here = plan.tasks[at], f"/tasks/{at}"
    if not _ID.fullmatch(task.id):
        detail = f"{task.id!r} is not 1 to 64 of a-z 0-9 . _ - with a letter or digit first."
        yield _fault(f"{here}/id", "bad-id", detail)
    if first[task.id] != at:
        yield _fault(f"{here}/id", "duplicate-id", f"{task.id} is already the id of /tasks/{first[task.id]}.")
    if not task.title.strip():
        yield _fault(f"{here}/title", "no-title", f"{task.id} has no title.")
    if _holds_nul(task):
        yield _fault(here, "bad-text", f"{task.id} has a NUL character in its text.")
    if _too_large(task):
        yield _fault(here, "too-large", f"{task.id} takes more than {MAX_TASK_BYTES:,} bytes.")
    for n, requirement_id in enumerate(task.covers):
        if requirement_id not in plan.coverage:
            yield _fault(f"{here}/covers/{n}", "unknown-requirement", f"There is no requirement {requirement_id}.")
    yield from _check_after(task, f"{here}/after", first)
    yield from _check_estimate(task, here)
    if abs(task.priority) > MAX_PRIORITY:
        detail = f"A priority of {task.priority:,} is beyond {MAX_PRIORITY:,}: a point is worth a minute of waiting."
        yield _fault(f"{here}/priority", "out-of-range", detail)
    yield from check_times(task, here)
    if task.work is not None:
        yield from _check_work(plan, task, here, done_before(task, makers))


def _check_work(plan: Plan, task: TaskRequest, here: str, before: Mapping[str, TaskRequest]) -> Iterator[Fault]:
    if task.command is not None:
        yield from check_command(task.command, f"{here}/command", before, plan.files)
    if task.agent is not None:
        yield from check_agent(task, f"{here}/agent", before, plan.files, plan.covered_by(task))


def _holds_nul(task: TaskRequest) -> bool:
    return "\0" in task.title or "\0" in (task.role or "") or any("\0" in text for text in task.criteria)


def _too_large(task: TaskRequest) -> bool:
    return (task.agent is not None or _bound(task) > MAX_TASK_BYTES) and weight(task) > MAX_TASK_BYTES


def _bound(task: TaskRequest) -> int:
    """At least its weight, and quickly found: a character takes up to six bytes, a text that is empty some."""
    texts = [task.id, task.title, task.role or "", *task.covers, *task.criteria, *map(name_of, task.after)]
    if (command := task.command) is not None:
        texts += (*command.argv, *command.tools, *command.inputs, *command.outputs, *command.hosts, *command.mutexes)
        texts += command.fail_on.output
        texts += [_NUMBER] * len(command.fail_on.exit) + [_DIGEST] * len(command.inputs)
    return _FIELDS + 6 * sum(map(len, texts)) + _AROUND * len(texts)


_FIELDS = 2_000
"""Bytes of all names and numbers of a task and its command, and more."""
_AROUND = 100
"""Of what stands around a text: marks, and the terms of a dependency."""
_NUMBER = "0" * 20
_DIGEST = "0" * DIGEST_BYTES


def _check_after(task: TaskRequest, here: str, tasks: Mapping[str, int]) -> Iterator[Fault]:
    seen: set[tuple[str, DependencyKind]] = set()
    for n, link in enumerate(task.after):
        name, kind = (link, "FS") if isinstance(link, str) else (link.task, link.kind)
        if name == task.id:
            yield _fault(f"{here}/{n}", "self-dependency", f"{name} cannot come after itself.")
        elif name not in tasks:
            yield _fault(f"{here}/{n}", "unknown-dependency", f"There is no task {name}.")
        elif (name, kind) in seen:
            yield _fault(f"{here}/{n}", "duplicate-dependency", f"{name} is named twice as {kind}.")
        seen.add((name, kind))
        if not isinstance(link, str):
            yield from _check_lag(link, f"{here}/{n}/lag")


def _check_lag(link: AfterRequest, here: str) -> Iterator[Fault]:
    if link.lag_minutes < 0:
        detail = f"A lag of {link.lag_minutes:,} minutes is a lead: nobody knows ahead when {link.task} will have come."
        yield _fault(here, "negative-lag", detail)
    elif link.lag_minutes > MAX_MINUTES:
        yield _fault(here, "out-of-range", f"A lag of {link.lag_minutes:,} minutes is more than {MAX_MINUTES:,}.")


def _check_estimate(task: TaskRequest, here: str) -> Iterator[Fault]:
    if task.points is None and task.minutes is None and task.wait is None:
        yield _fault(here, "no-estimate", f"{task.id} has neither points nor minutes.")
    if task.points is not None and task.minutes is not None:
        yield _fault(here, "both-estimates", f"{task.id} has points and minutes; give one of them.")
    for field, value, most in (("points", task.points, MAX_POINTS), ("minutes", task.minutes, MAX_MINUTES)):
        if value is None:
            continue
        if not isfinite(value):
            yield _fault(f"{here}/{field}", "not-finite", f"{value} {field} is no estimate.")
        elif value <= 0:
            yield _fault(f"{here}/{field}", "not-positive", f"{value:g} {field} is no estimate: it must be above 0.")
        elif value > most:
            yield _fault(f"{here}/{field}", "out-of-range", f"{value:g} {field} is more than {most:,}.")


def _check_cycles(tasks: Sequence[TaskRequest], first: Mapping[str, int]) -> Iterator[Fault]:
    named = {name: names(tasks[at]) for name, at in first.items()}
    # Where each comes after earlier ones alone there is no cycle, and most plans are written so.
    if all(first.get(other, -1) < first[name] for name, others in named.items() for other in others):
        return
    after = {name: [other for other in others if other != name] for name, others in named.items()}
    for cycle in find_cycles(after):
        place = named[cycle.successor].index(cycle.predecessor)
        pointer = f"/tasks/{first[cycle.successor]}/after/{place}"
        yield _fault(pointer, "cycle", f"The tasks wait for each other: {cycle}.")


def _fault(pointer: str, code: str, detail: str) -> Fault:
    return Fault(pointer=pointer, code=code, detail=detail)
