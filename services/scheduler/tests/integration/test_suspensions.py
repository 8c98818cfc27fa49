"""Attempts that end for now: what they wait for, what answers it, and what becomes of them meanwhile."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from orchestra.chassis.testing.fakes import HeldClock
from orchestra.contracts.budgets import BudgetRaised
from orchestra.contracts.suspensions import ProviderAway
from orchestra.scheduler.application.reconcile import advance_due
from orchestra.scheduler.application.watch_checkpoints import watch_checkpoints

from .conftest import (
    APPROVAL,
    BUDGET,
    QUESTION,
    VERIFICATION,
    Stage,
    agent_task,
    assistant,
    chain,
    command_task,
    fail,
    suspend,
    token,
    verified,
)


class Desk:
    """A run of one task for an agent, whose first attempt is suspended."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage

    async def open(self, waits_for: Any, **more: Any) -> "Desk":
        await self.stage.team(assistant(slots=1))
        self.task = agent_task("draw", **more)
        self.plan_id = await self.stage.plan(self.task)
        self.run_id = await self.stage.start(self.plan_id)
        await self.stage.say(suspend((await self.stage.said("task.dispatched.v1"))[-1], waits_for))
        return self

    async def state(self) -> dict[str, Any]:
        return (await self.stage.tasks(self.run_id))["draw"]

    async def checkpoints(self, status: str = "open") -> list[dict[str, Any]]:
        mine = {"project_id": self.stage.project_id, "status": status}
        return (await self.stage.api.get("/checkpoints", params=mine)).json()["data"]

    async def answer(self, code: int = 200, **body: Any) -> dict[str, Any]:
        [checkpoint] = await self.checkpoints()
        said = await self.stage.api.post(f"/checkpoints/{checkpoint['id']}/answer", json=body)
        assert said.status_code == code, said.text
        return said.json()

    async def dispatches(self) -> list[Any]:
        return [d for d in await self.stage.said("task.dispatched.v1") if d.task_id == self.task.id]


async def test_a_question_waits_with_what_is_there_and_goes_on_with_its_answer(stage: Stage) -> None:
    desk = await Desk(stage).open(QUESTION)
    task = await desk.state()
    assert (task["status"], task["assignee"], task["outputs"]) == ("waiting", None, [])
    assert [each["path"] for each in task["kept"]] == ["out/Draw"]
    assert (await stage.run(desk.run_id))["status"] == "waiting"
    [raised] = await stage.said("checkpoint.raised.v1")
    assert (raised.about, raised.choices, raised.asks) == ("question", ("answer", "skip", "fail"), QUESTION)
    assert "Which colour? One of: red / blue." in raised.question

    await desk.answer(422, answer="answer", text="green")
    await desk.answer(422, answer="answer")
    await desk.answer(422, answer="retry")
    closed = await desk.answer(answer="answer", text="red", guidance="bright")

    first, second = await desk.dispatches()
    assert (first.number, second.number) == (1, 2)
    [said] = second.answers
    assert (said.about, said.id, said.text, said.by, said.checkpoint_id) == (
        "question",
        "q1",
        "red",
        "ana",
        closed["id"],
    )
    assert [each.path for each in second.kept] == ["out/Draw"]
    assert second.guidance == ("bright",)
    await stage.say(verified(second))
    assert (await stage.run(desk.run_id))["status"] == "finished"


@pytest.mark.parametrize(("choice", "approved"), [("approve", True), ("reject", False)])
async def test_an_approval_is_of_one_call_and_a_refusal_goes_on_too(stage: Stage, choice: str, approved: bool) -> None:
    desk = await Desk(stage).open(APPROVAL)
    await desk.answer(answer=choice)

    [said] = (await desk.dispatches())[-1].answers
    assert (said.about, said.id, said.approved) == ("approval", APPROVAL.digest, approved)
    [resolved] = await stage.said("checkpoint.resolved.v1")
    assert (resolved.answer, resolved.by) == (choice, "ana")


