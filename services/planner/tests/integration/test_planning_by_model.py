"""Plans that a model makes: asked for by an event, answered by one, judged like any other plan."""

import json
from typing import Any

import pytest
from services.planner.tests.integration.harness import (
    DOCUMENT,
    SEALING_KEY,
    Planner,
    answered,
    eventually,
    plan_request,
    two_planners,
    unanswered,
)

from orchestra.chassis.sealing import Sealer, Unsealable
from orchestra.contracts.models import ModelCallCancelled, ModelCallRequested, Prompt
from orchestra.contracts.planning import PlanFailed, PlanProposed, TasksDecomposed, TeamMember

GOOD: dict[str, Any] = {
    "tasks": [
        {"id": "list", "title": "List products", "covers": ["R1"], "criteria": ["They are listed."], "points": 2},
        {
            "id": "order",
            "title": "Take orders",
            "covers": ["R2", "R3"],
            "after": ["list"],
            "criteria": ["An order is taken and confirmed."],
            "minutes": 90,
            "role": "developer",
        },
    ],
    "assumptions": ["Payment is out of scope."],
}

TEAM = (
    TeamMember(roles=("developer",)),
    TeamMember(kinds=("documentation",), tools=("read_file", "write_file", "run_command")),
)
AGENT: dict[str, Any] = {
    "instructions": "List them in products.md.",
    "kind": "documentation",
    "difficulty": "simple",
    "tools": ["write_file"],
    "outputs": ["products.md"],
}
FOR_AGENT: dict[str, Any] = {"tasks": [GOOD["tasks"][0] | {"agent": AGENT}, GOOD["tasks"][1]]}


def without(draft: dict[str, Any], requirement: str) -> dict[str, Any]:
    """The draft with nothing that covers the requirement."""
    tasks = [task | {"covers": [each for each in task["covers"] if each != requirement]} for task in draft["tasks"]]
    return draft | {"tasks": tasks}


async def asked(planner: Planner, number: int) -> ModelCallRequested:
    """The call of this round, once it is asked for."""

    async def enough() -> list[ModelCallRequested] | None:
        calls = await planner.published(ModelCallRequested)
        return calls if len(calls) >= number else None

    return (await eventually(enough))[number - 1]


def prompt_of(call: ModelCallRequested) -> Prompt:
    return Prompt.model_validate_json(Sealer(SEALING_KEY).open(call.sealed, call.call_id))


@pytest.mark.parametrize("mode", ["model", "auto"])
async def test_a_models_draft_becomes_a_proposed_plan(planner: Planner, mode: str) -> None:
    await planner.deliver(plan_request("pln_1", mode=mode))

    call = await asked(planner, 1)
    assert (call.purpose, call.kind_of_work, call.difficulty, call.parts) == ("plan", "analysis", "complex", 1)
    assert call.output_schema["required"] == ["tasks"]
    [turn] = prompt_of(call).turns
    assert "[R2] The shop must take orders." in turn.text
    assert "The shop" not in call.model_dump_json()
    assert (await planner.get("/plans/pln_1"))["status"] == "requested"

    await planner.deliver(*answered(call, json.dumps(GOOD)))
    plan = await planner.settled("pln_1")

    assert (plan["status"], plan["mode"], plan["version"], plan["gaps"]) == ("proposed", "model", 1, [])
    assert plan["coverage"] == {"R1": ["list"], "R2": ["order"], "R3": ["order"]}
    assert [(task["key"], task["after"], task["role"], task["minutes"]) for task in plan["tasks"]] == [
        ("list", [], None, None),
        ("order", ["list"], "developer", 90),
    ]
    assert plan["assumptions"] == [
        "Payment is out of scope.",
        "Planned by claude-x at the first try for 0.0123 USD.",
    ]
    assert len(await planner.published(PlanProposed)) == 1
    approved = await planner.approve(plan)
    assert approved.status_code == 200, approved.text


async def test_what_is_wrong_with_a_draft_is_told_and_the_next_one_counts(planner: Planner) -> None:
    await planner.deliver(plan_request("pln_1", mode="model"))
    await planner.deliver(*answered(await asked(planner, 1), json.dumps(without(GOOD, "R3"))))

    second = await asked(planner, 2)
    turns = prompt_of(second).turns
    assert [turn.by for turn in turns] == ["user", "assistant", "user"]
    assert "No task covers R3." in turns[2].text
    await planner.deliver(*answered(second, "no JSON at all"))

    third = await asked(planner, 3)
    assert len(prompt_of(third).turns) == 5
    await planner.deliver(*answered(third, json.dumps(GOOD)))

    plan = await planner.settled("pln_1")
    assert plan["status"] == "proposed"
    assert plan["assumptions"][-1] == "Planned by claude-x in 3 rounds for 0.0369 USD."


