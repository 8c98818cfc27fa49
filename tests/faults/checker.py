"""The judge: reads only databases, the broker, the artifact store and what is left on the machine, and says what is not
as it must be.

`settled` waits for what time brings by itself, `violations` are what no time mends, and `outline` is what a run with
faults must have in common with a clean one.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from tests.faults.forms import LONGEST_S
from tests.faults.remains import Queue, expected_queues, queues_of, remains_of
from tests.system import SERVICES, System, eventually

from orchestra.chassis.messaging.message import CloudEvent, decode
from orchestra.contracts.catalog import BY_KIND
from orchestra.scheduler.domain.timeline.schedule import calculate
from orchestra.scheduler.domain.work.status import RUN_TERMINAL, TASK_MOVES, TIMER_MOVES

Rows = Sequence[Mapping[str, Any]]

MONDAY = datetime(2030, 1, 7, 9, tzinfo=UTC)
"""When schedules are compared, whatever the clock said when the runs were made."""

LEASES = {"lease": "leased_until", "claim": "claimed_until"}
"""Columns of a holder and of the end of its lease, whichever table they are in. That of an attempt ends with it."""

SENT_AGAIN = "task.dispatched.v1"
"""The one event that may be said twice: when nobody was heard of it for a minute."""


@dataclass(frozen=True)
class Said:
    """An event in an outbox."""

    service: str
    cloud: CloudEvent
    sent: bool

    @property
    def kind(self) -> str:
        return self.cloud.type.removeprefix("orchestra.")


@dataclass(frozen=True)
class Record:
    """All tables of all services, and what of them concerns one run."""

    tables: Mapping[tuple[str, str], Rows]
    said: Sequence[Said]
    run: Mapping[str, Any]
    stored: Mapping[str, str]
    """{name in the artifact store: SHA-256 of the content}"""
    queues: Mapping[str, Queue]
    """Empty where there is no broker."""
    remains: Sequence[str]
    """Of attempts, on the machine."""
    at: datetime
    """When it was read."""

    def of_run(self, name: str, table: str) -> Rows:
        return [row for row in self.tables[name, table] if row["run_id"] == self.run["id"]]

    def of_project(self, kind: str) -> list[dict[str, Any]]:
        mine = [said.cloud.data for said in self.said if said.kind == kind]
        return [fact for fact in mine if fact["project_id"] == self.run["project_id"]]


async def read(system: System, run_id: str) -> Record:
    tables = {(name, table): rows for name in SERVICES for table, rows in (await system.contents(name)).items()}
    said = [
        Said(name, envelope.cloud, row["sent_at"] is not None)
        for name in SERVICES
        for row in tables[name, "outbox"]
        for envelope in decode(row["body"])
    ]
    [run] = [row for row in tables["scheduler", "run"] if row["id"] == run_id]
    files = system.artifacts.glob("[0-9a-f][0-9a-f]/*")
    stored = {path.parent.name + path.name: sha256(path.read_bytes()).hexdigest() for path in files}
    return Record(tables, said, run, stored, await queues_of(system), remains_of(system), datetime.now(UTC))


def unsettled(record: Record) -> list[str]:
    """What is still on its way."""
    found = [f"{said.kind} {said.cloud.id} of the {said.service} was not sent" for said in record.said if not said.sent]
    marks = handled(record) | buried(record)
    found += [f"the {consumer} has not handled {event_id}" for consumer, event_id in due(record) - marks]
    for name in SERVICES:
        found += [f"the {name} will retry {row['event_id']}" for row in record.tables[name, "retry"]]
    found += [f"a change of {row['run_id']} was not told" for row in record.tables["scheduler", "task_change"]]
    for name in expected_queues() if record.queues else ():
        queue = record.queues.get(name, Queue(0, 0))
        found += [f"the queue {name} has no consumer"] if not queue.consumers else []
        found += [f"{queue.messages} messages wait in {name}"] if queue.messages else []
    found += record.remains
    projects = record.tables["scheduler", "project"]
    return found + [f"the schedule of {row['id']} is not current" for row in projects if row["stale_cause"]]


def due(record: Record) -> set[tuple[str, str]]:
    """Who must hear of which event."""
    return {(consumer, said.cloud.id) for said in record.said for consumer in BY_KIND[said.kind].consumers}


def handled(record: Record) -> set[tuple[str, str]]:
    return {(name, row["event_id"]) for name in SERVICES for row in record.tables[name, "inbox"]}


def buried(record: Record) -> set[tuple[str, str]]:
    return {(name, row["event_id"]) for name in SERVICES for row in record.tables[name, "dead_letter"]}


def violations(record: Record) -> list[str]:
    """Everything that must not be, at the end of a run of which all was to be done."""
    checks = (_tasks, _attempts, _successes, _run, _effects, _leftovers, _leases, _ghosts, _sequences, _moves, _feed)
    return [finding for check in checks for finding in check(record)]


def _tasks(record: Record) -> Iterator[str]:
    """Nothing is lost, nothing is done twice."""
    approved = {
        row["task_id"] for row in record.tables["planner", "plan_task"] if row["plan_id"] == record.run["plan_id"]
    }
    if differing := approved ^ {task["id"] for task in record.of_run("scheduler", "task")}:
        yield f"the plan and the run differ in {differing}"
    completions = Counter(fact["task_id"] for fact in record.of_project("task.completed.v1"))
    for task in record.of_run("scheduler", "task"):
        if task["status"] != "done":
            yield f"{task['key']} is {task['status']}"
        if completions[task["id"]] != (0 if task["adopted_from"] else 1):
            yield f"{task['key']} was completed {completions[task['id']]} times"


def _attempts(record: Record) -> Iterator[str]:
    """Every dispatch came to one attempt, every attempt to one outcome."""
    dispatches = {row["attempt_id"]: row for row in record.of_run("scheduler", "dispatch")}
    attempts = {row["id"]: row for row in record.of_run("executor", "attempt")}
    if dispatches.keys() != attempts.keys():
        yield f"dispatched and attempted differ in {dispatches.keys() ^ attempts.keys()}"
    outcomes = Counter(
        fact["attempt_id"] for kind in ("attempt.succeeded.v1", "attempt.failed.v1") for fact in record.of_project(kind)
    )
    for attempt_id, attempt in attempts.items():
        if attempt["status"] not in ("succeeded", "failed") or outcomes[attempt_id] != 1:
            yield f"{attempt_id} is {attempt['status']} and has {outcomes[attempt_id]} outcomes"
        if attempt["status"] == "failed" and attempt["failure"] != "lost":
            yield f"{attempt_id} failed: {attempt['failure']}, {attempt['reason']}"
    for attempt_id, dispatch in dispatches.items():
        if dispatch["status"] != "ended":
            yield f"the dispatch {attempt_id} is {dispatch['status']}"


def _successes(record: Record) -> Iterator[str]:
    """Every command came to one success; what a fork adopted was not executed in it."""
    tries: defaultdict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for row in sorted(record.of_run("executor", "attempt"), key=lambda row: row["number"]):
        tries[row["task_id"]].append(row)
    for task in record.of_run("scheduler", "task"):
        mine = tries[task["id"]]
        if [row["number"] for row in mine] != list(range(1, len(mine) + 1)):
            yield f"{task['key']} has the attempts {[row['number'] for row in mine]}"
        executed = task["command"] and not task["adopted_from"]
        if [row["status"] for row in mine] != (["failed"] * (len(mine) - 1) + ["succeeded"] if executed else []):
            yield f"the attempts of {task['key']} came to {[row['status'] for row in mine]}"


def _run(record: Record) -> Iterator[str]:
    """One end for each epoch, every change counted."""
    changes = [fact for fact in record.of_project("run.changed.v1") if fact["run_id"] == record.run["id"]]
    if [change["sequence"] for change in changes] != list(range(1, len(changes) + 1)):
        yield f"the run was told of as {[change['sequence'] for change in changes]}"
    ends = Counter(change["epoch"] for change in changes if change["status"] in RUN_TERMINAL)
    if ends != Counter(range(1, record.run["epoch"] + 1)):
        yield f"ends by epoch: {dict(ends)}"


def _effects(record: Record) -> Iterator[str]:
    """What tasks put out is in the store, whole and under its own name."""
    for name, found in record.stored.items():
        if name != found:
            yield f"the artifact {name} holds {found}"
    for task in record.of_run("scheduler", "task"):
        wanted = task["command"]["outputs"] if task["command"] else []
        outputs = {output["path"]: output["sha256"] for output in task["outputs"] or ()}
        if list(outputs) != wanted:
            yield f"{task['key']} put out {list(outputs)}"
        if absent := outputs.values() - record.stored.keys():
            yield f"of what {task['key']} put out {absent} is not stored"


def _leftovers(record: Record) -> Iterator[str]:
    """No lease, no claim, no half-received event, no dead letter."""
    for attempt in record.tables["executor", "attempt"]:
        if attempt["status"] in ("queued", "leased", "running"):
            yield f"{attempt['id']} is {attempt['status']}"
    for name in SERVICES:
        for row in record.tables[name, "outbox"]:
            if row["claim"] is not None:
                yield f"{row['event_id']} of the {name} is claimed"
        if record.tables[name, "event_part"]:
            yield f"the {name} waits for further parts"
        for row in record.tables[name, "dead_letter"]:
            if record.run["project_id"] in row["body"]:
                yield f"the {name} could not handle {row['event_id']}: {row['reason']}"


def _leases(record: Record) -> Iterator[str]:
    """None that has run out and that nobody took over."""
    for (name, table), found in record.tables.items():
        for holder, until in LEASES.items():
            held = [row[until] for row in found if row.get(holder) is not None]
            yield from (
                f"a lease of the {name}'s {table} ended at {each}" for each in held if each and each < record.at
            )


def _ghosts(record: Record) -> Iterator[str]:
    """Nobody has heard of what nobody committed."""
    for name, event_id in handled(record) - due(record):
        yield f"the {name} handled {event_id}, which nobody has said"


def _sequences(record: Record) -> Iterator[str]:
    """Each publisher counts each subject upwards."""
    last: defaultdict[tuple[str, str, str, int], int] = defaultdict(int)
    for said in record.said:
        sequence = said.cloud.sequence
        key = (said.service, said.kind, said.cloud.subject, said.cloud.data.get("part", 1))
        if sequence and sequence <= last[key] and said.kind != SENT_AGAIN:
            yield f"{key} went from {last[key]} to {sequence}"
        last[key] = max(last[key], sequence)


def _moves(record: Record) -> Iterator[str]:
    """What was told of each task is a path through the table of states, on which it is paused and resumed in turn."""
    stands: dict[str, str] = {}
    paused: defaultdict[str, bool] = defaultdict(bool)
    adopted, timers = (
        {task["id"] for task in record.of_run("scheduler", "task") if task[mark]} for mark in ("adopted_from", "wait")
    )
    for changed in record.of_project("tasks.changed.v1"):
        for change in changed["changes"]:
            task, before, after = change["task_id"], change["before"], change["after"]
            known = after in TASK_MOVES[before]
            known |= task in timers and after in TIMER_MOVES.get(before, ())
            known |= task in adopted and (before, after) == ("blocked", "done")
            known |= before == after and change.get("paused", False) != paused[task]
            paused[task] = change.get("paused", False)
            if before != stands.get(task, before) or not known:
                yield f"{change['key']} was {stands.get(task)}, then moved from {before} to {after}"
            stands[task] = after
    for task in record.of_run("scheduler", "task"):
        if stands.get(task["id"], task["status"]) != task["status"]:
            yield f"{task['key']} is {task['status']}; last told: {stands[task['id']]}"


def _feed(record: Record) -> Iterator[str]:
    """The gateway counts without a gap."""
    for workspace in record.tables["gateway", "workspace"]:
        mine = [row["sequence"] for row in record.tables["gateway", "feed"] if row["workspace_id"] == workspace["id"]]
        if mine != list(range(1, workspace["feed_sequence"] + 1)):
            yield f"the feed of {workspace['id']} has gaps or repetitions"


@dataclass(frozen=True)
class Outline:
    """What does not depend on the clock. By key of the task."""

    statuses: dict[str, str]
    outputs: dict[str, dict[str, str]]
    schedule: list[tuple[Any, ...]]

    def unlike(self, other: "Outline") -> list[str]:
        """Where the two differ, each difference once for either side."""
        mine, theirs = self._entries(), other._entries()
        found = [f"{each} is not in the other" for each in mine if each not in theirs]
        found += [f"{each} is only in the other" for each in theirs if each not in mine]
        return found or ([] if mine == theirs else ["both have the same in another order"])

    def _entries(self) -> list[tuple[Any, ...]]:
        outputs = {key: sorted(found.items()) for key, found in self.outputs.items()}
        return [*sorted(self.statuses.items()), *sorted(outputs.items()), *self.schedule]


async def outline(system: System, run_id: str) -> Outline:
    """With a schedule propagated afresh, from the database as it is, as of a fixed Monday.

    Actual dates are the clock's, so of what is done only the order and the member count; all that is not done has a
    planned start and end, a slack, a cause, and is critical or not. Earlier schedules are left out, since how often
    one was recalculated on the way depends on the clock too.
    """
    tasks = [row for row in await system.rows("scheduler", "task") if row["run_id"] == run_id]
    keys = {row["id"]: row["key"] for row in tasks} | {
        row["id"]: row["key"] for row in await system.rows("scheduler", "member")
    }
    async with system.database("scheduler") as database, database.read() as view:
        project = await view.projects.find(tasks[0]["workspace_id"], tasks[0]["project_id"])
        snapshot = await view.schedules.snapshot(project)
    schedule = calculate(replace(snapshot, as_of=MONDAY, previous=None, previous_version=0))
    placed: list[tuple[Any, ...]] = []
    for each in schedule.placements:
        cause = (each.cause.kind, keys.get(each.cause.task or ""))
        planned = (each.start, each.end, each.slack, each.critical, cause) if each.cause.kind != "done" else ()
        placed.append((keys[each.task], keys[each.member or ""], *planned))
    return Outline(
        statuses={row["key"]: row["status"] for row in tasks},
        outputs={row["key"]: {o["path"]: o["sha256"] for o in row["outputs"] or ()} for row in tasks},
        schedule=[*placed, *((keys[each.task], str(each)) for each in schedule.unplaced)],
    )


async def settled(system: System, run_id: str) -> Record:
    """The record, once nothing is on its way."""
    record: Record | None = None

    async def quiet() -> Record | None:
        nonlocal record
        record = await read(system, run_id)
        return None if unsettled(record) else record

    try:
        found = await eventually(quiet, LONGEST_S)
    except AssertionError:
        raise AssertionError(f"it did not settle: {unsettled(record) if record else None}") from None
    assert found is not None
    return found
