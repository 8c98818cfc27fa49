"""Over any sequence of plan versions and outcomes: nothing started is lost or done twice, ids stay, the run ends."""

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from orchestra.chassis.database.tables import OUTBOX
from orchestra.chassis.ids import new_id
from orchestra.chassis.messaging.message import decode
from orchestra.contracts.planning import Command, DecomposedTask
from orchestra.contracts.scheduling import TaskDispatched

from .conftest import Stage, agent, begin, fail, succeed, token

KEYS = "abcde"


@dataclass(frozen=True)
class Version:
    """What a plan says of each key: which wording of its command, and which earlier keys it comes after."""

    tasks: dict[str, tuple[int, frozenset[str]]]


versions = st.dictionaries(
    st.sampled_from(KEYS), st.tuples(st.integers(0, 1), st.frozensets(st.sampled_from(KEYS))), min_size=1
).map(Version)
outcomes = st.tuples(st.sampled_from(["begin", "succeed", "transient", "lost", "permanent"]), st.integers(0, 4))
steps = st.lists(st.one_of(versions, outcomes), min_size=1, max_size=7)


@dataclass
class Play:
    """One project: the versions that its plan had, and the executor's side of its dispatches."""

    stage: Stage
    approved: list[tuple[str, tuple[DecomposedTask, ...], tuple[tuple[str, str], ...]]] = field(default_factory=list)
    begun: set[str] = field(default_factory=set)
    ended: set[str] = field(default_factory=set)
    said: list[Any] = field(default_factory=list)
    read: int = 0
    """The position in the outbox up to which it is read."""

    def approve(self, version: Version) -> int:
        """The planner's side: one key is one id."""
        ids = {key: f"tsk_{self.stage.project_id}_{key}" for key in version.tasks}
        tasks = tuple(self._task(ids[key], key, wording) for key, (wording, _) in sorted(version.tasks.items()))
        after = tuple(
            (ids[before], ids[key])
            for key, (_, earlier) in version.tasks.items()
            for before in sorted(earlier)
            if before < key and before in ids
        )
        self.approved.append((new_id("pln"), tasks, after))
        return len(self.approved)

    def _task(self, task_id: str, key: str, wording: int) -> DecomposedTask:
        # The last key may not be repeated, so that this kind is among them.
        command = Command(argv=("true", str(wording)), tools=("true",), retries=1, repeatable=key != KEYS[-1])
        return DecomposedTask(id=task_id, key=key, title=key, role="automation", minutes=1, command=command)

    async def deliver(self, number: int) -> None:
        plan_id, tasks, after = self.approved[number - 1]
        supersedes = self.approved[number - 2][0] if number > 1 else None
        await self.stage.say(*self.stage.parts(plan_id, tasks, after, version=number, supersedes=supersedes))

    async def open(self) -> list[TaskDispatched]:
        """Dispatches that nobody has answered or withdrawn, the oldest first."""
        gone = {each.attempt_id for each in await self.mine("dispatch.withdrawn.v1")} | self.ended
        return [each for each in await self.mine("task.dispatched.v1") if each.attempt_id not in gone]

    async def mine(self, kind: str) -> list[Any]:
        """The project's events of a kind, in order; what was read before is not read again."""
        async with self.stage.running.database.read() as view:
            news = OUTBOX.select().where(OUTBOX.c.position > self.read).order_by(OUTBOX.c.position)
            for row in await view.connection.execute(news):
                self.read = row.position
                self.said.append(decode(row.body)[0].event)
        return [each for each in self.said if each.kind == kind and each.project_id == self.stage.project_id]

    async def answer(self, outcome: str, which: int) -> None:
        waiting = await self.open()
        if not waiting:
            return
        dispatched = waiting[which % len(waiting)]
        if outcome == "begin":
            self.begun.add(dispatched.attempt_id)
            await self.stage.say(begin(dispatched))
            return
        self.ended.add(dispatched.attempt_id)
        await self.stage.say(succeed(dispatched) if outcome == "succeed" else fail(dispatched, outcome))

    async def going_on(self, run: str) -> str:
        """The run, or the next one where it had finished before the newest plan came."""
        newest, shown = self.approved[-1][0], await self.stage.run(run)
        if shown["status"] != "finished" or shown["plan_id"] == newest:  # the newest may leave nothing to be done
            return run
        return await self.stage.start(newest)

    async def finish(self) -> None:
        """All that is left succeeds; a person lets what waits for a decision run once more."""
        for _ in range(100):
            while await self.open():
                await self.answer("succeed", 0)
            page = (await self.stage.api.get(f"/projects/{self.stage.project_id}/tasks")).json()["data"]
            waiting = [task for task in page if task["status"] == "waiting"]
            for task in waiting:
                await self.stage.api.post(f"/tasks/{task['id']}/decide", json={"decision": "retry"})
            due = [task for task in page if task["status"] in ("ready", "queued")]  # or queued since the last look
            if not due and not waiting:
                return
            await asyncio.sleep(0.05)  # a further try is due after its pause
        raise AssertionError("work goes on for ever")


