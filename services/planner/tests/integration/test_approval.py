"""Approval binds to a hash, happens once, and hands the whole graph on."""

import asyncio
from itertools import chain
from typing import Any

from services.planner.tests.integration.harness import Planner, eventually, person_task, plan_request, two_planners

from orchestra.chassis.database.tables import OUTBOX
from orchestra.contracts.planning import PlanApproved, TasksDecomposed
from orchestra.contracts.scheduling import PlanApplied, PlanRefused
from orchestra.planner.adapters.tables import COVERAGE, PLAN_TASK
from orchestra.planner.application.hand_on import hand_on_next

CHAIN = [person_task("list", covers=["R1"]), person_task("order", covers=["R2", "R1"], after=["list"])]


async def test_an_approved_plan_is_handed_on_as_a_graph(planner: Planner) -> None:
    [plan] = await planner.proposed(plan_request("pln_1", tasks=CHAIN))

    answer = await planner.approve(plan)

    assert answer.status_code == 200
    assert (answer.json()["status"], answer.json()["approved_by"]) == ("approved", "ada")
    [approved] = await planner.published(PlanApproved)
    [graph] = await planner.published(TasksDecomposed)
    assert (approved.version, approved.hash, approved.approved_by) == (1, plan["hash"], "ada")
    assert (graph.plan_id, graph.version, graph.hash, graph.part, graph.parts) == ("pln_1", 1, plan["hash"], 1, 1)
    assert [(task.key, task.covers) for task in graph.tasks] == [("list", ("R1",)), ("order", ("R2", "R1"))]
    edges = [(edge.predecessor, edge.successor) for edge in graph.dependencies]
    assert edges == [(graph.tasks[0].id, graph.tasks[1].id)]
    shown = await planner.get("/plans/pln_1")
    assert [task["id"] for task in shown["tasks"]] == [task.id for task in graph.tasks]


async def test_another_hash_is_refused_and_leaves_no_row(planner: Planner) -> None:
    [plan] = await planner.proposed(plan_request())
    events = await planner.count(OUTBOX)

    for wrong in ("0" * 64, "nonsense"):
        refused = await planner.approve(plan | {"hash": wrong})
        assert (refused.status_code, refused.json()["code"]) == (409, "hash-mismatch")

    assert await planner.get(f"/plans/{plan['id']}") == plan
    assert [await planner.count(table) for table in (OUTBOX, PLAN_TASK, COVERAGE)] == [events, 0, 0]


async def test_approving_the_same_plan_again_answers_the_same_and_does_nothing(planner: Planner) -> None:
    [plan] = await planner.proposed(plan_request())

    first, second = await planner.approve(plan), await planner.approve(plan)
    other = await planner.approve(plan | {"hash": "0" * 64})

    assert first.json() == second.json()
    assert other.json()["code"] == "hash-mismatch"
    assert len(await planner.published(TasksDecomposed)) == 1


async def test_two_approvals_at_once_hand_the_graph_on_once(url: str) -> None:
    async with two_planners(url) as planners:
        [plan] = await planners[0].proposed(plan_request())

        answers = await asyncio.gather(*(planners[n % 2].approve(plan) for n in range(8)))

        assert {answer.status_code for answer in answers} == {200}
        assert len({answer.text for answer in answers}) == 1
        assert len(await planners[0].published(TasksDecomposed)) == 1
        assert len(await planners[0].published(PlanApproved)) == 1
        assert await planners[0].count(PLAN_TASK) == 3


async def test_of_two_plans_approved_at_once_one_stands(url: str) -> None:
    async with two_planners(url) as planners:
        plans = await planners[0].proposed(plan_request(), plan_request())

        answers = await asyncio.gather(*(planner.approve(plan) for planner, plan in zip(planners, plans, strict=True)))

        assert sorted(answer.status_code for answer in answers) == [200, 409]
        assert len(await planners[0].published(TasksDecomposed)) == 1


async def test_a_plan_that_followed_another_than_the_one_that_stands_is_refused_until_that_is_so_again(
    planner: Planner,
) -> None:
    first, second = await planner.proposed(plan_request("pln_1"), plan_request("pln_2"))
    await planner.approve(first)

    while_approved = await planner.approve(second)
    await planner.deliver(refusal("pln_1"))
    after_the_refusal = await planner.approve(second)

    assert (while_approved.status_code, while_approved.json()["code"]) == (409, "plan-overtaken")
    assert "pln_1" in while_approved.json()["detail"]
    assert after_the_refusal.status_code == 200


async def test_plans_of_other_projects_stand_beside_each_other(planner: Planner) -> None:
    plans = await planner.proposed(*(plan_request(project_id=f"prj_{n}") for n in range(2)))

    assert [(await planner.approve(plan)).status_code for plan in plans] == [200, 200]


async def test_only_a_proposed_plan_can_be_approved(planner: Planner) -> None:
    failed = await planner.planned(plan_request(document=""))
    [refused] = await planner.proposed(plan_request())
    await planner.approve(refused)
    await planner.deliver(refusal(refused["id"]))

    answers = [await planner.approve(plan | {"hash": plan["hash"] or "0" * 64}) for plan in (failed, refused)]

    assert {(answer.status_code, answer.json()["code"]) for answer in answers} == {(409, "plan-not-proposed")}
    assert ["failed" in answers[0].json()["detail"], "refused" in answers[1].json()["detail"]] == [True, True]


