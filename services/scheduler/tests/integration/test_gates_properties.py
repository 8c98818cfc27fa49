"""Whatever happens in whatever order: nobody passes a gate before it opens, and nobody is forgotten at an open one."""

import asyncio
import shutil
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import RowMapping, select

from orchestra.chassis.database.migrations import migrate
from orchestra.chassis.database.tables import OUTBOX
from orchestra.chassis.database.unit_of_work import Database
from orchestra.chassis.ids import new_id
from orchestra.chassis.messaging.message import decode
from orchestra.contracts.execution import AttemptSucceeded
from orchestra.contracts.planning import Dependency, TasksDecomposed
from orchestra.contracts.scheduling import TaskDispatched
from orchestra.scheduler.adapters.tables import DEPENDENCY, RUN, TASK, TASK_LOG
from orchestra.scheduler.adapters.work import SqlSchedulingWork
from orchestra.scheduler.application import change_team
from orchestra.scheduler.application.apply_plan import apply_plan
from orchestra.scheduler.application.complete_task import complete_task
from orchestra.scheduler.application.open_gates import open_gates
from orchestra.scheduler.application.recalculate import calculated, recalculate, recalculate_stale
from orchestra.scheduler.application.reconcile import advance_due, reconcile
from orchestra.scheduler.application.record_outcomes import record_failures, record_starts, record_successes
from orchestra.scheduler.application.start_run import RunRequest, start_run
from orchestra.scheduler.application.start_task import start_task
from orchestra.scheduler.domain.people.member import Member
from orchestra.scheduler.service import service
from orchestra.scheduler.settings import SchedulerSettings

from .conftest import HASH, SIGNER, begin, command_task, fail, people_task, succeed

FRIDAY = datetime(2026, 11, 20, 15, 30, tzinfo=UTC)
"""Half past three: a working lag may end today or after the weekend. The project works from 9 to 17."""
MINUTE = timedelta(minutes=1)
LAGS = ((0, "working"), (0, "working"), (30, "elapsed"), (4000, "elapsed"), (45, "working"), (600, "working"))

Rows = dict[str, RowMapping]


@st.composite
def graphs(draw: st.DrawFn) -> tuple[list[bool], list[tuple[Any, ...]]]:
    """Who does each task (True: a person), and edges (before, after, kind, (lag, clock)) without a cycle."""
    people = draw(st.lists(st.booleans(), min_size=2, max_size=6))
    order = draw(st.permutations(range(len(people))))
    pairs = st.tuples(st.sampled_from(order), st.sampled_from(order))
    edges = st.tuples(pairs, st.sampled_from(["FS", "SS", "FF", "SF"]), st.sampled_from(LAGS))
    drawn = draw(st.lists(edges, min_size=1, max_size=8, unique_by=lambda edge: (frozenset(edge[0]), edge[1])))
    places = {task: place for place, task in enumerate(order)}
    return people, [(*sorted(pair, key=places.__getitem__), *rest) for pair, *rest in drawn if pair[0] != pair[1]]


which = st.integers(0, 5)
steps = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(["begin", "succeed", "fail", "again", "start", "complete"]), which),
        st.tuples(st.sampled_from(["together", "timers", "reconciler"]), st.just(0)),
        st.tuples(st.just("clock"), st.sampled_from([1, 30, 120, 4000])),
    ),
    max_size=16,
)


BESIDE = ([False, False], [(0, 1, "SS", (30, "elapsed"))])
BEGUN_ANEW = [("begin", 0), ("fail", 0), ("clock", 1), ("timers", 0), ("begin", 0), ("clock", 29), ("timers", 0)]
"""What counts is the start of the second try, a minute after that of the first."""


class Watch:
    """The clock of the whole scene."""

    def __init__(self) -> None:
        self.instant = FRIDAY

    def now(self) -> datetime:
        return self.instant


