"""Each pair of facts that may reach a service in either order, and what it shows in both: the same.

What is not a pair: the outcomes of one attempt (there is one), and a cancellation with an outcome (whichever comes
first counts, and the other is refused).
"""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.system import service

from orchestra.chassis.http.identity import Caller, TokenSigner, new_private_key
from orchestra.chassis.ids import new_id
from orchestra.chassis.messaging.consume import consume
from orchestra.chassis.messaging.in_process import Exchange, InProcessTransport
from orchestra.chassis.messaging.message import decode, wrap
from orchestra.chassis.runtime import RunningService
from orchestra.chassis.sealing import new_key
from orchestra.contracts import execution, planning, scheduling
from orchestra.contracts.event import Event

HASH = "a" * 64
AT = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)
MINE = {"workspace_id": "wsp_1", "project_id": "prj_1"}


class Desk:
    """One service with a database of its own, and its neighbours played by the test."""

    def __init__(self, running: RunningService, api: httpx.AsyncClient) -> None:
        self.running = running
        self.api = api

    async def play(self, step: "Step") -> None:
        if not isinstance(step, Event):
            await step(self)
            return
        subscription = self.running.service.subscriptions.by_name()[f"{self.running.service.name}:{step.kind}"]
        envelope = wrap(step, event_id=new_id("evt"), source="/test", time=AT)
        await consume(subscription, [envelope], self.running.database)

    async def call(self, method: str, path: str, body: Any = None) -> Any:
        answer = await self.api.request(method, path, json=body)
        assert answer.is_success, answer.text
        return answer.json()

    async def rows(self, table: str) -> list[Any]:
        found = self.running.service.metadata.tables[table]
        async with self.running.database.read() as view:
            return list(await view.connection.execute(found.select().order_by(*found.primary_key.columns)))

    async def published(self, kind: type[Event]) -> list[Any]:
        return [decode(row.body)[0].event for row in await self.rows("outbox") if row.kind == kind.kind]


Step = Event | Callable[[Desk], Awaitable[None]]


@dataclass(frozen=True)
class Pair:
    service: str
    name: str
    said: tuple[Step, Step]
    """In the order in which they happened."""
    shown: Callable[[Desk], Awaitable[Any]]
    then: Any
    """What is shown in the end, whatever came first."""
    before: tuple[Step, ...] = ()


@asynccontextmanager
async def desk(name: str, home: Path) -> AsyncIterator[Desk]:
    private = new_private_key()
    signer = TokenSigner(private)
    told = {
        "database_url": f"sqlite+aiosqlite:///{home / name}.db",
        "internal_public_key": signer.public_key,
        "internal_private_key": private,
        "artifacts_dir": home,
        "workspaces_dir": home,
        "webhook_allowed_networks": "127.0.0.0/8",
        "sealing_keys": new_key(),
    }
    made = service(name)
    # An executor at work would end what the pair is about; the others go by the events alone.
    made = replace(made, wire=None) if name == "executor" else made
    running = RunningService(made, made.settings.model_validate(told), lambda _: InProcessTransport(Exchange()))
    token = signer.sign(Caller("ana", "wsp_1", ("read", "write")), name)
    async with running.running():
        transport = httpx.ASGITransport(app=running.app)
        headers = {"Authorization": f"Bearer {token}"}
        async with httpx.AsyncClient(transport=transport, base_url=f"http://{name}", headers=headers) as api:
            yield Desk(running, api)


# The planner


def requested(part: int, text: str, parts: int = 2) -> planning.PlanRequested:
    return planning.PlanRequested(
        **MINE,
        plan_id="pln_1",
        mode="given",
        project_name="Shop",
        document_name="a.md",
        document=text,
        tasks=(planning.TaskRequest(id=f"t{part}", title="Do it", covers=(f"R{part}",), points=1),),
        requested_by="ana",
        part=part,
        parts=parts,
    )


REQUEST = (requested(1, "- [R1] It must be done.\n"), requested(2, "- [R2] It must be good.\n"))
APPLIED = scheduling.PlanApplied(**MINE, sequence=1, plan_id="pln_1", graph_version=1, tasks=2)
REFUSED = scheduling.PlanRefused(**MINE, sequence=1, plan_id="pln_1", code="cyclic", detail="a → b → a")


