"""Whatever people do in whatever order: who has a task is a member who may have it, and the log tells it all."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from orchestra.chassis.database.migrations import migrate
from orchestra.chassis.database.unit_of_work import Database
from orchestra.chassis.ids import new_id
from orchestra.contracts.planning import TasksDecomposed
from orchestra.scheduler.adapters.tables import TASK, TASK_LOG
from orchestra.scheduler.adapters.work import SqlSchedulingWork
from orchestra.scheduler.application import change_team
from orchestra.scheduler.application.apply_plan import apply_plan
from orchestra.scheduler.application.complete_task import complete_task
from orchestra.scheduler.application.give_back_task import abandon_task, remove_assignee
from orchestra.scheduler.application.recalculate import calculated, recalculate
from orchestra.scheduler.application.select_task import select_task
from orchestra.scheduler.application.start_run import RunRequest, start_run
from orchestra.scheduler.application.start_task import start_task
from orchestra.scheduler.application.workloads import workloads
from orchestra.scheduler.domain.errors import SchedulingError
from orchestra.scheduler.domain.people.member import Member
from orchestra.scheduler.service import service
from orchestra.scheduler.settings import SchedulerSettings

from .conftest import HASH, SIGNER, people_task

KEYS = ("ana", "bea", "ines")
ROLES = ("editor", "writer")
POINTS = (1, 5, 8, 14)


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> str:
    path: Path = tmp_path_factory.mktemp("people") / "scheduler.db"
    url = f"sqlite+aiosqlite:///{path}"

    async def prepare() -> None:
        async with opened(url) as database:
            await migrate(database, service.migrations)

    asyncio.run(prepare())
    return url


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[Database[SqlSchedulingWork]]:
    told = SchedulerSettings(database_url=url, internal_public_key=SIGNER.public_key)
    database = Database(url, "scheduler", SqlSchedulingWork, settings=told)
    yield database
    await database.close()


member_steps = st.tuples(
    st.sampled_from(["join", "change", "fire", "resign"]),
    st.sampled_from(KEYS),
    st.booleans(),
    st.sets(st.sampled_from(ROLES)),
    st.integers(1, 2),
)
task_steps = st.tuples(
    st.sampled_from(["select", "start", "abandon", "remove", "complete"]), st.sampled_from(KEYS), st.integers(0, 4)
)
steps = st.lists(st.one_of(member_steps, task_steps, st.just(("calculate",))), max_size=14)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(steps=steps)
def test_br_proj_002_whoever_has_a_task_is_a_member_who_may_have_it(url: str, steps: list[tuple[Any, ...]]) -> None:
    asyncio.run(_play(url, steps))


async def _play(url: str, steps: list[tuple[Any, ...]]) -> None:
    key = ("wsp_1", new_id("prj"))
    tasks = [people_task(f"t{n}", ROLES[n % 2], POINTS[n % 4]) for n in range(5)]
    plan = TasksDecomposed(
        workspace_id=key[0], project_id=key[1], plan_id=new_id("pln"), version=1, hash=HASH, tasks=tuple(tasks)
    )
    async with opened(url) as database:
        async with database.begin() as work:
            await apply_plan(work, plan)
            await change_team.add_member(work, *key, Member(new_id("mem"), "ana", "Ana", roles=frozenset(ROLES)))
            await start_run(work, RunRequest(*key, plan.plan_id, HASH, "ana"))
        for step in steps:
            try:
                if step[0] == "calculate":
                    await recalculate(database.begin, key, partial(calculated, database.read))
                else:
                    async with database.begin() as work:
                        await _do(work, key, [task.id for task in tasks], step)
            except SchedulingError:
                pass  # a refusal is an answer; what counts is what stands afterwards
            await _check(database, key)


async def _do(work: SqlSchedulingWork, key: tuple[str, str], tasks: list[str], step: tuple[Any, ...]) -> None:
    match step:
        case ("join" | "change" as verb, who, manager, roles, slots):
            member = Member(new_id("mem"), who, who.title(), "person", manager, frozenset(roles), slots=slots)
            if verb == "join":
                await change_team.add_member(work, *key, member)
            else:
                await change_team.change_member(work, *key, member, "changed")
        case ("fire", who, *_):
            await change_team.leave(work, *key, who, "fired", "")
        case ("resign", who, *_):
            await change_team.leave(work, *key, who, "resigned", "")
        case ("select", who, n):
            await select_task(work, key[0], tasks[n], who)
        case ("start", who, n):
            await start_task(work, key[0], tasks[n], who)
        case ("abandon", who, n):
            await abandon_task(work, key[0], tasks[n], who, "because")
        case ("remove", _, n):
            await remove_assignee(work, key[0], tasks[n], None, "")
        case ("complete", who, n):
            await complete_task(work, key[0], tasks[n], who)
        case _:
            raise AssertionError(step)


async def _check(database: Database[SqlSchedulingWork], key: tuple[str, str]) -> None:
    async with database.read() as view:
        members = {member.id: member for member in await view.members.of_project(*key)}
        rows = (await view.connection.execute(select(TASK).where(TASK.c.project_id == key[1]))).mappings().all()
        log = (await view.connection.execute(select(TASK_LOG).where(TASK_LOG.c.project_id == key[1]))).mappings().all()
        project = await view.projects.find(*key)
        assert project is not None
        burdens = await workloads(view, project)
    in_hand = [row for row in rows if row["status"] in ("assigned", "running")]
    for row in in_hand:
        member = members[row["assignee"]]  # a member
        assert not member.is_manager  # BR-PROJ-002
        assert row["role"] in member.roles  # BR-ASSIGN-002
    for row in rows:
        if row["status"] in ("ready", "blocked"):
            assert (row["assignee"], row["started_at"]) == (None, None)
        last = [entry for entry in log if entry["task_id"] == row["id"]][-1:]
        assert not last or last[0]["after"] == row["status"]  # BR-ASSIGN-005: the log ends where the task is
    for burden in burdens:
        points = sum(row["points"] for row in in_hand if row["assignee"] == burden.member.id)
        assert burden.workload.score == points  # BR-WORK-001, recomputed
        assert float(burden.workload.ratio) == pytest.approx(points / 10)
