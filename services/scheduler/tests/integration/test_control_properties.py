"""Over any sequence of verbs and outcomes, and over many at the same time: the tables are kept, each epoch ends once,
a pause begins nothing, no task is lost, none has two live tokens."""

import asyncio
import random
from collections import Counter
from itertools import pairwise
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from orchestra.contracts.execution import AttemptReturned
from orchestra.contracts.scheduling import TaskDispatched, TaskStatus
from orchestra.scheduler.adapters.tables import DISPATCH
from orchestra.scheduler.domain.work.status import RUN_MOVES, RUN_TERMINAL, TASK_AGAIN, TASK_MOVES

from .conftest import Stage, agent, begin, chain, command_task, fail, succeed, token

RUN_VERBS = ("pause", "resume", "retry")
TASK_VERBS = ("pause", "resume", "cancel", "retry", "skip")
OUTCOMES = ("begin", "succeed", "transient", "permanent", "lost", "answer", "late")

steps = st.lists(
    st.one_of(
        st.tuples(st.just("run"), st.sampled_from((*RUN_VERBS, *RUN_VERBS, "cancel")), st.just(0)),
        st.tuples(st.just("task"), st.sampled_from(TASK_VERBS), st.integers(0, 4)),
        st.tuples(st.just("run"), st.just("rerun"), st.integers(0, 4)),
        st.tuples(st.just("executor"), st.sampled_from(OUTCOMES), st.integers(0, 4)),
    ),
    max_size=14,
)


class Scene:
    """One run of five commands, and an executor that says what it is told to."""

    def __init__(self, stage: Stage) -> None:
        self.stage = Stage(stage.running, stage.api)
        self.begun: set[str] = set()
        self.over: set[str] = set()
        """Attempts that have ended or were given back."""

    async def open(self) -> None:
        await self.stage.team(agent(slots=1))
        a, b, c, d, e = (command_task(key, retries=1) for key in "abcde")
        self.tasks = [task.id for task in (a, b, c, d, e)]
        self.run = await self.stage.start(await self.stage.plan(a, b, c, d, e, after=(*chain(a, c, d), *chain(b, d))))

    async def said(self, kind: str) -> list[Any]:
        return [event for event in await self.stage.said(kind) if event.project_id == self.stage.project_id]

    async def play(self, who: str, what: str, which: int) -> None:
        if who == "executor":
            await self.report(what, which)
            return
        path = f"/runs/{self.run}/{what}" if who == "run" else f"/tasks/{self.tasks[which]}/{what}"
        answer = await self.stage.api.post(path, json={"from": ["abcde"[which]]} if what == "rerun" else None)
        assert answer.status_code in (200, 409), answer.text

    async def report(self, what: str, which: int) -> None:
        dispatched: list[TaskDispatched] = await self.said("task.dispatched.v1")
        if what == "late":
            ended = [each for each in dispatched if each.attempt_id in self.over]
            if ended:
                await self.stage.say(succeed(ended[which % len(ended)]))
            return
        if what == "answer":
            recalls = [r for r in await self.said("dispatch.recalled.v1") if r.attempt_id not in self.begun | self.over]
            if recalls:
                recall = recalls[which % len(recalls)]
                self.over.add(recall.attempt_id)
                told = recall.model_dump(include={"workspace_id", "project_id", "task_id", "attempt_id", "token"})
                await self.stage.say(AttemptReturned(**told))
            return
        alive = [each for each in dispatched if each.attempt_id not in self.over]
        if not alive:
            return
        attempt = alive[which % len(alive)]
        self.begun.add(attempt.attempt_id)
        if what == "begin":
            await self.stage.say(begin(attempt))
            return
        self.over.add(attempt.attempt_id)
        await self.stage.say(succeed(attempt) if what == "succeed" else fail(attempt, what))

    async def no_task_has_two_live_tokens(self) -> None:
        async with self.stage.running.database.read() as view:
            live = select(DISPATCH.c.task_id, func.count()).where(DISPATCH.c.status.in_(("sent", "heard", "recalled")))
            mine = live.where(DISPATCH.c.task_id.in_(self.tasks)).group_by(DISPATCH.c.task_id)
            assert all(count == 1 for _, count in await view.connection.execute(mine))

    async def each_epoch_ends_once(self) -> None:
        changes = await self.said("run.changed.v1")
        assert [change.sequence for change in changes] == list(range(1, len(changes) + 1))
        assert all(after.status in RUN_MOVES[before.status] for before, after in pairwise(changes))
        ends = Counter(change.epoch for change in changes if change.status in RUN_TERMINAL)
        assert all(count == 1 for count in ends.values())
        run = await self.stage.run(self.run)
        assert (run["status"], run["epoch"]) == (changes[-1].status, changes[-1].epoch)

    async def end(self) -> None:
        """Everything resumed, everything answered: the run comes to an end, and what is open in it waits for that."""
        await self.play("run", "resume", 0)
        for which in range(len(self.tasks)):
            await self.play("task", "resume", which)
        # Timers go on with what waits for its next try.
        async with asyncio.timeout(60):
            while (await self.stage.run(self.run))["status"] not in RUN_TERMINAL:
                await self.report("answer", 0)
                await self.report("succeed", 0)
                await asyncio.sleep(0)
        await self.each_epoch_ends_once()
        statuses = (await self.stage.statuses(self.run)).values()
        assert set(statuses) <= {"done", "failed", "cancelled", "skipped", "blocked"}
        assert "blocked" not in statuses or {"failed", "cancelled"} & set(statuses)
        await self.every_move_is_in_the_table()

    async def every_move_is_in_the_table(self) -> None:
        async def told() -> bool:
            self.changes = [change for event in await self.said("tasks.changed.v1") for change in event.changes]
            final = {change.key: change.after for change in self.changes}
            return all(final.get(k, s) == s for k, s in (await self.stage.statuses(self.run)).items())

        await self.stage.eventually(told, 60)
        for key in "abcde":
            mine = [change for change in self.changes if change.key == key]
            assert all(each.after == each.before or _may_move(each.before, each.after) for each in mine)
            assert all(one.after == other.before for one, other in pairwise(mine))