async def proposed(at: Desk) -> None:
    while (await at.call("GET", "/plans/pln_1"))["status"] != "proposed":
        await asyncio.sleep(0.02)


async def approve(at: Desk) -> None:
    await at.call("POST", "/plans/pln_1/approve", {"hash": (await at.call("GET", "/plans/pln_1"))["hash"]})


async def complete(at: Desk) -> None:
    """The scheduler says of both tasks that they are done."""
    for task in (await at.call("GET", "/plans/pln_1"))["tasks"]:
        told = {"task_id": task["id"], "plan_id": "pln_1", "run_id": "run_1", "key": task["key"], "covers": ()}
        await at.play(scheduling.TaskCompleted(**MINE, **told, at=AT))


async def plan(at: Desk) -> Any:
    plans = (await at.call("GET", "/projects/prj_1/plans"))["data"]
    requirements = (await at.call("GET", "/projects/prj_1/requirements"))["data"]
    return [p["status"] for p in plans], [(r["ref"], r["satisfied"]) for r in requirements]


PLANNER = [
    Pair("planner", "the parts of a request", REQUEST, plan, (["proposed"], [("R1", False), ("R2", False)])),
    Pair(
        "planner",
        "approved, applied",
        (approve, APPLIED),
        plan,
        (["applied"], [("R1", False), ("R2", False)]),
        before=(*REQUEST, proposed),
    ),
    Pair(
        "planner",
        "approved, refused",
        (approve, REFUSED),
        plan,
        (["refused"], [("R1", False), ("R2", False)]),
        before=(*REQUEST, proposed),
    ),
    Pair(
        "planner",
        "applied, its tasks completed",
        (APPLIED, complete),
        plan,
        (["applied"], [("R1", True), ("R2", True)]),
        before=(*REQUEST, proposed, approve),
    ),
]

# The scheduler


def decomposed(part: int, *keys: str) -> planning.TasksDecomposed:
    command = planning.Command(argv=("true",), tools=("true",))
    tasks = tuple(
        planning.DecomposedTask(id=f"tsk_{key}", key=key, title=key, minutes=1, command=command) for key in keys
    )
    after = tuple(planning.Dependency(predecessor=f"tsk_{a}", successor=f"tsk_{b}") for a, b in pairwise("ab"))
    edges = after if part == 2 else ()
    told = {"plan_id": "pln_1", "version": 1, "hash": HASH, "part": part, "parts": 2}
    return planning.TasksDecomposed(**MINE, sequence=3, **told, tasks=tasks, dependencies=edges)


GRAPH = (decomposed(1, "a"), decomposed(2, "b"))


async def team(at: Desk) -> None:
    machine = {"id": "m", "name": "M", "kind": "agent", "roles": [], "tools": ["true"], "slots": 2}
    await at.call("PUT", "/projects/prj_1/team", {"members": [machine]})


async def start_run(at: Desk) -> None:
    await at.call("POST", "/projects/prj_1/runs", {"plan_id": "pln_1", "hash": HASH})


async def apply_plan(at: Desk) -> None:
    for part in GRAPH:
        await at.play(part)


def reported(what: type[Any], **more: Any) -> Step:
    """The executor says this of the first task's attempt."""

    async def report(at: Desk) -> None:
        dispatch = (await at.published(scheduling.TaskDispatched))[0]
        which = {"task_id": dispatch.task_id, "attempt_id": dispatch.attempt_id, "token": dispatch.token}
        await at.play(what(**MINE, **which, started_at=AT, **more))

    return report


async def work(at: Desk) -> Any:
    tasks = (await at.call("GET", "/projects/prj_1/tasks"))["data"]
    runs = (await at.call("GET", "/runs"))["data"]
    starts = [task["started_at"] is not None for task in tasks]
    return [run["status"] for run in runs], [task["status"] for task in tasks], starts