async def test_a_model_plans_for_people_and_agents_of_the_team(planner: Planner) -> None:
    await planner.deliver(plan_request("pln_1", mode="model", team=TEAM))
    call = await asked(planner, 1)
    assert "agent" in call.output_schema["$defs"]["_Task"]["properties"]
    assert (
        "- an AI agent, without roles; does documentation; tools: read_file, write_file"
        in prompt_of(call).turns[0].text
    )

    await planner.deliver(*answered(call, json.dumps(FOR_AGENT)))
    plan = await planner.settled("pln_1")

    assert plan["status"] == "proposed", plan["faults"]
    assert [task["agent"] and task["agent"]["instructions"] for task in plan["tasks"]] == [AGENT["instructions"], None]
    assert (await planner.approve(plan)).status_code == 200
    [graph] = await planner.published(TasksDecomposed)
    command = graph.tasks[0].command
    assert command is not None
    assert command.agent is not None
    assert (command.outputs, command.agent.tools, command.agent.verify) == (("products.md",), ("write_file",), "model")
    assert command.agent.requirements[0].text == "The shop must list its products."
    assert graph.tasks[1].command is None


async def test_what_no_agent_of_the_team_can_do_is_told_and_mended(planner: Planner) -> None:
    wrong = {
        "tasks": [FOR_AGENT["tasks"][0] | {"agent": AGENT | {"kind": "code", "outputs": ["/etc"]}}, GOOD["tasks"][1]]
    }
    await planner.deliver(plan_request("pln_1", mode="model", team=TEAM))
    await planner.deliver(*answered(await asked(planner, 1), json.dumps(wrong)))

    second = await asked(planner, 2)
    told = prompt_of(second).turns[2].text
    assert "- /tasks/0/agent/outputs/0: '/etc' is no path beneath the workspace" in told
    assert "- /tasks/0/agent/kind: No AI agent that could get the task does work of the kind code." in told
    await planner.deliver(*answered(second, json.dumps(FOR_AGENT)))

    assert (await planner.settled("pln_1"))["status"] == "proposed"


async def test_where_the_team_has_no_agent_none_is_planned_for(planner: Planner) -> None:
    await planner.deliver(plan_request("pln_1", mode="model", team=TEAM[:1]))
    call = await asked(planner, 1)
    assert "agent" not in json.dumps(call.output_schema)
    assert "agent" not in prompt_of(call).model_dump_json()
    for number in (1, 2, 3):
        await planner.deliver(*answered(await asked(planner, number), json.dumps(FOR_AGENT)))

    plan = await planner.settled("pln_1")

    assert plan["status"] == "failed"
    assert [(f["pointer"], f["code"]) for f in plan["faults"]] == [("/tasks/0/agent", "nobody-can")]


async def test_after_the_last_round_the_plan_fails_with_what_was_wrong(planner: Planner) -> None:
    circle = json.loads(json.dumps(GOOD))
    circle["tasks"][0]["after"] = ["order"]
    await planner.deliver(plan_request("pln_1", mode="model"))
    for number in (1, 2, 3):
        await planner.deliver(*answered(await asked(planner, number), json.dumps(circle)))

    plan = await planner.settled("pln_1")

    assert plan["status"] == "failed"
    assert [fault["code"] for fault in plan["faults"]] == ["cycle"]
    assert len(await planner.published(ModelCallRequested)) == 3


async def test_where_no_model_is_configured_auto_goes_by_the_document_and_says_so(planner: Planner) -> None:
    await planner.deliver(plan_request("pln_1", mode="auto"), plan_request("pln_2", mode="model"))
    for number in (1, 2):
        await planner.deliver(unanswered(await asked(planner, number), "no-model", "No model is configured."))

    auto, wanted = await planner.settled("pln_1"), await planner.settled("pln_2")
    plans = {plan["id"]: plan for plan in (auto, wanted)}
    assert (plans["pln_1"]["status"], plans["pln_1"]["mode"]) == ("proposed", "document")
    assert plans["pln_1"]["assumptions"][0].startswith("No model is configured")
    assert plans["pln_2"]["status"] == "failed"
    assert [fault["code"] for fault in plans["pln_2"]["faults"]] == ["no-model"]


async def test_a_call_that_failed_fails_the_plan_with_its_reason(planner: Planner) -> None:
    await planner.deliver(plan_request("pln_1", mode="auto"))
    detail = "5.00 USD a day are settled or held."
    await planner.deliver(unanswered(await asked(planner, 1), "budget-exhausted", detail))

    plan = await planner.settled("pln_1")

    assert plan["status"] == "failed"
    assert plan["faults"] == [{"pointer": "", "code": "budget-exhausted", "detail": detail}]