@pytest.mark.parametrize("watched", [True, False])
async def test_an_approval_that_has_expired_approves_nothing(stage: Stage, watched: bool) -> None:
    clock = HeldClock()
    stage.running.database.clock = clock
    late = APPROVAL.model_copy(update={"expires_at": clock.now() + timedelta(minutes=5)})
    desk = await Desk(stage).open(late)
    [checkpoint] = await desk.checkpoints()
    clock.advance(timedelta(minutes=6))
    stage.api.headers["Authorization"] = f"Bearer {token()}"
    if watched:
        await watch_checkpoints(stage.running.database.read, stage.running.database.begin)

    said = await stage.api.post(f"/checkpoints/{checkpoint['id']}/answer", json={"answer": "approve"})

    assert (said.status_code, said.json()["code"]) == (409, "checkpoint-closed")
    assert len(await desk.dispatches()) == 1
    await watch_checkpoints(stage.running.database.read, stage.running.database.begin)
    assert (await desk.state())["status"] == "failed"


async def test_a_verb_about_the_task_approves_nothing(stage: Stage) -> None:
    desk = await Desk(stage).open(APPROVAL)
    assert (await stage.api.post(f"/tasks/{desk.task.id}/retry")).status_code == 200

    assert (await desk.dispatches())[-1].answers == ()
    assert await desk.checkpoints() == []


async def raised(stage: Stage, **fields: Any) -> None:
    known = {
        "workspace_id": "wsp_1",
        "project_id": stage.project_id,
        "budget": "it",
        "name": "it",
        "unit": "micros",
        "settled": 0,
        "held": 0,
        "before": 1_000_000,
        "limit": 9_000_000,
        "at": datetime.now(UTC),
    }
    await stage.say(BudgetRaised(**known | fields))


async def test_what_has_met_a_budget_goes_on_when_just_that_is_raised(stage: Stage) -> None:
    desk = await Desk(stage).open(BUDGET)
    [checkpoint] = await desk.checkpoints()
    assert (
        "the run's budget: 0.9 USD of 1 USD are spent, 0.05 USD are held, 0.2 USD more are needed"
        in (checkpoint["question"])
    )
    for other in (
        {"scope": "run", "run_id": "run_other"},
        {"scope": "task", "task_id": desk.task.id},
        {"scope": "run", "run_id": desk.run_id, "unit": "tokens"},
        {"scope": "run", "run_id": desk.run_id, "workspace_id": "wsp_2"},
        {"scope": "day", "project_id": ""},
    ):
        await raised(stage, **other)
    assert (await desk.state())["status"] == "waiting"

    await raised(stage, scope="run", run_id=desk.run_id)
    await raised(stage, scope="run", run_id=desk.run_id)

    assert len(await desk.dispatches()) == 2
    assert (await desk.state())["status"] == "queued"
    assert [c["id"] for c in await desk.checkpoints("withdrawn")] == [checkpoint["id"]]


async def test_a_budget_of_the_workspace_is_that_of_all_its_projects(stage: Stage) -> None:
    of_day = BUDGET.model_copy(update={"scope": "day"})
    first = await Desk(stage).open(of_day)
    other = Stage(stage.running, stage.api)
    second = await Desk(other).open(of_day)

    await raised(stage, project_id="", scope="day")

    assert [len(await desk.dispatches()) for desk in (first, second)] == [2, 2]


async def test_what_has_met_the_days_budget_goes_on_with_the_next_day_and_not_before(stage: Stage) -> None:
    clock = HeldClock()
    stage.running.database.clock = clock
    tomorrow = clock.now() + timedelta(hours=2)
    desk = await Desk(stage).open(BUDGET.model_copy(update={"scope": "day", "renews_at": tomorrow}))

    async def watch_after(hours: float) -> None:
        clock.advance(timedelta(hours=hours))
        stage.api.headers["Authorization"] = f"Bearer {token()}"
        await watch_checkpoints(stage.running.database.read, stage.running.database.begin)

    [checkpoint] = await desk.checkpoints()
    assert f"By itself it goes on with the next, from {tomorrow:%Y-%m-%d} UTC." in checkpoint["question"]
    await watch_after(1.9)
    assert (await desk.state())["status"] == "waiting"
    await watch_after(0.2)
    assert (await desk.state())["status"] == "queued"
    assert len(await desk.dispatches()) == 2
    [resolved] = await stage.said("checkpoint.resolved.v1")
    assert (resolved.status, resolved.cause) == ("withdrawn", "the budget's next period has begun")


async def test_whoever_would_not_pay_more_has_it_fail_as_that(stage: Stage) -> None:
    desk = await Desk(stage).open(BUDGET)
    await desk.answer(answer="fail")

    task = await desk.state()
    assert (task["status"], task["last_failure"]["class"]) == ("failed", "budget")
    assert await desk.checkpoints() == []


