"""Whatever is said, whatever becomes of attempts, plans and teams: what is owed is asked, once, and nothing else is."""

import asyncio
import random
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from orchestra.chassis.testing.fakes import HeldClock
from orchestra.contracts.budgets import BudgetRaised
from orchestra.contracts.planning import DecomposedTask
from orchestra.contracts.suspensions import ProviderAway
from orchestra.scheduler.adapters.checkpoint_table import CHECKPOINT
from orchestra.scheduler.adapters.tables import RUN, TASK
from orchestra.scheduler.application.watch_checkpoints import watch_checkpoints
from orchestra.scheduler.domain.work.status import RUN_OVER

from .conftest import (
    APPROVAL,
    BUDGET,
    HASH,
    QUESTION,
    VERIFICATION,
    Stage,
    agent,
    agent_task,
    begin,
    chain,
    command_task,
    fail,
    staged,
    succeed,
    suspend,
    token,
    verified,
)

KEYS = "abcde"
REPEATABLE = dict(zip(KEYS, (True, False, True, False, False), strict=True))
PLANS = ("abcde", "abcd", "bcde", "ace", "abcde")
"""What newer versions have, in turn."""
TASK_VERBS = ("retry", "skip", "cancel", "pause", "resume", "decide-retry", "decide-fail")
OUTCOMES = ("begin", "succeed", "permanent", "lost", "lost", "timeout", "transient")
SUSPENSIONS = {"question": QUESTION, "approval": APPROVAL, "budget": BUDGET, "verification": VERIFICATION}
SUSPENSIONS |= {"provider": ProviderAway(name="ollama")}
AGENTS = "bce"
"""Tasks that an AI agent does."""

which = st.integers(0, 4)
steps = st.lists(
    st.one_of(
        st.tuples(st.just("task"), st.sampled_from(TASK_VERBS), which),
        st.tuples(st.just("run"), st.sampled_from(("retry", "retry", "pause", "resume", "cancel")), st.just(0)),
        st.tuples(st.just("executor"), st.sampled_from(OUTCOMES), which),
        st.tuples(st.just("executor"), st.sampled_from(OUTCOMES), which),
        st.tuples(st.just("agent"), st.sampled_from((*SUSPENSIONS, "gaps_found", "human_needed", "passed")), which),
        st.tuples(st.just("agent"), st.sampled_from(tuple(SUSPENSIONS)), which),
        st.tuples(st.just("answer"), st.sampled_from(("retry", "skip", "fail")), which),
        st.tuples(st.just("answer"), st.sampled_from(("go on", "go on", "reject", "accept")), which),
        st.tuples(st.just("budget"), st.sampled_from(("run", "day")), st.just(0)),
        st.tuples(st.just("time"), st.sampled_from(("hours", "days")), st.just(0)),
        st.tuples(st.sampled_from(("plan", "team")), st.just(""), which),
    ),
    max_size=18,
)


