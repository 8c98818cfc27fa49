"""Work for AI agents: who gets it, what goes with it, and when it is done."""

import pytest

from orchestra.contracts.machine_work import RequirementText
from orchestra.contracts.suspensions import VerificationNeeded

from .conftest import (
    QUESTION,
    Stage,
    agent,
    agent_task,
    assistant,
    chain,
    command_task,
    fail,
    people_task,
    person,
    succeed,
    suspend,
    verified,
)


async def explained(stage: Stage, task_id: str) -> str:
    return (await stage.api.get(f"/tasks/{task_id}/explain")).json()["sentence"]


async def test_work_for_an_agent_goes_only_to_a_member_that_has_one(stage: Stage) -> None:
    await stage.team(person("mia"), agent("press", tools=("true",)))
    draw = agent_task("draw")
    plan_id = await stage.plan(draw, command_task("press"))
    run_id = await stage.start(plan_id)
    assert await stage.statuses(run_id) == {"draw": "ready", "press": "queued"}
    assert "no member does agent work" in await explained(stage, draw.id)

    await stage.team(person("mia"), agent("press", tools=("true",)), assistant("artist", name="painter"))

    told = {d.key: d for d in await stage.eventually(lambda: _dispatched(stage, 2))}
    assert (await stage.tasks(run_id))["draw"]["assignee"]["key"] == "artist"
    assert (told["draw"].agent, told["press"].agent) == ("painter", "")


async def test_it_needs_the_role_and_the_programs_too_and_no_manager_does_it(stage: Stage) -> None:
    await stage.team(assistant("boss", tools=("make",)) | {"manager": True}, assistant("plain"))
    build = agent_task("build", role="automation")
    build = build.model_copy(update={"command": build.command.model_copy(update={"tools": ("make",)})})
    run_id = await stage.start(await stage.plan(build))

    assert await stage.statuses(run_id) == {"build": "ready"}
    assert "the role automation with make" in await explained(stage, build.id)


async def test_a_person_is_no_agent(stage: Stage) -> None:
    answer = await stage.api.put(
        f"/projects/{stage.project_id}/team", json={"members": [{**person("mia"), "agent": "any"}]}
    )

    assert (answer.status_code, answer.json()["code"]) == (422, "invalid-member")


async def test_whom_the_task_prefers_has_it_while_they_have_a_slot(stage: Stage) -> None:
    await stage.team(assistant("a", name="painter", slots=1), assistant("z", name="coder", slots=4))
    plan_id = await stage.plan(agent_task("one", prefer="painter"), agent_task("two", prefer="painter"))
    await stage.start(plan_id)

    assert [d.agent for d in await stage.said("task.dispatched.v1")] == ["painter", "coder"]


async def test_the_dispatch_has_all_that_an_agent_needs(stage: Stage) -> None:
    await stage.team(assistant(), agent("press"))
    text = RequirementText(id="R1", text="The map must have a legend.")
    draw = agent_task("draw", criteria=("a legend",), requirements=(text,))
    survey, sketch = command_task("survey"), command_task("sketch")
    plan_id = await stage.plan(survey, sketch, draw, after=((survey.id, draw.id), (sketch.id, draw.id)))
    await stage.start(plan_id)
    await stage.play(lambda d: succeed(d) if d.command.agent is None else None)

    told = (await stage.said("task.dispatched.v1"))[-1]
    assert (told.command.agent.criteria, told.command.agent.requirements) == (("a legend",), (text,))
    assert [(f.path, f.key, f.title) for f in told.handed_on] == [
        ("out/survey", "survey", "survey"),
        ("out/sketch", "sketch", "sketch"),
    ]