async def test_a_person_accepts_what_nobody_could_verify_and_is_its_proof(stage: Stage) -> None:
    desk = await Desk(stage).open(VERIFICATION)
    await desk.answer(answer="accept")

    task = await desk.state()
    assert (task["status"], [o["path"] for o in task["outputs"]]) == ("done", ["out/Draw"])
    proof = task["evidence"]["verification"]
    assert proof == {"verdict": "passed", "by": "ana", "findings": list(VERIFICATION.findings)}
    [completed] = await stage.said("task.completed.v1")
    assert [o.path for o in completed.outputs] == ["out/Draw"]
    assert (await stage.run(desk.run_id))["status"] == "finished"


async def test_what_a_person_does_not_accept_is_tried_again_with_the_findings(stage: Stage) -> None:
    desk = await Desk(stage).open(VERIFICATION)
    await desk.answer(answer="retry", guidance="Draw a legend.")

    last = (await desk.dispatches())[-1]
    assert (last.feedback, last.guidance) == (VERIFICATION.findings, ("Draw a legend.",))


async def test_a_server_that_is_away_asks_nobody_and_is_tried_again(stage: Stage) -> None:
    clock = HeldClock()
    stage.running.database.clock = clock
    away = ProviderAway(name="ollama", reason="connection refused", retry_at=clock.now() + timedelta(minutes=2))
    desk = await Desk(stage).open(away, retries=0)
    assert (await desk.state())["status"] == "ready"
    assert await desk.checkpoints() == []
    assert (await stage.run(desk.run_id))["status"] == "running"
    told = (await stage.api.get(f"/tasks/{desk.task.id}/explain")).json()
    assert [wait["kind"] for wait in told["waits_for"]] == ["provider"]
    assert "ollama is away (connection refused)" in told["sentence"]

    clock.advance(timedelta(minutes=3))
    stage.api.headers["Authorization"] = f"Bearer {token()}"
    await advance_due(stage.running.database.read, stage.running.database.begin)

    assert len(await desk.dispatches()) == 2


async def test_a_suspended_attempt_uses_up_neither_tries_nor_slots(stage: Stage) -> None:
    desk = await Desk(stage).open(QUESTION, retries=1)
    for _ in range(5):
        await desk.answer(answer="answer", text="red")
        await stage.say(suspend((await desk.dispatches())[-1]))
    await desk.answer(answer="answer", text="blue")
    await stage.say(fail((await desk.dispatches())[-1], "transient"))
    await stage.eventually(lambda: _more_than(desk, 7))
    await stage.say(fail((await desk.dispatches())[-1], "transient"))

    assert (await desk.state())["status"] == "failed"
    assert [said.text for said in (await desk.dispatches())[-1].answers] == ["red"] * 5 + ["blue"]


async def _more_than(desk: Desk, number: int) -> bool:
    return len(await desk.dispatches()) > number


async def test_others_use_the_slot_meanwhile(stage: Stage) -> None:
    await stage.team(assistant(slots=1))
    one, two = agent_task("one"), agent_task("two")
    run_id = await stage.start(await stage.plan(one, two))
    [first] = await stage.said("task.dispatched.v1")
    await stage.say(suspend(first))

    assert await stage.statuses(run_id) == {"one": "waiting", "two": "queued"}


async def test_nothing_of_a_paused_run_goes_on_before_it_is_resumed(stage: Stage) -> None:
    desk = await Desk(stage).open(QUESTION)
    assert (await stage.api.post(f"/runs/{desk.run_id}/pause")).status_code == 200
    await desk.answer(answer="answer", text="red")
    assert (await desk.state())["status"] == "ready"
    assert len(await desk.dispatches()) == 1

    assert (await stage.api.post(f"/runs/{desk.run_id}/resume")).status_code == 200

    assert (await desk.dispatches())[-1].answers


async def test_an_attempt_that_is_suspended_after_its_run_was_paused_waits_all_the_same(stage: Stage) -> None:
    await stage.team(assistant())
    draw = agent_task("draw")
    run_id = await stage.start(await stage.plan(draw))
    [first] = await stage.said("task.dispatched.v1")
    assert (await stage.api.post(f"/runs/{run_id}/pause")).status_code == 200
    await stage.say(suspend(first))

    assert await stage.statuses(run_id) == {"draw": "waiting"}
    assert len((await stage.api.get("/checkpoints")).json()["data"]) == 1


