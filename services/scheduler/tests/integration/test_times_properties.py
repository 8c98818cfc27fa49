"""Whatever happens in whatever order: nothing is given out before its start or after its deadline, and a timer ends
once, not before its time.
"""

import asyncio
import shutil
from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from orchestra.chassis.database.migrations import migrate
from orchestra.chassis.ids import new_id
from orchestra.contracts.planning import DecomposedTask
from orchestra.scheduler.adapters.tables import TASK, TASK_LOG
from orchestra.scheduler.application.cancel_task import cancel_task
from orchestra.scheduler.application.complete_task import complete_task
from orchestra.scheduler.application.pause_run import pause_run
from orchestra.scheduler.application.pause_task import pause_task
from orchestra.scheduler.application.reconcile import reconcile
from orchestra.scheduler.application.resume_run import resume_run
from orchestra.scheduler.application.resume_task import resume_task
from orchestra.scheduler.application.retry_task import retry_task
from orchestra.scheduler.domain.errors import SchedulingError
from orchestra.scheduler.service import service

from .conftest import command_task, people_task
from .held_clock import FRIDAY, MINUTE, Held, Watch, after, opened, timer

instants = st.sampled_from([None, None, FRIDAY - MINUTE, FRIDAY + 20 * MINUTE, FRIDAY + 50 * MINUTE])


@st.composite
def plans(draw: st.DrawFn) -> list[tuple[str, datetime | None, datetime | None, list[int]]]:
    """Of each task what it is, its start, its deadline, and what it comes after."""
    kinds = draw(st.lists(st.sampled_from(["command", "command", "timer", "person"]), min_size=1, max_size=5))
    plan = []
    for n, kind in enumerate(kinds):
        before = draw(st.lists(st.integers(0, n - 1), max_size=2, unique=True)) if n else []
        plan.append((kind, draw(instants), None if kind == "timer" else draw(instants), before))
    return plan


which = st.integers(0, 4)
steps = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(["begin", "succeed", "fail", "complete"]), which),
        st.tuples(st.sampled_from(["pause", "resume", "cancel", "retry"]), which),
        st.tuples(st.sampled_from(["look", "reconcile", "pause run", "resume run"]), st.just(0)),
        st.tuples(st.just("clock"), st.sampled_from([1, 15, 40])),
    ),
    max_size=16,
)

VERBS: dict[str, Any] = {"pause": pause_task, "resume": resume_task, "cancel": cancel_task, "retry": retry_task}
RUN_VERBS: dict[str, Any] = {"pause run": pause_run, "resume run": resume_run}