STARTED = reported(execution.AttemptStarted, sequence=1)
SUCCEEDED = reported(
    execution.AttemptSucceeded,
    sequence=2,
    ended_at=AT + timedelta(seconds=2),
    outputs=(),
    evidence=execution.Evidence(exit_code=0, sandbox_level="L3", duration_ms=2000),
)
FAILED = reported(
    execution.AttemptFailed, sequence=2, ended_at=AT + timedelta(seconds=2), failure="permanent", reason="it broke"
)
AT_WORK = (team, apply_plan, start_run)

SCHEDULER = [
    Pair("scheduler", "the parts of a graph", GRAPH, work, ([], ["ready", "blocked"], [False, False])),
    Pair(
        "scheduler",
        "the graph applied, its run started",
        (apply_plan, start_run),
        work,
        (["running"], ["queued", "blocked"], [False, False]),
        before=(team,),
    ),
    Pair(
        "scheduler",
        "an attempt started, succeeded",
        (STARTED, SUCCEEDED),
        work,
        (["running"], ["done", "queued"], [True, False]),
        before=AT_WORK,
    ),
    Pair(
        "scheduler",
        "an attempt started, failed",
        (STARTED, FAILED),
        work,
        (["failed"], ["failed", "blocked"], [True, False]),
        before=AT_WORK,
    ),
]

# The executor

DISPATCHED = scheduling.TaskDispatched(
    **MINE,
    sequence=1,
    run_id="run_1",
    task_id="tsk_1",
    attempt_id="att_1",
    number=1,
    token=1,
    title="Do it",
    command=planning.Command(argv=("true",), tools=("true",)),
    at=AT,
)
WITHDRAWN = scheduling.DispatchWithdrawn(**MINE, sequence=2, task_id="tsk_1", attempt_id="att_1", reason="cancelled")


async def attempts(at: Desk) -> Any:
    return [(row.id, row.status, row.withdrawn) for row in await at.rows("attempt")]


RECALLED = scheduling.DispatchRecalled(
    **MINE, sequence=2, task_id="tsk_1", attempt_id="att_1", token=1, reason="paused"
)
CANCELLED = scheduling.RunChanged(
    **MINE, sequence=2, run_id="run_1", plan_id="pln_1", status="cancelled", epoch=1, totals={}, cause="cancelled"
)


async def how_attempts_stand(at: Desk) -> Any:
    return [row.status for row in await at.rows("attempt")]


async def given_back(at: Desk) -> Any:
    return await attempts(at), [event.token for event in await at.published(execution.AttemptReturned)]


EXECUTOR = [
    Pair(
        "executor",
        "a dispatch, its run cancelled",
        (DISPATCHED, CANCELLED),
        attempts,
        [("att_1", "withdrawn", "cancelled")],
    ),
    Pair(
        "executor",
        "a dispatch, its recall",
        (DISPATCHED, RECALLED),
        given_back,
        ([("att_1", "withdrawn", "paused")], [1]),
    ),
    Pair(
        "executor",
        "a dispatch recalled, its run cancelled",
        (RECALLED, CANCELLED),
        how_attempts_stand,
        ["withdrawn"],
        before=(DISPATCHED,),
    ),
    Pair(
        "executor",
        "a dispatch, its withdrawal",
        (DISPATCHED, WITHDRAWN),
        attempts,
        [("att_1", "withdrawn", "cancelled")],
    ),
]

# The gateway and the notifier: what people are told


def run_changed(status: scheduling.RunStatus, sequence: int, epoch: int = 1) -> scheduling.RunChanged:
    told = {"run_id": "run_1", "plan_id": "pln_1", "status": status, "epoch": epoch, "totals": {}}
    return scheduling.RunChanged(**MINE, sequence=sequence, **told)


def task_changed(after: scheduling.TaskStatus, sequence: int) -> scheduling.TasksChanged:
    told = {"task_id": "tsk_1", "key": "a", "title": "Do it", "before": "ready", "cause": "because"}
    change = scheduling.TaskChange(**told, after=after, at=AT + timedelta(seconds=sequence))
    return scheduling.TasksChanged(**MINE, sequence=sequence, run_id="run_1", changes=(change,))


def recalculated(version: int) -> scheduling.ScheduleRecalculated:
    told = {"version": version, "input_hash": HASH, "cause": "because", "project_end": AT, "tasks": 1, "moved": 0}
    return scheduling.ScheduleRecalculated(**MINE, sequence=version, **told, moves=())