class Scene:
    """A project of five commands, some of which may not repeat, through all its plans and runs."""

    def __init__(self, stage: Stage, clock: HeldClock) -> None:
        self.stage = Stage(stage.running, stage.api)
        self.clock = clock
        self.over: set[str] = set()
        self.version = 0

    async def open(self) -> None:
        await self.stage.team(*self.members(1))
        self.tasks = {key: self.task(key) for key in KEYS}
        await self.plan()

    @staticmethod
    def members(n: int) -> list[dict[str, Any]]:
        ai = {"agent": "any", "roles": ["automation"]}
        return [{**agent(slots=3), **ai}, *([{**agent("other", slots=1), **ai}] if n % 2 else [])]

    @staticmethod
    def task(key: str) -> DecomposedTask:
        if key not in AGENTS:
            return command_task(key, retries=1, repeatable=REPEATABLE[key])
        made = agent_task(key)
        assert made.command is not None
        return made.model_copy(update={"command": made.command.model_copy(update={"repeatable": REPEATABLE[key]})})

    async def plan(self) -> None:
        """The next version stands; where no run goes on with it, it has one of its own."""
        wanted = [self.tasks[key] for key in PLANS[self.version % len(PLANS)]]
        self.version += 1
        plan_id = await self.stage.plan(*wanted, after=chain(*wanted[-2:]), version=self.version)
        path = f"/projects/{self.stage.project_id}/runs"
        answer = await self.stage.api.post(path, json={"plan_id": plan_id, "hash": HASH})
        assert answer.status_code in (201, 409), answer.text
        if answer.status_code == 201:
            self.run = answer.json()["id"]

    async def play(self, who: str, what: str, n: int) -> None:
        match who:
            case "task":
                await self.say(f"/tasks/{self.tasks[KEYS[n]].id}", what)
            case "run":
                await self.say(f"/runs/{self.run}", what)
            case "executor":
                await self.report(what, n)
            case "agent":
                await self.report(what, n, AGENTS)
            case "budget":
                ids = {"workspace_id": "wsp_1", "project_id": self.stage.project_id, "run_id": self.run}
                whose = {"budget": what, "scope": what, "name": "it", "unit": "micros", "at": self.clock.now()}
                amounts = {"settled": 0, "held": 0, "before": 1, "limit": 9}
                await self.stage.say(BudgetRaised.model_validate({**ids, **whose, **amounts}))
            case "answer":
                await self.answer(what, n)
            case "time":
                self.clock.advance(timedelta(hours=25) if what == "hours" else timedelta(days=8))
                await watch_checkpoints(self.stage.running.database.read, self.stage.running.database.begin)
            case "plan":
                await self.plan()
            case _:
                await self.stage.team(*self.members(n))

    async def say(self, path: str, verb: str) -> None:
        verb, _, decision = verb.partition("-")
        answer = await self.stage.api.post(f"{path}/{verb}", json={"decision": decision} if decision else None)
        assert answer.status_code in (200, 404, 409), answer.text

    async def answer(self, choice: str, n: int) -> None:
        mine = {"project_id": self.stage.project_id}
        every = (await self.stage.api.get("/checkpoints", params=mine)).json()["data"]
        if not every:
            return
        # Most often one that is open, the newest first; now and then any other, which is refused.
        chosen = sorted(every, key=lambda c: c["status"] != "open")[n % len(every)]
        if choice == "go on":
            choice = chosen["choices"][0]
        body = {"answer": choice, "guidance": f"guided {n}"} | ({"text": "red"} if choice == "answer" else {})
        said = await self.stage.api.post(f"/checkpoints/{chosen['id']}/answer", json=body)
        fits = 200 if choice in chosen["choices"] else 422
        assert said.status_code == (fits if chosen["status"] == "open" else 409), said.text

    async def report(self, what: str, n: int, keys: str = KEYS) -> None:
        told = [d for d in await self.stage.said("task.dispatched.v1") if d.project_id == self.stage.project_id]
        alive = [each for each in told if each.attempt_id not in self.over and each.key in keys]
        if not alive:
            return
        attempt = alive[n % len(alive)]
        if what == "begin":
            await self.stage.say(begin(attempt))
            return
        self.over.add(attempt.attempt_id)
        if what in SUSPENSIONS:
            await self.stage.say(suspend(attempt, SUSPENSIONS[what]))
        elif what in ("gaps_found", "human_needed", "passed"):
            await self.stage.say(verified(attempt, what))
        else:
            await self.stage.say(succeed(attempt) if what == "succeed" else fail(attempt, what))

    async def what_is_owed_is_asked(self) -> None:
        """Exactly one open checkpoint for each task that owes a decision, and none for any other."""
        async with self.stage.running.database.read() as view:
            columns = (
                TASK.c.id,
                TASK.c.key,
                TASK.c.status,
                TASK.c.retired,
                TASK.c.attempts,
                TASK.c.dialogue,
                TASK.c.evidence,
                RUN.c.status.label("run"),
            )
            query = select(*columns).outerjoin(RUN, RUN.c.id == TASK.c.run_id)
            rows = await view.connection.execute(query.where(TASK.c.project_id == self.stage.project_id))
            tasks = rows.mappings().all()
            rows = await view.connection.execute(
                CHECKPOINT.select().where(CHECKPOINT.c.project_id == self.stage.project_id)
            )
            checkpoints = rows.mappings().all()
        asked = Counter(c["task_id"] for c in checkpoints if c["status"] == "open")
        settled = {
            (c["task_id"], c["attempt"]) for c in checkpoints if c["status"] == "expired" or c["answer"] == "fail"
        }
        for task in tasks:
            failure = task["status"] == "failed" and not task["retired"]
            undecided = failure and (task["id"], task["attempts"]) not in settled
            owed = task["run"] not in (None, *RUN_OVER) and (task["status"] == "waiting" or undecided)
            if task["status"] == "waiting" and owed:
                # What its last attempt waits for is what is asked.
                [open_] = [c for c in checkpoints if c["status"] == "open" and c["task_id"] == task["id"]]
                last = (task["dialogue"] or {}).get("suspended")
                mine = last["waits_for"]["kind"] if last and last["attempt"] == task["attempts"] else "repeat"
                assert open_["kind"] == mine, (dict(task), dict(open_))
            assert asked[task["id"]] == owed, (dict(task), [dict(c) for c in checkpoints if c["task_id"] == task["id"]])
            if task["status"] == "done" and task["key"] in AGENTS:
                assert task["evidence"]["verification"]["verdict"] == "passed"  # nothing of theirs is done without
        for each in checkpoints:
            assert (each["due_at"] is not None) == (each["status"] == "open")
            assert (each["answer"] is not None) == (each["status"] == "answered") == (each["answered_by"] is not None)

    async def each_is_told_in_order_and_resolved_once(self) -> None:
        raised, resolved = [
            [e for e in await self.stage.said(kind) if e.project_id == self.stage.project_id]
            for kind in ("checkpoint.raised.v1", "checkpoint.resolved.v1")
        ]
        sequences: dict[str, list[int]] = {}
        for event in (*raised, *resolved):
            sequences.setdefault(event.checkpoint_id, []).append(event.sequence)
        assert all(told == list(range(1, len(told) + 1)) for told in sequences.values())
        ends = Counter(event.checkpoint_id for event in resolved)
        assert all(count == 1 for count in ends.values())