class Scene:
    def __init__(self, held: Held, tasks: list[DecomposedTask]) -> None:
        self.held = held
        self.tasks = tasks
        self.retried: set[str] = set()
        """Late, by a person: their deadlines hold no longer."""
        self.sent: set[str] = set()

    async def play(self, what: str, n: int) -> None:
        task = self.tasks[n % len(self.tasks)]
        match what:
            case "clock":
                self.held.watch.instant += n * MINUTE
            case "look":
                await self.held.look()
            case "reconcile":
                await reconcile(self.held.database.read, self.held.database.begin)
            case "begin" | "succeed" | "fail":
                await self.executor(what, n)
            case "complete":
                await self.refusable(complete_task, task.id, None)
            case "pause run" | "resume run":
                await self.refusable(RUN_VERBS[what], self.held.run_id, "ana")
            case _:
                late = task.deadline is not None and task.deadline <= self.held.watch.now()
                if await self.refusable(VERBS[what], task.id, "ana") and what == "retry" and late:
                    self.retried.add(task.id)
        await self.check()

    async def refusable(self, verb: Any, subject: str, *more: Any) -> bool:
        try:
            await self.held.say(verb, subject, *more)
        except SchedulingError:
            return False
        return True

    async def executor(self, what: str, n: int) -> None:
        if attempts := await self.held.open():
            attempt = attempts[n % len(attempts)]
            if what == "begin":
                await self.held.began(attempt)
            elif what == "fail":
                await self.held.failed(attempt)
            else:
                await self.held.succeeded(attempt)

    async def check(self) -> None:
        now, by_id = self.held.watch.now(), {task.id: task for task in self.tasks}
        for event in await self.held.said("task.dispatched.v1"):
            if event.attempt_id not in self.sent:
                self.sent.add(event.attempt_id)
                task = by_id[event.task_id]
                assert task.start_at is None or task.start_at <= now, event.key
                assert task.deadline is None or now < task.deadline or task.id in self.retried, event.key
        async with self.held.database.read() as view:
            rows = {row["id"]: row for row in (await view.connection.execute(select(TASK))).mappings()}
            ended = (
                await view.connection.execute(select(TASK_LOG.c.task_id).where(TASK_LOG.c.after == "done"))
            ).scalars()
            times = Counter(ended)
        for task in self.tasks:
            row = rows[task.id]
            assert times[task.id] == (row["status"] == "done"), task.key
            if task.wait is not None and row["status"] == "done":
                assert row["ended_at"] >= row["started_at"] + timedelta(minutes=task.wait.minutes), task.key
                assert task.start_at is None or row["started_at"] >= task.start_at, task.key
            if row["status"] in ("assigned", "queued"):
                assert task.start_at is None or task.start_at <= now, task.key

    async def finish(self) -> None:
        """Everything is resumed, everybody does what there is to do, and time goes on."""
        await self.play("resume run", 0)
        for n in range(len(self.tasks)):
            await self.play("resume", n)
        for _ in range(60):
            await self.play("clock", 1)
            await self.play("look", 0)
            for n in range(len(self.tasks)):
                await self.play("complete", n)
            while await self.held.open() and await self._live():
                await self.play("succeed", 0)
        run = await self.held.run()
        assert run["status"] in ("finished", "failed"), (run["status"], await self.held.statuses())

    async def _live(self) -> bool:
        gone = {event.attempt_id for event in await self.held.said("dispatch.withdrawn.v1")}
        self.held.over |= gone
        return bool(await self.held.open())


@pytest.fixture(scope="module")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("times") / "scheduler.db"

    async def prepare() -> None:
        async with opened(f"sqlite+aiosqlite:///{path}", Watch()) as database:
            await migrate(database, service.migrations)

    asyncio.run(prepare())
    return path


PLAN = [("command", FRIDAY + 20 * MINUTE, FRIDAY + 50 * MINUTE, []), ("timer", FRIDAY + 20 * MINUTE, None, [0])]
FAILS_LATE: list[tuple[str, int]] = [("clock", 40), ("look", 0), ("clock", 15), ("fail", 0), ("look", 0), ("retry", 0)]


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(plan=plans(), steps=steps)
@example(plan=PLAN, steps=FAILS_LATE)
def test_times_hold_whatever_happens(migrated: Path, plan: list[tuple[Any, ...]], steps: list[tuple[str, int]]) -> None:
    path = Path(shutil.copy(migrated, migrated.with_name(f"{new_id('db')}.db")))
    asyncio.run(_play(path, plan, steps))
    path.unlink()


async def _play(path: Path, plan: list[tuple[Any, ...]], steps: list[tuple[str, int]]) -> None:
    made = {
        "command": lambda key: command_task(key, retries=2),
        "person": people_task,
        "timer": lambda key: timer(key, 10),
    }
    tasks = [
        made[kind](f"t{n}").model_copy(update={"start_at": start_at, "deadline": deadline})
        for n, (kind, start_at, deadline, _) in enumerate(plan)
    ]
    edges = [after(tasks[before], tasks[n]) for n, (*_, befores) in enumerate(plan) for before in befores]
    watch = Watch()
    async with opened(f"sqlite+aiosqlite:///{path}", watch) as database:
        held = Held(database, watch)
        await held.team()
        await held.start(*tasks, edges=edges)
        scene = Scene(held, tasks)
        await scene.check()
        for step in steps:
            await scene.play(*step)
        await scene.finish()