async def test_an_approval_without_a_hash_is_refused(planner: Planner) -> None:
    [plan] = await planner.proposed(plan_request())

    refused = await planner.call("POST", f"/plans/{plan['id']}/approve", json={})

    assert refused.status_code == 422
    assert (await planner.get(f"/plans/{plan['id']}"))["status"] == "proposed"


async def test_an_idempotency_key_repeats_the_answer_and_not_the_effect(planner: Planner) -> None:
    [plan] = await planner.proposed(plan_request())
    call = {"json": {"hash": plan["hash"]}, "headers": {"Idempotency-Key": "k1"}}

    first, second = [await planner.call("POST", f"/plans/{plan['id']}/approve", **call) for _ in range(2)]

    assert first.text == second.text
    assert second.headers["idempotent-replayed"] == "true"
    assert len(await planner.published(TasksDecomposed)) == 1


async def test_an_applied_plan_says_so_and_a_refused_one_says_why(planner: Planner) -> None:
    plans = await planner.proposed(*(plan_request(f"pln_{n}", project_id=f"prj_{n}") for n in range(2)))
    for plan in plans:
        await planner.approve(plan)

    applied = PlanApplied(workspace_id="wsp_1", project_id="prj_0", plan_id="pln_0", graph_version=1, tasks=3)
    await planner.deliver(applied, applied, refusal("pln_1"), refusal("pln_1"), refusal("pln_0"))

    shown = [await planner.get(f"/plans/{plan['id']}") for plan in plans]
    assert [plan["status"] for plan in shown] == ["applied", "refused"]
    assert shown[0]["faults"] == []
    assert shown[1]["faults"] == [{"pointer": "", "code": "too-late", "detail": "The project is closed."}]


MANY = [
    person_task(f"t{n}", covers=["R1"] if n % 2 else [], after=[f"t{n - 1}", f"t{n // 2}"] if n > 2 else [])
    for n in range(10_000)
]


async def proposed_large(planner: Planner) -> dict[str, Any]:
    cuts = range(0, len(MANY), 1000)
    parts = [plan_request("pln_1", "", tasks=MANY[at : at + 1000], part=n, parts=11) for n, at in enumerate(cuts, 2)]
    await planner.deliver(plan_request("pln_1", part=1, parts=11, tasks=[]), *parts)
    return await planner.settled("pln_1")


async def handed_on(planner: Planner) -> list[TasksDecomposed]:
    async def graph() -> list[TasksDecomposed] | None:
        return await planner.published(TasksDecomposed) or None

    return await eventually(graph)


async def test_ten_thousand_tasks_are_handed_on_in_parts_that_fit(planner: Planner) -> None:
    tasks, plan = MANY, await proposed_large(planner)

    assert (await planner.approve(plan)).status_code == 200

    graph = await handed_on(planner)
    assert len(graph) > 5
    assert [(part.part, part.parts) for part in graph] == [(n, len(graph)) for n in range(1, len(graph) + 1)]
    assert max(len(part.to_json()) for part in graph) < 256_000
    ids = {task.key: task.id for part in graph for task in part.tasks}
    assert list(ids) == [task.id for task in tasks]
    edges = {(edge.predecessor, edge.successor) for edge in chain.from_iterable(part.dependencies for part in graph)}
    assert edges == {(ids[name], ids[task.id]) for task in tasks for name in task.after}
    for part in graph:
        assert {edge.successor for edge in part.dependencies} <= {task.id for task in part.tasks}


async def test_a_large_plan_is_handed_on_after_its_approval_whoever_was_killed_in_between(url: str) -> None:
    async with Planner(url).at_work() as planner:
        plan = await proposed_large(planner)
    async with Planner(url, idle=True).at_work() as stopped:  # before its loop comes to it
        assert (await stopped.approve(plan)).json()["status"] == "approved"
        assert len(await stopped.published(PlanApproved)) == 1
        assert await stopped.published(TasksDecomposed) == []
        assert {task["id"] for task in (await stopped.get("/plans/pln_1"))["tasks"]} == {None}

    async with two_planners(url) as planners:
        graph = await handed_on(planners[0])
        assert [(part.part, part.parts) for part in graph] == [(n, len(graph)) for n in range(1, len(graph) + 1)]
        shown = await planners[1].get("/plans/pln_1")
        assert [task["id"] for task in shown["tasks"]] == [task.id for part in graph for task in part.tasks]
        # Nothing is left for either loop, nor for a second step of one.
        assert not await hand_on_next(planners[0].database)
        assert len(await planners[0].published(TasksDecomposed)) == len(graph)


async def test_two_who_hand_the_same_plan_on_hand_it_on_once(url: str) -> None:
    async with Planner(url).at_work() as planner:
        plan = await proposed_large(planner)
    async with Planner(url, idle=True).at_work() as stopped:
        await stopped.approve(plan)

        await asyncio.gather(*(hand_on_next(stopped.database) for _ in range(3)))

        graph = await stopped.published(TasksDecomposed)
        assert [part.part for part in graph] == list(range(1, graph[0].parts + 1))
        assert await stopped.count(PLAN_TASK) == len(MANY)


def refusal(plan_id: str) -> PlanRefused:
    return PlanRefused(
        workspace_id="wsp_1", project_id="prj_shop", plan_id=plan_id, code="too-late", detail="The project is closed."
    )
