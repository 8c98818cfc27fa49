"""The scheduler's use cases on a database whose clock the test moves: nothing happens by itself."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from sqlalchemy import select

from orchestra.chassis.database.tables import OUTBOX
from orchestra.chassis.database.unit_of_work import Database
from orchestra.chassis.ids import new_id
from orchestra.chassis.messaging.message import decode
from orchestra.contracts.planning import DecomposedTask, Dependency, TasksDecomposed, Wait
from orchestra.contracts.scheduling import TaskDispatched
from orchestra.scheduler.adapters.queries import Queries
from orchestra.scheduler.adapters.work import SqlSchedulingWork
from orchestra.scheduler.application import change_team
from orchestra.scheduler.application.apply_plan import apply_plan
from orchestra.scheduler.application.keep_time import keep_time
from orchestra.scheduler.application.open_gates import open_gates
from orchestra.scheduler.application.recalculate import calculated, recalculate_stale
from orchestra.scheduler.application.reconcile import advance_due
from orchestra.scheduler.application.record_outcomes import record_failures, record_starts, record_successes
from orchestra.scheduler.application.start_run import RunOptions, RunRequest, start_run
from orchestra.scheduler.domain.people.member import Member
from orchestra.scheduler.domain.work.explanation import explain
from orchestra.scheduler.settings import SchedulerSettings

from .conftest import HASH, SIGNER, begin, fail, succeed

FRIDAY = datetime(2026, 11, 20, 15, 30, tzinfo=UTC)
"""Half past three, in a project that works from 9 to 17 on weekdays."""
MINUTE = timedelta(minutes=1)


class Watch:
    """The clock of the whole scene."""

    def __init__(self) -> None:
        self.instant = FRIDAY

    def now(self) -> datetime:
        return self.instant


@asynccontextmanager
async def opened(url: str, watch: Watch) -> AsyncIterator[Database[SqlSchedulingWork]]:
    told = SchedulerSettings(database_url=url, internal_public_key=SIGNER.public_key)
    database = Database(url, "scheduler", SqlSchedulingWork, clock=watch, settings=told)
    yield database
    await database.close()


class Held:
    """A project with Ana and an agent of two slots."""

    def __init__(self, database: Database[SqlSchedulingWork], watch: Watch) -> None:
        self.database = database
        self.watch = watch
        self.key = ("wsp_1", new_id("prj"))
        self.run_id = ""
        self.versions = 0
        self.over: set[str] = set()
        """Attempts that have ended."""

    async def team(self) -> None:
        automation, true = frozenset({"automation"}), frozenset({"true"})
        press = Member(new_id("mem"), "press", "Press", "agent", roles=automation, tools=true, slots=2)
        async with self.database.begin() as work:
            await change_team.add_member(work, *self.key, Member(new_id("mem"), "ana", "Ana"))
            await change_team.add_member(work, *self.key, press)

    async def plan(self, *tasks: DecomposedTask, edges: Sequence[Dependency] = ()) -> str:
        """The next version of the plan, approved and applied."""
        self.versions += 1
        plan = TasksDecomposed(
            workspace_id=self.key[0],
            project_id=self.key[1],
            plan_id=new_id("pln"),
            version=self.versions,
            hash=HASH,
            tasks=tasks,
            dependencies=tuple(edges),
        )
        async with self.database.begin() as work:
            await apply_plan(work, plan)
        return plan.plan_id

    async def start(self, *tasks: DecomposedTask, edges: Sequence[Dependency] = (), **more: Any) -> None:
        plan_id = await self.plan(*tasks, edges=edges)
        async with self.database.begin() as work:
            self.run_id = (await start_run(work, RunRequest(*self.key, plan_id, HASH, "ana", RunOptions(**more)))).id
        await self.look()

    async def pass_time(self, by: timedelta) -> None:
        """Time passes, and the loops look once."""
        self.watch.instant += by
        await self.look()

    async def look(self) -> None:
        for step in (open_gates, keep_time, advance_due):
            await step(self.database.read, self.database.begin)
        await recalculate_stale(self.database.read, self.database.begin, partial(calculated, self.database.read))

    async def say(self, verb: Any, subject: str, *more: Any) -> Any:
        """A use case on a run or a task."""
        async with self.database.begin() as work:
            return await verb(work, self.key[0], subject, *more)

    async def said(self, kind: str) -> list[Any]:
        async with self.database.read() as view:
            query = select(OUTBOX.c.body).where(OUTBOX.c.kind == kind).order_by(OUTBOX.c.position)
            return [decode(body)[0].event for (body,) in await view.connection.execute(query)]

    async def open(self) -> list[TaskDispatched]:
        return [event for event in await self.said("task.dispatched.v1") if event.attempt_id not in self.over]

    async def began(self, attempt: TaskDispatched) -> None:
        async with self.database.begin() as work:
            await record_starts(work, [begin(attempt).model_copy(update={"started_at": self.watch.now()})])

    async def succeeded(self, attempt: TaskDispatched) -> None:
        self.over.add(attempt.attempt_id)
        at = {"started_at": self.watch.now(), "ended_at": self.watch.now()}
        async with self.database.begin() as work:
            await record_successes(work, [succeed(attempt).model_copy(update=at)])

    async def failed(self, attempt: TaskDispatched, failure: str = "transient", **more: Any) -> None:
        self.over.add(attempt.attempt_id)
        event = fail(attempt, failure).model_copy(update={"ended_at": self.watch.now(), **more})
        async with self.database.begin() as work:
            await record_failures(work, [event])

    async def run(self) -> dict[str, Any]:
        async with self.database.read() as view:
            return await Queries(view, self.key[0]).run(self.run_id)

    async def task(self, task: DecomposedTask) -> dict[str, Any]:
        async with self.database.read() as view:
            return await Queries(view, self.key[0]).task(task.id)

    async def statuses(self) -> dict[str, str]:
        async with self.database.read() as view:
            return {
                task["key"]: task["status"]
                for task in await Queries(view, self.key[0]).tasks(99, None, run_id=self.run_id)
            }

    async def schedule(self) -> dict[str, dict[str, Any]]:
        """What is planned, by key."""
        async with self.database.read() as view:
            found = await Queries(view, self.key[0]).schedule(self.key[1], None)
        return {task["key"]: task for task in found["tasks"]}

    async def explained(self, asked: DecomposedTask) -> str:
        async with self.database.read() as view:
            task = await view.tasks.find(self.key[0], asked.id)
            run = await view.runs.get(task.run_id) if task.run_id else None
            members = await view.members.of_project(*self.key)
            return explain(task, run, await view.gates.into(task.id), members, view.now).sentence


def timer(key: str, minutes: int, **more: Any) -> DecomposedTask:
    clock = more.pop("clock", "elapsed")
    return DecomposedTask(id=f"tsk_{new_id(key)}", key=key, title=key, wait=Wait(minutes=minutes, clock=clock), **more)


def after(before: DecomposedTask, task: DecomposedTask, kind: Any = "FS") -> Dependency:
    return Dependency(predecessor=before.id, successor=task.id, kind=kind)
