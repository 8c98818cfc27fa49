"""A fork from any step after any progress: adopted is what is done before it, with what came of it; nothing of that is
ever given out; the first run stays as it is; and the fork comes to its end."""

import asyncio
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from services.scheduler.tests.integration.test_control_properties import Scene, steps
from sqlalchemy import Table, select

from orchestra.scheduler.adapters.tables import DEPENDENCY, DISPATCH, MEMBER, PLAN, PROJECT, RUN, TASK, TASK_LOG
from orchestra.scheduler.adapters.work import SqlSchedulingWork
from orchestra.scheduler.application.fork_run import ForkRequest, fork_run

from .conftest import Stage, succeed, token

AFTER = {"a": "acd", "b": "bd", "c": "cd", "d": "d", "e": "e"}
"""Each key with all that comes after it in the plan of a scene."""

OF_THE_FIRST = (PROJECT, PLAN, RUN, TASK, MEMBER, TASK_LOG)
WHAT_CAME_OF_IT = ("outputs", "evidence", "started_at", "performed_at", "ended_at", "attempt_id")


async def rows(work: SqlSchedulingWork, table: Table, project_id: str) -> list[dict[str, Any]]:
    await work.flush()
    mine = table.c.id if table is PROJECT else table.c.project_id
    found = await work.connection.execute(select(table).where(mine == project_id).order_by(*table.primary_key.columns))
    return [dict(row) for row in found.mappings()]


async def edges(work: SqlSchedulingWork, project_id: str) -> set[tuple[str, str]]:
    keys = {row["id"]: row["key"] for row in await rows(work, TASK, project_id)}
    found = await work.connection.execute(select(DEPENDENCY).where(DEPENDENCY.c.successor.in_(keys)))
    return {(keys[row["predecessor"]], keys[row["successor"]]) for row in found.mappings()}


class Forked:
    """A scene, and the fork of its run."""

    def __init__(self, scene: Scene, keys: set[str]) -> None:
        self.scene = scene
        self.keys = keys
        self.anew = {key for step in keys for key in AFTER[step]}

    async def begin(self) -> None:
        first = self.scene.stage.project_id
        request = ForkRequest("wsp_1", self.scene.run, sorted(self.keys), "ana")
        async with self.scene.stage.running.database.begin() as work:
            work.by = "ana"
            before = {table.name: await rows(work, table, first) for table in OF_THE_FIRST}
            run = await fork_run(work, request)
            assert {table.name: await rows(work, table, first) for table in OF_THE_FIRST} == before
            self.run, self.project = run.id, run.project_id
            self.copies = {row["key"]: row for row in await rows(work, TASK, run.project_id)}
            assert await edges(work, run.project_id) == await edges(work, first)
        self.originals = {row["key"]: row for row in before["task"]}

    def adopted_is_what_was_done_before_the_steps(self) -> None:
        done = {key for key, row in self.originals.items() if row["status"] == "done" and key not in self.anew}
        skipped = {key for key, row in self.originals.items() if row["status"] == "skipped" and key not in self.anew}
        assert {key for key, row in self.copies.items() if row["adopted_from"]} == done
        assert {key for key, row in self.copies.items() if row["status"] == "skipped"} == skipped
        for key in done:
            copy, original = self.copies[key], self.originals[key]
            assert (copy["status"], copy["adopted_from"]) == ("done", original["id"])
            assert all(copy[name] == original[name] for name in WHAT_CAME_OF_IT)
        self.adopted = done

    async def ends(self) -> None:
        """All that is given out of it succeeds: nothing stands in its way that it has not taken with it."""
        stage = self.scene.stage
        answered: set[str] = set()
        async with asyncio.timeout(60):
            while (await stage.run(self.run))["status"] != "finished":
                for each in await stage.said("task.dispatched.v1"):
                    if each.run_id == self.run and each.attempt_id not in answered:
                        answered.add(each.attempt_id)
                        await stage.say(succeed(each))
                await asyncio.sleep(0)
        statuses = await stage.statuses(self.run)
        assert {key for key, status in statuses.items() if status != "done"} == {
            key for key, row in self.copies.items() if row["status"] == "skipped"
        }

    async def nothing_adopted_was_given_out(self) -> None:
        async with self.scene.stage.running.database.read() as view:
            query = select(DISPATCH.c.task_id).where(DISPATCH.c.run_id == self.run)
            given_out = set((await view.connection.execute(query)).scalars())
        assert given_out.isdisjoint(self.copies[key]["id"] for key in self.adopted)
        assert given_out.isdisjoint(row["id"] for row in self.originals.values())


@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
@given(progress=steps, keys=st.sets(st.sampled_from("abcde"), min_size=1, max_size=2))
def test_a_fork_from_any_step_after_any_progress(
    theatre: tuple[asyncio.Runner, Stage], progress: list[tuple[str, str, int]], keys: set[str]
) -> None:
    runner, stage = theatre
    stage.api.headers["Authorization"] = f"Bearer {token()}"  # the last example's may have run out

    async def play() -> None:
        scene = Scene(stage)
        await scene.open()
        for step in progress:
            await scene.play(*step)
        forked = Forked(scene, keys)
        await forked.begin()
        forked.adopted_is_what_was_done_before_the_steps()
        await forked.ends()
        await forked.nothing_adopted_was_given_out()
        await scene.each_epoch_ends_once()

    runner.run(play())