def theatre_at(path: Any) -> Iterator[tuple[asyncio.Runner, Stage, HeldClock]]:
    """One scheduler for all examples, each a project of its own; only the test moves its clock, and acts on time."""
    with asyncio.Runner() as runner:
        entered = staged(f"sqlite+aiosqlite:///{path}/scheduler.db")
        stage = runner.run(entered.__aenter__())
        stage.running.database.clock = clock = HeldClock()
        yield runner, stage, clock
        runner.run(entered.__aexit__(None, None, None))


@pytest.fixture(scope="module")
def theatre(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[asyncio.Runner, Stage, HeldClock]]:
    yield from theatre_at(tmp_path_factory.mktemp("checkpoints"))


EXPIRED_AND_PLANNED_AGAIN = [
    *(("executor", "lost", 1), ("time", "days", 0), ("plan", "", 0), ("plan", "", 0), ("run", "retry", 0)),
]
CANCELLED_AND_TAKEN_OVER = [
    *(("executor", "permanent", 0), ("executor", "lost", 0), ("run", "cancel", 0), ("plan", "", 0), ("plan", "", 0)),
]


SUSPENDED_CANCELLED_AND_PLANNED_AGAIN = [
    *(("agent", "question", 1), ("run", "cancel", 0), ("plan", "", 0), ("plan", "", 0), ("answer", "go on", 0)),
    *(("agent", "approval", 0), ("agent", "budget", 1), ("budget", "run", 0), ("agent", "human_needed", 0)),
    *(("answer", "accept", 0), ("time", "days", 0)),
]


@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
@given(steps=steps)
@example(steps=EXPIRED_AND_PLANNED_AGAIN)
@example(steps=CANCELLED_AND_TAKEN_OVER)
@example(steps=SUSPENDED_CANCELLED_AND_PLANNED_AGAIN)
def test_a_task_of_a_run_that_is_not_over_owes_a_decision_exactly_while_one_checkpoint_is_open(
    theatre: tuple[asyncio.Runner, Stage, HeldClock], steps: list[tuple[str, str, int]]
) -> None:
    runner, stage, clock = theatre
    stage.api.headers["Authorization"] = f"Bearer {token()}"  # the last example's may have run out

    async def play() -> None:
        scene = Scene(stage, clock)
        await scene.open()
        for step in steps:
            await scene.play(*step)
            await scene.what_is_owed_is_asked()
        await scene.each_is_told_in_order_and_resolved_once()

    runner.run(play())


async def test_many_at_the_same_time_leave_no_decision_unasked_and_none_asked_twice(stage: Stage) -> None:
    chosen = random.Random(11)  # noqa: S311 (the same calls each time, in whatever order they come)
    clock = HeldClock()
    stage.running.database.clock = clock
    scene = Scene(stage, clock)
    await scene.open()

    async def outrun(what: str, n: int) -> None:
        """Whoever is late with an answer is refused: that is no fault here."""
        mine = {"project_id": scene.stage.project_id, "status": "open"}
        for each in (await scene.stage.api.get("/checkpoints", params=mine)).json()["data"][: n + 1]:
            said = await scene.stage.api.post(f"/checkpoints/{each['id']}/answer", json={"answer": what})
            assert said.status_code in (200, 409), said.text

    for _ in range(6):
        calls = [scene.play("executor", chosen.choice(OUTCOMES), chosen.randrange(5)) for _ in range(4)]
        calls += [scene.play("task", chosen.choice(TASK_VERBS), chosen.randrange(5)) for _ in range(3)]
        calls += [outrun(chosen.choice(("retry", "fail", "skip")), chosen.randrange(3)) for _ in range(4)]
        calls += [scene.play("run", "retry", 0), scene.play("time", "hours", 0)]
        await asyncio.gather(*calls)
        await scene.what_is_owed_is_asked()
    await scene.each_is_told_in_order_and_resolved_once()