@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
@given(first=versions, steps=steps, late=st.booleans())
def test_nothing_started_is_lost_or_done_twice_and_the_run_ends(
    theatre: tuple[asyncio.Runner, Stage], first: Version, steps: list[Any], late: bool
) -> None:
    runner, stage = theatre
    runner.run(_play(stage, first, steps, late))


async def _play(stage: Stage, first: Version, steps: list[Any], late: bool) -> None:
    stage.project_id = new_id("prj")
    stage.api.headers["Authorization"] = f"Bearer {token()}"  # the last example's may have run out
    await stage.team(agent(slots=2))
    play = Play(stage, read=await _position(stage))
    play.approve(first)
    run = await stage.start(play.approved[0][0])
    withheld = [1] if late else []
    if not late:
        await play.deliver(1)
    for step in steps:
        if not isinstance(step, Version):
            await play.answer(*step)
            continue
        number = play.approve(step)
        if late and number % 2:
            withheld.append(number)  # its event is overtaken by that of the next version
            continue
        await play.deliver(number)
        run = await play.going_on(run)
        before = len(await play.mine("task.dispatched.v1"))
        for each in withheld:
            await play.deliver(each)
        withheld.clear()
        assert len(await play.mine("task.dispatched.v1")) == before, "a version that came late changed something"
        planned = {task.id for task in step_tasks(play)}
        for each in await play.open():
            assert each.task_id in planned or each.attempt_id in play.begun or not each.command.repeatable
    for number in withheld:
        await play.deliver(number)
        run = await play.going_on(run)
    await play.finish()
    await _check(stage, play, run)


def step_tasks(play: Play) -> tuple[DecomposedTask, ...]:
    return play.approved[-1][1]


async def _position(stage: Stage) -> int:
    async with stage.running.database.read() as view:
        return (await view.connection.execute(select(func.max(OUTBOX.c.position)))).scalar_one() or 0


async def _check(stage: Stage, play: Play, run: str) -> None:
    page = (await stage.api.get(f"/projects/{stage.project_id}/tasks", params={"limit": 500})).json()["data"]
    known = {task["id"]: task for task in page}
    planned = {task.id for task in step_tasks(play)}
    assert len(known) == len({task["key"] for task in page}), "a key stands for two tasks"
    completions = Counter(event.task_id for event in await play.mine("task.completed.v1"))
    assert set(completions.values()) <= {1}, "a task was done twice"
    withdrawn = {each.attempt_id for each in await play.mine("dispatch.withdrawn.v1")}
    assert not withdrawn & play.begun, "a started attempt was called back"
    for task_id, task in known.items():
        if task_id in planned:
            assert task["status"] in ("done", "failed", "blocked"), task
        else:
            assert task["status"] in ("done", "failed", "cancelled"), task
    assert planned <= set(known)
    shown = await stage.run(run)
    stuck = any(known[task_id]["status"] != "done" for task_id in planned)
    assert shown["status"] == ("failed" if stuck else "finished")
    assert shown["plan_id"] == play.approved[-1][0]