@pytest.mark.parametrize("what", ["tasks", "runs"])
async def test_a_cancellation_withdraws_the_question(stage: Stage, what: str) -> None:
    desk = await Desk(stage).open(QUESTION)
    which = desk.task.id if what == "tasks" else desk.run_id
    assert (await stage.api.post(f"/{what}/{which}/cancel")).status_code == 200

    assert (await desk.state())["status"] == "cancelled"
    assert await desk.checkpoints() == []
    assert len(await desk.checkpoints("withdrawn")) == 1


async def test_an_attempt_that_was_withdrawn_suspends_nothing(stage: Stage) -> None:
    await stage.team(assistant())
    draw = agent_task("draw")
    run_id = await stage.start(await stage.plan(draw))
    [first] = await stage.said("task.dispatched.v1")
    await stage.api.post(f"/tasks/{draw.id}/cancel")
    await stage.say(suspend(first))

    assert await stage.statuses(run_id) == {"draw": "cancelled"}
    assert (await stage.api.get("/checkpoints")).json()["data"] == []


async def test_a_newer_plan_leaves_the_question_and_counts_for_what_follows(stage: Stage) -> None:
    desk = await Desk(stage).open(QUESTION)
    assert desk.task.command is not None
    brief = desk.task.command.agent.model_copy(update={"instructions": "Do it better."})
    newer = desk.task.model_copy(update={"command": desk.task.command.model_copy(update={"agent": brief})})
    await stage.plan(newer, version=2)
    assert (await desk.state())["status"] == "waiting"
    assert len(await desk.checkpoints()) == 1

    await desk.answer(answer="answer", text="red")

    last = (await desk.dispatches())[-1]
    assert (last.command.agent.instructions, last.answers[0].text) == ("Do it better.", "red")


async def test_a_task_that_is_planned_no_more_ends_with_its_answer(stage: Stage) -> None:
    desk = await Desk(stage).open(QUESTION)
    await stage.plan(agent_task("other"), version=2)
    await desk.answer(answer="answer", text="red")

    task = (await stage.api.get(f"/tasks/{desk.task.id}")).json()
    assert (task["status"], task["retired"]) == ("cancelled", True)
    assert await desk.checkpoints() == []


async def test_the_question_of_a_cancelled_task_is_asked_again_where_it_may_not_repeat(stage: Stage) -> None:
    await stage.team(assistant())
    draw = agent_task("draw")
    assert draw.command is not None
    once = draw.model_copy(update={"command": draw.command.model_copy(update={"repeatable": False})})
    run_id = await stage.start(await stage.plan(once))
    [first] = await stage.said("task.dispatched.v1")
    await stage.say(suspend(first))
    await stage.api.post(f"/runs/{run_id}/cancel")
    plan_id = await stage.plan(once, version=2)
    await stage.start(plan_id)

    [checkpoint] = (await stage.api.get("/checkpoints", params={"status": "open"})).json()["data"]
    assert checkpoint["kind"] == "question"


async def test_a_lost_attempt_after_an_answer_asks_its_own_question(stage: Stage) -> None:
    """What an earlier attempt waited for is over once another has begun."""
    await stage.team(assistant())
    draw = agent_task("draw")
    assert draw.command is not None
    once = draw.model_copy(update={"command": draw.command.model_copy(update={"repeatable": False})})
    await stage.start(await stage.plan(once))
    await stage.say(suspend((await stage.said("task.dispatched.v1"))[-1]))
    await stage.api.post(f"/tasks/{draw.id}/retry")
    await stage.say(fail((await stage.said("task.dispatched.v1"))[-1], "lost"))

    [checkpoint] = (await stage.api.get("/checkpoints", params={"status": "open"})).json()["data"]
    assert (checkpoint["kind"], checkpoint["asks"]) == ("repeat", None)


async def test_what_was_skipped_hands_nothing_on(stage: Stage) -> None:
    await stage.team(assistant(tools=("true",)))
    draw, use = agent_task("draw"), command_task("use")
    run_id = await stage.start(await stage.plan(draw, use, after=chain(draw, use)))
    await stage.say(suspend((await stage.said("task.dispatched.v1"))[-1]))
    [checkpoint] = (await stage.api.get("/checkpoints")).json()["data"]
    await stage.api.post(f"/checkpoints/{checkpoint['id']}/answer", json={"answer": "skip"})

    assert await stage.statuses(run_id) == {"draw": "skipped", "use": "queued"}
    assert (await stage.said("task.dispatched.v1"))[-1].handed_on == ()