class Scene:
    """One run, its executor and its people; after each step it is compared with what its edges allow."""

    def __init__(self, database: Database[SqlSchedulingWork], watch: Watch, edges: list[Dependency]) -> None:
        self.database = database
        self.watch = watch
        self.edges = edges
        self.begun: dict[str, datetime] = {}
        self.over: dict[str, AttemptSucceeded | None] = {}
        """Attempts that have ended, with what was said of those that succeeded."""
        self.rows: Rows = {}

    async def open(self) -> list[TaskDispatched]:
        """Attempts that nobody has ended, the oldest first; one that was sent again is one."""
        events = {event.attempt_id: event for event in await self.said("task.dispatched.v1")}
        return [event for event in events.values() if event.attempt_id not in self.over]

    async def said(self, kind: str) -> list[Any]:
        async with self.database.read() as view:
            bodies = await view.connection.execute(
                select(OUTBOX.c.body).where(OUTBOX.c.kind == kind).order_by(OUTBOX.c.position)
            )
            return [decode(body)[0].event for (body,) in bodies]

    async def play(self, what: str, n: int) -> None:
        match what:
            case "clock":
                self.watch.instant += n * MINUTE
            case "timers":
                await self.timers()
            case "reconciler":
                await reconcile(self.database.read, self.database.begin)
            case "start" | "complete":
                await self.person(what, n)
            case _:
                await self.executor(what, n)
        await self.check()

    async def timers(self) -> None:
        """The loops; afterwards nobody is left behind an open gate."""
        await open_gates(self.database.read, self.database.begin)
        await advance_due(self.database.read, self.database.begin)
        await recalculate_stale(self.database.read, self.database.begin, partial(calculated, self.database.read))
        async with self.database.read() as view:
            assert await view.tasks.forgotten(10) == []
            assert await view.gates.forgotten_ends(10) == []

    async def person(self, what: str, n: int) -> None:
        states = ("assigned",) if what == "start" else ("assigned", "running")
        mine = [row for row in self.rows.values() if row["command"] is None and row["status"] in states]
        if mine:
            row = mine[n % len(mine)]
            async with self.database.begin() as work:
                await (start_task if what == "start" else complete_task)(work, row["workspace_id"], row["id"], None)

    async def executor(self, what: str, n: int) -> None:
        attempts = await self.open()
        succeeded = [event for event in self.over.values() if event is not None]
        async with self.database.begin() as work:
            if what == "again":
                await record_successes(work, succeeded)
            elif what == "together":
                await record_successes(work, [self.success(attempt) for attempt in attempts])
            elif attempts:
                attempt = attempts[n % len(attempts)]
                if what == "begin":
                    since = self.begun.setdefault(attempt.attempt_id, work.now)
                    await record_starts(work, [begin(attempt).model_copy(update={"started_at": since})])
                elif what == "fail":
                    self.over[attempt.attempt_id] = None
                    await record_failures(work, [fail(attempt, "transient")])
                else:
                    await record_successes(work, [self.success(attempt)])

    def success(self, attempt: TaskDispatched) -> AttemptSucceeded:
        now = self.watch.now()
        times = {"started_at": self.begun.get(attempt.attempt_id, attempt.at), "ended_at": now}
        event = succeed(attempt).model_copy(update=times)
        self.over[attempt.attempt_id] = event
        return event

    async def check(self) -> None:
        async with self.database.read() as view:
            rows = {row["id"]: row for row in (await view.connection.execute(select(TASK))).mappings()}
            assert await view.gates.uncounted(10) == []
        before, self.rows = self.rows, rows
        for edge in self.edges:
            was, now = before[edge.successor]["status"], rows[edge.successor]["status"]
            passed = was == "blocked" != now if edge.kind in ("FS", "SS") else was != "done" == now
            assert not passed or self.opened(edge, rows[edge.predecessor]), (edge, rows[edge.predecessor])

    def opened(self, edge: Dependency, predecessor: RowMapping) -> bool:
        """The gate by the words of the reference, in minutes that are counted one by one."""
        if edge.kind in ("SS", "SF"):
            reached, since = ("running", "in_review", "done"), predecessor["started_at"]
        else:
            reached, since = ("done",), predecessor["ended_at"]
        if predecessor["status"] not in reached:
            return False
        left = edge.lag_minutes
        while left:
            works = since.weekday() < 5 and 9 <= since.hour < 17
            left -= works or edge.clock == "elapsed"
            since += MINUTE
        return since <= self.watch.now()

    async def finish(self) -> None:
        """Everybody does what there is to do, and time goes on to what comes next; nothing looks for what was lost."""
        for _ in range(200):
            await self.play("timers", 0)
            if await self.open():
                await self.play("succeed", 0)
            elif any(row["status"] in ("assigned", "running") for row in self.rows.values()):
                await self.play("complete", 0)
            elif (coming := await self.coming()) is not None:
                ahead = max(coming - self.watch.now(), timedelta())
                await self.play("clock", -(-ahead // MINUTE))
            else:
                return
        raise AssertionError(f"it goes on for ever: {self.rows}")

    async def coming(self) -> datetime | None:
        """When time alone will move something."""
        async with self.database.read() as view:
            lags = await view.connection.execute(
                select(DEPENDENCY.c.opens_at).where(DEPENDENCY.c.opens_at.is_not(None))
            )
            instants = list(lags.scalars())
        instants += [row["not_before"] for row in self.rows.values() if row["status"] == "ready" and row["not_before"]]
        return min(instants, default=None)


@pytest.fixture(scope="module")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("gates") / "scheduler.db"

    async def prepare() -> None:
        async with opened(path, Watch()) as database:
            await migrate(database, service.migrations)

    asyncio.run(prepare())
    return path


@asynccontextmanager
async def opened(path: Path, watch: Watch) -> AsyncIterator[Database[SqlSchedulingWork]]:
    url = f"sqlite+aiosqlite:///{path}"
    told = SchedulerSettings(database_url=url, internal_public_key=SIGNER.public_key)
    database = Database(url, "scheduler", SqlSchedulingWork, clock=watch, settings=told)
    yield database
    await database.close()


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(graph=graphs(), steps=steps)
@example(graph=BESIDE, steps=BEGUN_ANEW)
def test_nobody_passes_a_closed_gate_and_nobody_is_forgotten_at_an_open_one(
    migrated: Path, graph: tuple[list[bool], list[tuple[Any, ...]]], steps: list[tuple[str, int]]
) -> None:
    path = Path(shutil.copy(migrated, migrated.with_name(f"{new_id('db')}.db")))
    asyncio.run(_play(path, *graph, steps))


async def _play(path: Path, people: list[bool], edges: list[tuple[Any, ...]], steps: list[tuple[str, int]]) -> None:
    watch, key = Watch(), ("wsp_1", new_id("prj"))
    tasks = [people_task(f"t{n}") if by else command_task(f"t{n}", retries=20) for n, by in enumerate(people)]
    bound = [
        Dependency(predecessor=tasks[a].id, successor=tasks[b].id, kind=kind, lag_minutes=lag, clock=clock)
        for a, b, kind, (lag, clock) in edges
    ]
    plan = TasksDecomposed(
        workspace_id=key[0],
        project_id=key[1],
        plan_id=new_id("pln"),
        version=1,
        hash=HASH,
        tasks=tuple(tasks),
        dependencies=tuple(bound),
    )
    async with opened(path, watch) as database:
        async with database.begin() as work:
            await change_team.add_member(work, *key, Member(new_id("mem"), "ana", "Ana", slots=2))
            press = Member(
                new_id("mem"), "press", "Press", "agent", roles=frozenset({"automation"}), tools=frozenset({"true"})
            )
            await change_team.add_member(work, *key, press)
            await apply_plan(work, plan)
        scene = Scene(database, watch, bound)
        async with database.read() as view:
            scene.rows = {row["id"]: row for row in (await view.connection.execute(select(TASK))).mappings()}
        async with database.begin() as work:
            await start_run(work, RunRequest(*key, plan.plan_id, HASH, "ana"))
        await recalculate(database.begin, key, partial(calculated, database.read))
        await scene.check()
        for step in steps:
            await scene.play(*step)
        await scene.finish()
        async with database.read() as view:
            assert (await view.connection.execute(select(RUN.c.status))).scalar_one() == "finished"
            ends = await view.connection.execute(select(TASK_LOG.c.task_id).where(TASK_LOG.c.after == "done"))
            once = Counter({task.id: 1 for task in tasks})
            assert Counter(ends.scalars()) == once
        assert {row["status"] for row in scene.rows.values()} == {"done"}
        assert Counter(event.task_id for event in await scene.said("task.completed.v1")) == once
    path.unlink()
