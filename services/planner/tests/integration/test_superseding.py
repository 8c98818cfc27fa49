"""A plan takes the place of the one that it follows; tasks keep their ids by their keys; a plan can be rejected."""

from typing import Any

from services.planner.tests.integration.harness import Planner, opened, person_task, plan_request
from services.planner.tests.integration.test_completion import completion, progress

from orchestra.chassis.database.migrations import migrate
from orchestra.contracts.planning import PlanApproved, PlanProposed, PlanRejected, TasksDecomposed
from orchestra.contracts.scheduling import PlanApplied, PlanRefused
from orchestra.planner.service import service

A, B, C = person_task("a", covers=["R1"]), person_task("b", covers=["R1"], after=["a"]), person_task("c", covers=["R2"])


async def stands(planner: Planner, plan_id: str, *tasks: Any) -> dict[str, str]:
    """Propose and approve; returns the ids of the tasks by key."""
    [plan] = await planner.proposed(plan_request(plan_id, tasks=tasks))
    answer = await planner.approve(plan)
    assert answer.status_code == 200, answer.text
    graph = (await planner.published(TasksDecomposed))[-1]
    return {task.key: task.id for task in graph.tasks}


async def statuses(planner: Planner) -> dict[str, str]:
    return {each["id"]: each["status"] for each in (await planner.get("/projects/prj_shop/plans"))["data"]}


async def test_a_newer_plan_takes_the_place_of_the_one_that_it_follows(planner: Planner) -> None:
    first = await stands(planner, "pln_1", A, B)
    second = await stands(planner, "pln_2", A, C)

    assert await statuses(planner) == {"pln_1": "superseded", "pln_2": "approved"}
    assert second["a"] == first["a"]
    assert second["c"] not in first.values()
    assert [event.follows for event in await planner.published(PlanProposed)] == [None, "pln_1"]
    assert [event.supersedes for event in await planner.published(PlanApproved)] == [None, "pln_1"]
    assert [event.supersedes for event in await planner.published(TasksDecomposed)] == [None, "pln_1"]
    assert (await planner.get("/plans/pln_1"))["superseded_by"] == "pln_2"


async def test_a_key_that_comes_back_is_the_task_that_it_was(planner: Planner) -> None:
    first = await stands(planner, "pln_1", A, B)
    await stands(planner, "pln_2", A)
    third = await stands(planner, "pln_3", A, B)

    assert third == first


async def test_requirements_are_covered_by_the_tasks_of_the_plan_that_stands(planner: Planner) -> None:
    ids = await stands(planner, "pln_1", A, B)
    await planner.deliver(completion(ids["a"], "a"))
    before = await progress(planner)
    await stands(planner, "pln_2", A, C)

    assert before["R1"] == (1, 2, False)
    assert await progress(planner) == {"R1": (1, 1, True), "R2": (0, 1, False), "R3": (0, 0, False)}


async def test_a_plan_whose_base_was_superseded_meanwhile_is_refused_with_what_stands(planner: Planner) -> None:
    await stands(planner, "pln_1", A)
    [late] = await planner.proposed(plan_request("pln_2", tasks=[A, B]))
    await stands(planner, "pln_3", A, C)

    refused = await planner.approve(late)

    assert (refused.status_code, refused.json()["code"]) == (409, "plan-overtaken")
    assert "pln_1 stood" in refused.json()["detail"]
    assert "version 3 stands (pln_3)" in refused.json()["detail"]
    assert await statuses(planner) == {"pln_1": "superseded", "pln_2": "proposed", "pln_3": "approved"}


async def test_a_refused_plan_gives_its_place_back_to_the_one_that_the_scheduler_goes_by(planner: Planner) -> None:
    project = {"workspace_id": "wsp_1", "project_id": "prj_shop"}
    await stands(planner, "pln_1", A)
    await stands(planner, "pln_2", A, B)
    refusal = PlanRefused(**project, plan_id="pln_2", code="too-late", detail="No.", standing="pln_1")

    await planner.deliver(refusal, PlanApplied(**project, plan_id="pln_1", graph_version=1, tasks=1))
    again = await stands(planner, "pln_3", A)

    assert await statuses(planner) == {"pln_1": "superseded", "pln_2": "refused", "pln_3": "approved"}
    assert set(again) == {"a"}


async def test_an_answer_to_a_superseded_plan_changes_nothing(planner: Planner) -> None:
    project = {"workspace_id": "wsp_1", "project_id": "prj_shop"}
    await stands(planner, "pln_1", A)
    await stands(planner, "pln_2", A, B)
    late = PlanRefused(**project, plan_id="pln_1", code="plan-superseded", detail="No.", standing="pln_2")

    await planner.deliver(late, PlanApplied(**project, plan_id="pln_2", graph_version=1, tasks=2))

    assert await statuses(planner) == {"pln_1": "superseded", "pln_2": "applied"}


async def test_a_rejected_plan_can_never_be_approved(planner: Planner) -> None:
    [plan] = await planner.proposed(plan_request("pln_1", tasks=[A]))
    path, body = "/plans/pln_1/reject", {"hash": plan["hash"], "reason": "too much"}

    other = await planner.call("POST", path, json=body | {"hash": "0" * 64})
    answers = [await planner.call("POST", path, json=body) for _ in range(2)]
    approved = await planner.approve(plan)

    assert (other.status_code, other.json()["code"]) == (409, "hash-mismatch")
    assert [answer.json()["status"] for answer in answers] == ["rejected", "rejected"]
    assert (approved.status_code, approved.json()["code"]) == (409, "plan-not-proposed")
    [rejected] = await planner.published(PlanRejected)
    assert (rejected.rejected_by, rejected.reason, rejected.version) == ("ada", "too much", 1)


async def test_a_plan_that_stands_cannot_be_rejected(planner: Planner) -> None:
    [plan] = await planner.proposed(plan_request("pln_1", tasks=[A]))
    await planner.approve(plan)

    refused = await planner.call("POST", "/plans/pln_1/reject", json={"hash": plan["hash"]})

    assert (refused.status_code, refused.json()["code"]) == (409, "plan-not-proposed")
    assert await planner.published(PlanRejected) == []


async def test_superseded_plans_survive_migrations_down_and_up(url: str) -> None:
    async with Planner(url).at_work() as planner:
        first = await stands(planner, "pln_1", A, B)
        await stands(planner, "pln_2", A, C)
    async with opened(url) as database:
        await migrate(database, service.migrations, to="0001")
    async with Planner(url).at_work() as planner:
        third = await stands(planner, "pln_3", A, C)

        assert third["a"] == first["a"]
        assert await statuses(planner) == {"pln_1": "superseded", "pln_2": "superseded", "pln_3": "approved"}
