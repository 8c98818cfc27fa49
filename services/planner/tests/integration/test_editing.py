"""Edits by hand make plan versions: of the plan that was read, checked like any other, all or none."""

import asyncio
from typing import Any

import httpx
from services.planner.tests.integration.harness import Planner, person_task, plan_request, two_planners
from services.planner.tests.integration.test_superseding import stands, statuses

from orchestra.contracts.planning import PlanProposed, TasksDecomposed

A, B = person_task("a", covers=["R1"]), person_task("b", after=["a"])
PATH = "/projects/prj_shop/plans/edits"
ADD_C = {"op": "add_task", "task": {"id": "c", "title": "Do c", "minutes": 5, "after": ["b"]}}


async def edit(planner: Planner, *edits: dict[str, Any], tag: str | None = None, **more: Any) -> httpx.Response:
    current = tag or (await planner.call("GET", "/projects/prj_shop/plan")).headers["etag"]
    return await planner.call("POST", PATH, json={"edits": list(edits), **more}, headers={"If-Match": current})


async def test_edits_become_a_version_that_is_approved_in_the_same_command(planner: Planner) -> None:
    ids = await stands(planner, "pln_1", A, B)
    change = {"op": "change_task", "id": "a", "set": {"title": "Do a well", "minutes": 7}}
    unwire = {"op": "remove_dependency", "predecessor": "a", "successor": "b"}

    made = await edit(planner, ADD_C, change, unwire, approve=True)

    assert (made.status_code, made.json()["status"], made.json()["version"]) == (201, "approved", 2)
    assert made.json()["follows"] == "pln_1"
    graph = (await planner.published(TasksDecomposed))[-1]
    assert {task.key: (task.title, task.points, task.minutes) for task in graph.tasks} == {
        "a": ("Do a well", None, 7),
        "b": ("Do b", 1, None),
        "c": ("Do c", None, 5),
    }
    assert {task.key: task.id for task in graph.tasks if task.key != "c"} == ids
    [edge] = graph.dependencies
    assert edge.predecessor == ids["b"]
    assert len(await planner.published(PlanProposed)) == 2


async def test_an_edit_that_is_not_approved_is_only_proposed_and_its_difference_is_costed(planner: Planner) -> None:
    await stands(planner, "pln_1", A, B)

    made = (await edit(planner, ADD_C, {"op": "remove_task", "id": "a"})).json()
    told = (await planner.get(f"/plans/{made['id']}/diff"))["changes"]

    assert await statuses(planner) == {"pln_1": "approved", made["id"]: "proposed"}
    assert [[each["key"] for each in told[name]] for name in ("added", "removed", "changed")] == [["c"], ["a"], []]
    plain = {"kind": "FS", "lag_minutes": 0, "clock": "working"}
    assert told["dependencies_added"] == [{"predecessor": "b", "successor": "c", **plain}]
    assert told["dependencies_removed"] == [{"predecessor": "a", "successor": "b", **plain}]
    assert told["costs"]["difference"] == {"points": -1.0, "minutes": 5}


async def test_dependencies_of_every_kind_are_added_and_removed_by_kind(planner: Planner) -> None:
    ids = await stands(planner, "pln_1", A, B)
    ends = {"predecessor": "a", "successor": "b"}
    terms = {"kind": "SS", "lag_minutes": 90, "clock": "elapsed"}

    made = await edit(planner, {"op": "add_dependency", **ends, **terms}, {"op": "remove_dependency", **ends})
    told = (await planner.get(f"/plans/{made.json()['id']}/diff"))["changes"]
    await edit(planner, {"op": "add_dependency", **ends, **terms}, {"op": "remove_dependency", **ends}, approve=True)

    assert (told["dependencies_added"], len(told["dependencies_removed"])) == ([{**ends, **terms}], 1)
    [edge] = (await planner.published(TasksDecomposed))[-1].dependencies
    assert (edge.predecessor, edge.successor, edge.kind, edge.lag_minutes, edge.clock) == (
        ids["a"],
        ids["b"],
        *terms.values(),
    )


async def test_a_refused_edit_names_every_fault_and_leaves_nothing(planner: Planner) -> None:
    await stands(planner, "pln_1", A, B)

    refused = await edit(
        planner,
        {"op": "remove_task", "id": "x"},
        {"op": "add_task", "task": {"id": "a", "title": "again", "minutes": 1}},
        {"op": "add_dependency", "predecessor": "a", "successor": "b"},
    )
    cycle = await edit(planner, {"op": "add_dependency", "predecessor": "b", "successor": "a"}, ADD_C)

    assert (refused.status_code, refused.json()["code"]) == (422, "invalid-edits")
    assert [(fault["pointer"], fault["code"]) for fault in refused.json()["errors"]] == [
        ("/edits/0/id", "unknown-task"),
        ("/edits/1/task/id", "duplicate-id"),
        ("/edits/2", "duplicate-dependency"),
    ]
    assert [fault["code"] for fault in cycle.json()["errors"]] == ["cycle"]
    assert await statuses(planner) == {"pln_1": "approved"}


async def test_an_edit_needs_the_tag_of_the_plan_that_stands(planner: Planner) -> None:
    await stands(planner, "pln_1", A, B)
    tag = (await planner.call("GET", "/plans/pln_1")).headers["etag"]
    await stands(planner, "pln_2", A, B, person_task("z"))

    without = await planner.call("POST", PATH, json={"edits": [ADD_C]})
    stale = await edit(planner, ADD_C, tag=tag)
    again = await planner.call("GET", "/plans/pln_2")
    unchanged = await planner.call("GET", "/plans/pln_2", headers={"If-None-Match": again.headers["etag"]})

    assert [answer.status_code for answer in (without, stale, unchanged)] == [428, 412, 304]


async def test_nothing_is_edited_where_no_plan_stands(planner: Planner) -> None:
    await planner.proposed(plan_request("pln_1", tasks=[A]))

    refused = await edit(planner, ADD_C, tag="*")

    assert (refused.status_code, refused.json()["code"]) == (404, "no-standing-plan")


async def test_of_two_edits_at_once_one_is_refused(url: str) -> None:
    async with two_planners(url) as planners:
        await stands(planners[0], "pln_1", A, B)
        tag = (await planners[0].call("GET", "/plans/pln_1")).headers["etag"]
        others = [{"op": "add_task", "task": {"id": f"t{n}", "title": "t", "minutes": 1}} for n in range(4)]

        answers = await asyncio.gather(
            *(edit(planners[n % 2], other, tag=tag, approve=True) for n, other in enumerate(others))
        )

        assert sorted(answer.status_code for answer in answers) == [201, 412, 412, 412]
        assert len(await planners[0].published(TasksDecomposed)) == 2


async def test_a_repeated_edit_answers_the_same_though_the_tag_is_old(planner: Planner) -> None:
    await stands(planner, "pln_1", A, B)
    tag = (await planner.call("GET", "/plans/pln_1")).headers["etag"]
    call: dict[str, Any] = {
        "json": {"edits": [ADD_C], "approve": True},
        "headers": {"If-Match": tag, "Idempotency-Key": "k1"},
    }

    first, second = [await planner.call("POST", PATH, **call) for _ in range(2)]

    assert first.text == second.text
    assert (second.status_code, second.headers["idempotent-replayed"]) == (201, "true")