async def test_a_bad_document_and_tasks_of_its_own_cost_nothing(planner: Planner) -> None:
    empty = await planner.planned(plan_request("pln_1", mode="auto", document=""))
    given = await planner.planned(
        plan_request("pln_2", mode="model", tasks=[{"id": "a", "title": "A", "points": 1, "covers": ["R1"]}])
    )

    assert [fault["code"] for fault in empty["faults"]] == ["empty-document"]
    assert [fault["code"] for fault in given["faults"]] == ["tasks-not-expected"]
    assert not await planner.published(ModelCallRequested)


async def test_answers_that_come_twice_or_too_late_change_nothing(planner: Planner) -> None:
    await planner.deliver(plan_request("pln_1", mode="model"))
    call = await asked(planner, 1)
    await planner.deliver(*answered(call, json.dumps(GOOD)), *answered(call, "something else"))
    plan = await planner.settled("pln_1")
    await planner.deliver(unanswered(call, "provider", "too late"))

    assert plan["status"] == "proposed"
    assert await planner.get("/plans/pln_1") == plan
    assert len(await planner.published(ModelCallRequested)) == 1


async def test_a_plan_that_is_being_made_can_be_stopped(planner: Planner) -> None:
    await planner.deliver(plan_request("pln_1", mode="model"))
    call = await asked(planner, 1)

    for _ in range(2):
        stopped = await planner.call("POST", "/plans/pln_1/cancel")
        assert (stopped.status_code, stopped.json()["status"]) == (200, "failed"), stopped.text
    await planner.deliver(*answered(call, json.dumps(GOOD)))

    plan = await planner.get("/plans/pln_1")
    assert [fault["code"] for fault in plan["faults"]] == ["cancelled"]
    [cancelled] = await planner.published(ModelCallCancelled)
    assert cancelled.call_id == call.call_id
    assert len(await planner.published(PlanFailed)) == 1


async def test_a_plan_that_is_made_cannot_be_stopped(planner: Planner) -> None:
    await planner.planned(plan_request("pln_1"))

    refused = await planner.call("POST", "/plans/pln_1/cancel")

    assert (refused.status_code, refused.json()["code"]) == (409, "plan-made")


async def test_a_long_document_and_a_long_answer_travel_in_parts_that_fit(planner: Planner) -> None:
    document = "# Shop\n\n## Requirements\n" + "\n".join(f"- It must do {'much ' * 400}{n}." for n in range(300))
    await planner.deliver(plan_request("pln_1", mode="model", document=document))

    async def whole() -> list[ModelCallRequested] | None:
        calls = await planner.published(ModelCallRequested)
        return calls if calls and len(calls) == calls[0].parts else None

    calls = await eventually(whole)
    assert len(calls) > 2
    assert all(len(call.to_json()) < 256_000 for call in calls)
    sealed = "".join(call.sealed for call in calls)
    assert "[R300]" in Prompt.model_validate_json(Sealer(SEALING_KEY).open(sealed, calls[0].call_id)).turns[0].text

    everything = {"covers": [f"R{n}" for n in range(1, 301)], "criteria": ["x" * 500] * 20}
    tasks = [{"id": f"t{n}", "title": "All of it", "points": 1, **everything} for n in range(100)]
    parts = answered(calls[0], json.dumps({"tasks": tasks}))
    assert len(parts) > 2
    await planner.deliver(*reversed(parts))
    assert (await planner.settled("pln_1"))["status"] == "proposed"


async def test_of_two_planners_one_asks(url: str) -> None:
    async with two_planners(url) as (one, two):
        for number in range(5):
            await one.deliver(plan_request(f"pln_{number}", mode="model", project_id=f"prj_{number}"))
        await asked(one, 5)
        for call in await one.published(ModelCallRequested):
            await two.deliver(*answered(call, json.dumps(GOOD)))
        plans = [await one.settled(f"pln_{number}") for number in range(5)]

        assert {plan["status"] for plan in plans} == {"proposed"}
        assert len(await one.published(ModelCallRequested)) == 5


async def test_what_was_sealed_for_one_call_opens_no_other(planner: Planner) -> None:
    await planner.deliver(plan_request("pln_1", mode="model"))
    call = await asked(planner, 1)

    with pytest.raises(Unsealable):
        Sealer(SEALING_KEY).open(call.sealed, "mdl_other")


def test_the_document_of_these_tests_has_three_requirements() -> None:
    assert DOCUMENT.count("\n- ") == 3