def _may_move(before: TaskStatus, after: TaskStatus) -> bool:
    return after in TASK_MOVES[before] or (before in TASK_AGAIN and after in ("blocked", "ready"))


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(steps=steps)
def test_whatever_is_said_in_whatever_order_the_run_keeps_its_rules(
    theatre: tuple[asyncio.Runner, Stage], steps: list[tuple[str, str, int]]
) -> None:
    runner, stage = theatre
    stage.api.headers["Authorization"] = f"Bearer {token()}"  # the last example's may have run out

    async def play() -> None:
        scene = Scene(stage)
        await scene.open()
        for step in steps:
            before = (await stage.run(scene.run))["status"], len(await scene.said("task.dispatched.v1"))
            await scene.play(*step)
            await scene.no_task_has_two_live_tokens()
            if before[0] == "paused" and step[:2] != ("run", "resume"):
                assert len(await scene.said("task.dispatched.v1")) == before[1]
        await scene.each_epoch_ends_once()
        await scene.end()

    runner.run(play())


async def test_many_verbs_and_outcomes_at_the_same_time_end_in_a_legal_state(stage: Stage) -> None:
    chosen = random.Random(7)  # noqa: S311 (the same calls each time, in whatever order they come)
    scene = Scene(stage)
    await scene.open()
    for _ in range(5):
        calls = [("run", chosen.choice(RUN_VERBS), 0) for _ in range(4)]
        calls += [("task", chosen.choice(TASK_VERBS), chosen.randrange(5)) for _ in range(4)]
        calls += [("executor", chosen.choice(OUTCOMES), chosen.randrange(5)) for _ in range(4)]
        await asyncio.gather(*(scene.play(*call) for call in calls))
        await scene.no_task_has_two_live_tokens()
        await scene.each_epoch_ends_once()
    await scene.end()
