"""The plain way and the general way of a success are one: whatever stands, both leave the same, or one nothing."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, text, update
from tests.servers import Postgres

from orchestra.chassis.database.migrations import migrate
from orchestra.chassis.database.tables import OUTBOX
from orchestra.chassis.database.unit_of_work import Database
from orchestra.chassis.ids import new_id
from orchestra.chassis.messaging import inbox
from orchestra.chassis.messaging.consume import consume
from orchestra.chassis.messaging.message import Envelope, decode, wrap
from orchestra.chassis.messaging.traces import processing
from orchestra.contracts.execution import Artifact, AttemptSucceeded
from orchestra.contracts.planning import Command, DecomposedTask, Dependency, TasksDecomposed, Wait
from orchestra.contracts.scheduling import TaskDispatched
from orchestra.scheduler.adapters.succeed_plainly import succeed_plainly
from orchestra.scheduler.adapters.tables import RUN, TASK, metadata
from orchestra.scheduler.adapters.work import SqlSchedulingWork
from orchestra.scheduler.application import change_team
from orchestra.scheduler.application.apply_plan import apply_plan
from orchestra.scheduler.application.pause_task import pause_task
from orchestra.scheduler.application.record_outcomes import record_starts
from orchestra.scheduler.application.rerun import rerun
from orchestra.scheduler.application.start_run import RunOptions, RunRequest, start_run
from orchestra.scheduler.domain.people.member import Member
from orchestra.scheduler.domain.work.limits import Limit
from orchestra.scheduler.service import service
from orchestra.scheduler.settings import SchedulerSettings

from .conftest import HASH, SIGNER, begin, succeed

SUBSCRIPTION = service.subscriptions.by_name()["scheduler:attempt.succeeded.v1"]
NOW = datetime(2026, 11, 20, 10, 30, tzinfo=UTC)
USUAL = {"does": "command", "role": "automation", "tools": ("true",), "mutexes": (), "priority": 0}
AGENT = {"slots": 1, "tools": {"true"}, "roles": {"automation"}, "is_manager": False}
COUNTED = ("outbox", "task_change", "task_log")
"""Their positions come from a sequence, which no rollback takes back."""
ID = re.compile(r"\b(?:att|evt)_[0-9a-f]{32}\b")
SPAN = re.compile(r"\b(00-[0-9a-f]{32})-[0-9a-f]{16}-")
"""Of one trace, each delivery has a span of its own."""
TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


class Undone(Exception):
    pass


class Watch:
    def now(self) -> datetime:
        return NOW


@dataclass
class Left:
    """What one way has left behind."""

    tables: str
    wakes: set[str]
    fresh: list[str]


def rarely(*others: Any, usual: Any) -> st.SearchStrategy[Any]:
    """The usual one, and now and then another."""
    return st.integers(0, 9).flatmap(lambda n: st.just(usual) if n else st.sampled_from(others))


definitions = st.fixed_dictionaries(
    {
        "does": rarely("person", "timer", usual="command"),
        "role": rarely(None, "editor", usual="automation"),
        "tools": rarely((), ("sort",), ("sort", "true"), usual=("true",)),
        "mutexes": rarely(("lock",), usual=()),
        "priority": st.integers(0, 2),
        "start_at": rarely(NOW - timedelta(hours=1), NOW + timedelta(hours=1), usual=None),
        "deadline": rarely(NOW + timedelta(hours=1), usual=None),
    }
)
edges = st.tuples(st.integers(0, 5), st.integers(0, 5), rarely("SS", "FF", "SF", usual="FS"), rarely(30, usual=0))
agents = st.fixed_dictionaries(
    {
        "slots": st.integers(1, 3),
        "tools": rarely({"true"}, usual={"true", "sort"}),
        "roles": rarely(set[str](), {"automation", "editor"}, usual={"automation"}),
        "is_manager": rarely(True, usual=False),
    }
)
runs = st.fixed_dictionaries(
    {"dry_run": st.booleans(), "concurrency": rarely(1, 2, usual=None), "trace": rarely(None, usual=TRACE)}
)
files = st.lists(st.sampled_from(["a", "b", 'c "é"']), max_size=2, unique=True)
steps = st.lists(
    st.one_of(
        st.tuples(st.just("succeed"), st.integers(0, 3), files),
        st.tuples(
            rarely(
                "again", "token", "begin", "pause", "guide", "edit", "retire", "limit", "stop", "wait", "rerun",
                usual="succeed",
            ),
            st.integers(0, 5),
            files,
        ),
    ),
    min_size=1,
    max_size=8,
)  # fmt: skip


class Scene:
    """One run in a workspace of its own."""

    def __init__(self, database: Database[SqlSchedulingWork]) -> None:
        self.database = database
        self.workspace, self.project = new_id("wsp"), new_id("prj")
        self.over: dict[str, AttemptSucceeded] = {}
        self.plain = 0

    async def begin(
        self,
        tasks: list[dict[str, Any]],
        edges: list[tuple[int, int, str, int]],
        members: list[dict[str, Any]],
        run: dict[str, Any],
    ) -> None:
        defined = [_task(n, **each) for n, each in enumerate(tasks)]
        bound = {(min(a, b), max(a, b), kind): lag for a, b, kind, lag in edges if a != b and max(a, b) < len(defined)}
        plan = TasksDecomposed(
            workspace_id=self.workspace,
            project_id=self.project,
            plan_id=new_id("pln"),
            version=1,
            hash=HASH,
            tasks=tuple(defined),
            dependencies=tuple(
                Dependency(predecessor=defined[a].id, successor=defined[b].id, kind=kind, lag_minutes=lag)
                for (a, b, kind), lag in bound.items()
            ),
        )
        async with self.database.begin() as work:
            for n, each in enumerate(members):
                sets = {name: frozenset(each[name]) for name in ("roles", "tools")}
                member = Member(new_id("mem"), f"{'ÄaZ'[n]}gent", "A", "agent", **{**each, **sets})
                await change_team.add_member(work, self.workspace, self.project, member)
            await change_team.add_member(work, self.workspace, self.project, Member(new_id("mem"), "ana", "Ana"))
            await apply_plan(work, plan)
        async with self.database.begin() as work:
            started = await start_run(
                work, RunRequest(self.workspace, self.project, plan.plan_id, HASH, "ana", RunOptions(**run))
            )
            self.run_id = started.id

    async def play(self, what: str, n: int, files: list[str]) -> None:
        """One step; a success is compared."""
        open_ = await self.open()
        attempt = open_[n % len(open_)] if open_ else None
        match what:
            case "again" if self.over:
                await self.compare(list(self.over.values())[n % len(self.over)])
            case "token" if attempt:
                await self.compare(self.success(attempt, files).model_copy(update={"token": 7}))
            case "succeed" if attempt:
                await self.compare(self.success(attempt, files))
            case "begin" if attempt:
                async with self.database.begin() as work:
                    await record_starts(work, [begin(attempt)])
            case "limit":
                async with self.database.begin() as work:
                    await work.limits.put(self.workspace, Limit("workspace", "all", concurrency=1))
            case "stop" | "wait":
                values: dict[str, Any] = {"status": "paused"} if what == "stop" else {"waits_since": NOW}
                async with self.database.begin() as work:
                    await work.projects.hold(self.workspace, self.project)
                    await work.connection.execute(update(RUN).where(RUN.c.id == self.run_id).values(**values))
            case "pause" | "rerun" | "guide" | "edit" | "retire":
                await self.meddle(what, n)

    async def meddle(self, what: str, n: int) -> None:
        """With one of the tasks."""
        async with self.database.begin() as work:
            await work.projects.hold(self.workspace, self.project)
            query = select(TASK.c.id).where(TASK.c.run_id == self.run_id).order_by(TASK.c.position)
            ids = list((await work.connection.execute(query)).scalars())
            task_id = ids[n % len(ids)]
        with suppress(Exception):  # refused where a task has ended
            async with self.database.begin() as work:
                match what:
                    case "pause":
                        await pause_task(work, self.workspace, task_id, "ana")
                    case "rerun":
                        await rerun(work, self.workspace, self.run_id, [f"t{n % len(ids)}"], "ana")
                    case _:
                        values = {"guide": {"guidance": ["better"]}, "edit": {"edits": [["a", HASH, HASH]]}}
                        await work.tasks.change([task_id], **values.get(what, {"retired": True}))

    def success(self, attempt: TaskDispatched, files: list[str]) -> AttemptSucceeded:
        outputs = tuple(Artifact(path=path, sha256=HASH, size=1) for path in files)
        event = succeed(attempt).model_copy(update={"outputs": outputs})
        self.over[attempt.attempt_id] = event
        return event

    async def open(self) -> list[TaskDispatched]:
        async with self.database.read() as view:
            query = select(OUTBOX.c.body).where(OUTBOX.c.kind == "task.dispatched.v1").order_by(OUTBOX.c.position)
            found = [decode(body)[0].event for (body,) in await view.connection.execute(query)]
        mine = [each for each in found if isinstance(each, TaskDispatched) and each.run_id == self.run_id]
        return [each for each in mine if each.attempt_id not in self.over]

    async def compare(self, event: AttemptSucceeded) -> None:
        trace = f"00-{new_id('x')[2:]}-00f067aa0ba902b7-01"
        envelope = wrap(event, event_id=new_id("evt"), source="/test", time=NOW, traceparent=trace)
        async with self.database.read() as view:
            before = await _tables(view, "")
        with processing("scheduler", event.kind, [envelope]):
            done, plainly = await self.undone(envelope, before, plain=True)
            _, generally = await self.undone(envelope, before, plain=False)
        if done:
            self.plain += 1
            assert plainly == generally
        else:
            assert plainly == Left(before, set(), [])
        self.database.handover.take(1000)
        await consume(SUBSCRIPTION, [envelope], self.database)
        async with self.database.read() as view:
            assert await _tables(view, before) == generally.tables
        assert [out.kind for out in self.database.handover.take(1000)] == generally.fresh

    async def undone(self, envelope: Envelope, before: str, *, plain: bool) -> tuple[bool, Left]:
        done = False
        with suppress(Undone):
            async with self.database.begin() as work:
                work.delivery, work.cause = [envelope], envelope
                if plain:
                    done = await succeed_plainly(envelope, work)
                else:
                    await inbox.claim(work, SUBSCRIPTION.name, [envelope.id])
                    await SUBSCRIPTION.handle([envelope], work)
                    await work.flush()
                left = Left(await _tables(work, before), work.wakes, [out.kind for out in work.fresh])
                raise Undone
        return done, left


async def _tables(view: SqlSchedulingWork, before: str) -> str:
    """All rows as text; ids that were not there before are numbered in the order in which they come up."""
    found: dict[str, Any] = {}
    for table in metadata.sorted_tables:
        keys = ("task_id", "number") if table.name == "dispatch" else table.primary_key.columns.keys()
        rows = (await view.connection.execute(select(table).order_by(*(table.c[key] for key in keys)))).mappings()
        found[table.name] = [_shown(table.name, dict(row)) for row in rows]
    shown = json.dumps(found, default=str, sort_keys=True, ensure_ascii=False)
    known, fresh = set(ID.findall(before)), dict[str, str]()

    def named(match: re.Match[str]) -> str:
        return match[0] if match[0] in known else fresh.setdefault(match[0], f"new {len(fresh)}")

    shown = SPAN.sub(r"\1-", shown)
    return ID.sub(named, shown) if before else shown


def _shown(table: str, row: dict[str, Any]) -> dict[str, Any]:
    if table in COUNTED:
        del row["position"]
    if table == "outbox":
        cloud = decode(row["body"])[0].cloud
        row["body"] = cloud.model_dump(mode="json") | {"data": decode(row["body"])[0].event.model_dump(mode="json")}
    return row


def _task(n: int, does: str, mutexes: tuple[str, ...], tools: tuple[str, ...], **more: Any) -> DecomposedTask:
    command = Command(argv=("true",), tools=tools, mutexes=mutexes, repeatable=n % 2 == 0, retries=3)
    doing: dict[str, Any] = {"command": command} if does == "command" else {}
    if does == "timer":
        doing, more["role"] = {"wait": Wait(minutes=5)}, None
    return DecomposedTask(id=new_id("tsk"), key=f"t{n}", title=f'T "{n}" é', minutes=1, **doing, **more)


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[Database[SqlSchedulingWork]]:
    told = SchedulerSettings(database_url=url, internal_public_key=SIGNER.public_key)
    database = Database(url, "scheduler", SqlSchedulingWork, clock=Watch(), settings=told)
    database.handover.is_open = True
    yield database
    await database.close()


@pytest.fixture(scope="module")
def theatre(postgres: Postgres) -> Iterator[tuple[asyncio.Runner, str]]:
    with asyncio.Runner() as runner:
        url = runner.run(postgres.create())

        async def prepare() -> None:
            async with opened(url) as database:
                await migrate(database, service.migrations)

        runner.run(prepare())
        yield runner, url


async def _empty(database: Database[SqlSchedulingWork]) -> None:
    async with database.begin() as work:
        for table in reversed(metadata.sorted_tables):
            await work.connection.execute(table.delete())


async def _play(url: str, *scene: Any, steps: list[tuple[str, int, list[str]]]) -> int:
    async with opened(url) as database:
        await _empty(database)
        played = Scene(database)
        await played.begin(*scene)
        for step in steps:
            await played.play(*step)
        return played.plain


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    tasks=st.lists(definitions, min_size=2, max_size=6),
    edges=st.lists(edges, max_size=8),
    members=st.lists(agents, min_size=1, max_size=3),
    run=runs,
    steps=steps,
)
@example(  # whoever has the most free slots is not whom the key alone would choose
    tasks=[USUAL] * 4,
    edges=[(0, 2, "FS", 0), (1, 3, "FS", 0)],
    members=[{**AGENT, "slots": 2}] * 2,
    run={"dry_run": False},
    steps=[("succeed", 1, [])],
)
@example(  # the run's own limit is taken up by the other one
    tasks=[USUAL] * 5,
    edges=[(0, 2, "FS", 0), (1, 3, "FS", 0), (3, 4, "FS", 0)],
    members=[{**AGENT, "slots": 2}] * 2,
    run={"dry_run": True, "concurrency": 2},
    steps=[("succeed", 1, ["a"]), ("succeed", 1, ["a"]), ("succeed", 0, [])],
)
def test_both_ways_of_a_success_leave_the_same(
    theatre: tuple[asyncio.Runner, str],
    tasks: list[dict[str, Any]],
    edges: list[tuple[int, int, str, int]],
    members: list[dict[str, Any]],
    run: dict[str, Any],
    steps: list[tuple[str, int, list[str]]],
) -> None:
    runner, url = theatre
    runner.run(_play(url, tasks, edges, members, run, steps=steps))


@pytest.mark.parametrize("dry_run", [True, False])
def test_a_step_of_a_chain_goes_the_plain_way(theatre: tuple[asyncio.Runner, str], dry_run: bool) -> None:
    runner, url = theatre
    chain = [(n, n + 1, "FS", 0) for n in range(4)]
    steps = [("succeed", 0, ["a"]), ("begin", 0, []), ("succeed", 0, ["b", 'c "é"']), *[("succeed", 0, [])] * 3]
    run = {"dry_run": dry_run, "concurrency": 1}
    plain = runner.run(_play(url, [USUAL] * 5, chain, [AGENT], run, steps=steps))
    assert plain == 4  # after the last one the run has ended


WAITS = text("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'")


async def _somebody_waits(database: Database[SqlSchedulingWork]) -> bool:
    """As of now: within one transaction the server always tells the same."""
    async with database.read() as view:
        return bool((await view.connection.execute(WAITS)).scalar_one())


async def _paused_meanwhile(url: str) -> None:
    """Somebody holds the project and pauses the task that follows, while the statement has seen it as it was."""
    async with opened(url) as database:
        await _empty(database)
        scene = Scene(database)
        await scene.begin([USUAL] * 3, [(0, 1, "FS", 0), (1, 2, "FS", 0)], [AGENT], {"dry_run": True})
        [attempt] = await scene.open()
        event = scene.success(attempt, [])
        envelope = wrap(event, event_id=new_id("evt"), source="/test", time=NOW)
        async with database.begin() as work:
            await work.projects.hold(scene.workspace, scene.project)
            delivery = asyncio.create_task(consume(SUBSCRIPTION, [envelope], database))
            async with opened(url) as other, asyncio.timeout(60):
                while not await _somebody_waits(other):
                    assert not delivery.done(), "it did not wait for the project"
                    await asyncio.sleep(0.01)
            follows = select(TASK.c.id).where(TASK.c.run_id == scene.run_id, TASK.c.key == "t1")
            task_id = (await work.connection.execute(follows)).scalar_one()
            await work.tasks.change([task_id], paused_by="ana")
        await delivery
        async with database.read() as view:
            tasks = await view.connection.execute(select(TASK.c.key, TASK.c.status).order_by(TASK.c.key))
            assert [tuple(row) for row in tasks] == [("t0", "done"), ("t1", "ready"), ("t2", "blocked")]


def test_a_step_that_waits_for_its_project_does_not_go_by_what_it_saw_before(
    theatre: tuple[asyncio.Runner, str],
) -> None:
    runner, url = theatre
    runner.run(_paused_meanwhile(url))