PROPOSED = planning.PlanProposed(
    **MINE, sequence=1, plan_id="pln_1", version=1, hash=HASH, requirements=1, tasks=1, gaps=()
)
APPROVED = planning.PlanApproved(**MINE, sequence=2, plan_id="pln_1", version=1, hash=HASH, approved_by="ana")


async def workspace(at: Desk) -> None:
    async with at.running.room.database.begin() as work:
        await work.workspaces.add("wsp_1", "one")


async def feed(at: Desk) -> Any:
    """Gapless, and in no order but that of arrival."""
    rows = await at.rows("feed")
    assert [row.sequence for row in rows] == list(range(1, len(rows) + 1))
    return sorted((row.kind, row.data.get("version", 0)) for row in rows)


async def how_the_run_stands(at: Desk) -> Any:
    """As the last entry says: an older one never comes after a newer one."""
    return [row.data["status"] for row in await at.rows("feed")][-1]


GATEWAY = [
    Pair(
        "gateway",
        "a run running, finished",
        (run_changed("running", 1), run_changed("finished", 2)),
        how_the_run_stands,
        "finished",
        before=(workspace,),
    ),
    Pair(
        "gateway",
        "a plan proposed, approved",
        (PROPOSED, APPROVED),
        feed,
        [("plan.approved.v1", 1), ("plan.proposed.v1", 1)],
        before=(workspace,),
    ),
    Pair(
        "gateway",
        "a plan approved, applied",
        (APPROVED, APPLIED),
        feed,
        [("plan.applied.v1", 0), ("plan.approved.v1", 1)],
        before=(workspace,),
    ),
    Pair(
        "gateway",
        "a task assigned, done",
        (task_changed("assigned", 1), task_changed("done", 2)),
        feed,
        [("tasks.changed.v1", 0)] * 2,
        before=(workspace,),
    ),
    Pair(
        "gateway",
        "two schedules",
        (recalculated(1), recalculated(2)),
        feed,
        [("schedule.recalculated.v1", 1), ("schedule.recalculated.v1", 2)],
        before=(workspace,),
    ),
]


async def webhook(at: Desk) -> None:
    kinds = ["run.finished", "task.failed", "task.waiting"]
    await at.call("POST", "/webhooks", {"url": "http://127.0.0.1:9/", "kinds": kinds})


async def told(at: Desk) -> Any:
    return sorted((row.kind, json.loads(row.body)["data"]["status"]) for row in await at.rows("delivery"))


NOTIFIER = [
    Pair(
        "notifier",
        "a run running, finished",
        (run_changed("running", 1), run_changed("finished", 2)),
        told,
        [("run.finished", "finished")],
        before=(webhook,),
    ),
    Pair(
        "notifier",
        "two ends of a run that was reopened",
        (run_changed("failed", 2, epoch=1), run_changed("finished", 4, epoch=2)),
        told,
        [("run.finished", "failed"), ("run.finished", "finished")],
        before=(webhook,),
    ),
    Pair(
        "notifier",
        "a task assigned, failed",
        (task_changed("assigned", 1), task_changed("failed", 2)),
        told,
        [("task.failed", "failed"), ("task.waiting", "assigned")],
        before=(webhook,),
    ),
]

PAIRS = [*PLANNER, *SCHEDULER, *EXECUTOR, *GATEWAY, *NOTIFIER]


@pytest.mark.parametrize("turned", [False, True], ids=["as it happened", "in reverse"])
@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: f"{pair.service}: {pair.name}")
async def test_either_order_comes_to_the_same(pair: Pair, turned: bool, tmp_path: Path) -> None:
    async with desk(pair.service, tmp_path) as at:
        for step in (*pair.before, *(reversed(pair.said) if turned else pair.said)):
            await at.play(step)

        shown = await pair.shown(at)
        deadline = time.monotonic() + 20  # what came too early is retried after some seconds
        while shown != pair.then and time.monotonic() < deadline:
            await asyncio.sleep(0.1)
            shown = await pair.shown(at)
        assert shown == pair.then
        assert await at.rows("dead_letter") == []