async def test_only_verified_work_is_done(stage: Stage) -> None:
    await stage.team(assistant(slots=9))
    asked = ("passed", "human_needed", "skipped", "gaps_found")
    tasks = [agent_task(key.replace("_", "-")) for key in asked]
    run_id = await stage.start(await stage.plan(*tasks, agent_task("unsaid"), agent_task("free", verify="none")))
    outcomes = {t.id: verdict for t, verdict in zip(tasks, asked, strict=True)}
    for each in await stage.said("task.dispatched.v1"):
        verdict = outcomes.get(each.task_id)
        await stage.say(verified(each, verdict, "it is upside down") if verdict else succeed(each))

    statuses = await stage.statuses(run_id)
    assert statuses.pop("gaps-found") in ("ready", "queued")  # by when its pause is over
    assert statuses == {
        "passed": "done",
        "free": "done",
        "human-needed": "waiting",
        "skipped": "waiting",
        "unsaid": "waiting",
    }
    kinds = {c["key"]: c["kind"] for c in (await stage.api.get("/checkpoints")).json()["data"]}
    assert kinds == dict.fromkeys(("human-needed", "skipped", "unsaid"), "verification")
    completed = {e.key for e in await stage.said("task.completed.v1")}
    assert completed == {"passed", "free"}


async def test_gaps_come_back_as_feedback_the_last_three_of_them_and_use_up_the_retries(stage: Stage) -> None:
    await stage.team(assistant())
    run_id = await stage.start(await stage.plan(agent_task("draw", retries=4)))
    told: list[tuple[str, ...]] = []
    for number in range(1, 6):
        dispatches = await stage.eventually(lambda n=number: _dispatched(stage, n))
        last = dispatches[-1]
        told.append(last.feedback)
        await stage.say(
            verified(last, "gaps_found", f"gap {number}") if number % 2 else fail(last, "gaps", f"gap {number}")
        )

    assert told[0] == ()
    assert told[-1] == ("gap 2", "gap 3", "gap 4")
    task = (await stage.tasks(run_id))["draw"]
    assert (task["status"], task["last_failure"]["class"]) == ("failed", "gaps")
    assert task["feedback"] == ["gap 3", "gap 4", "gap 5"]
    [checkpoint] = (await stage.api.get("/checkpoints")).json()["data"]
    assert checkpoint["kind"] == "exhausted"
    assert "left gaps" in checkpoint["question"]


async def _dispatched(stage: Stage, number: int) -> list:
    found = await stage.said("task.dispatched.v1")
    return found if len(found) >= number else []


async def test_a_dry_run_needs_no_verification(stage: Stage) -> None:
    await stage.team(assistant())
    run_id = await stage.start(await stage.plan(agent_task("draw")), dry_run=True)
    await stage.play(succeed)

    assert (await stage.run(run_id))["status"] == "finished"


@pytest.mark.parametrize("verb", ["rerun", "fork"])
async def test_what_is_done_again_begins_without_what_was_said_before(stage: Stage, verb: str) -> None:
    await stage.team(assistant())
    draw = agent_task("draw")
    run_id = await stage.start(await stage.plan(draw, people_task("look"), after=chain(draw, people_task("x"))[:0]))
    [first] = await stage.said("task.dispatched.v1")
    await stage.say(suspend(first, QUESTION))
    [checkpoint] = (await stage.api.get("/checkpoints")).json()["data"]
    said = await stage.api.post(f"/checkpoints/{checkpoint['id']}/answer", json={"answer": "answer", "text": "red"})
    assert said.status_code == 200, said.text
    second = (await stage.said("task.dispatched.v1"))[-1]
    assert second.answers
    assert second.kept
    await stage.say(verified(second))

    answer = await stage.api.post(f"/runs/{run_id}/{verb}", json={"from": ["draw"]})
    assert answer.status_code in (200, 201), answer.text

    third = (await stage.said("task.dispatched.v1"))[-1]
    assert third.attempt_id != second.attempt_id
    assert (third.answers, third.kept, third.feedback) == ((), (), ())


async def test_what_was_not_verified_says_so() -> None:
    from orchestra.contracts.execution import Evidence
    from orchestra.scheduler.domain.work.proof import wanting

    command = agent_task("draw").command
    found = wanting(command, Evidence(sandbox_level="L3", duration_ms=1))

    assert found is not None
    assert found.asks == VerificationNeeded(findings=("it was not verified.",))
