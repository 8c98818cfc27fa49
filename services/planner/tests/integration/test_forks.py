"""A fork that the scheduler tells of is a project with the same plan, approved by whoever forked."""

from datetime import UTC, datetime, timedelta
from typing import Any

from services.planner.tests.integration.harness import Planner, person_task, plan_request
from services.planner.tests.integration.test_completion import APPLIED, completion

from orchestra.chassis.database.tables import DEAD_LETTER, RETRY
from orchestra.chassis.messaging.consume import retry_due
from orchestra.contracts.planning import PlanApproved, PlanProposed, TasksDecomposed
from orchestra.contracts.scheduling import ForkedTask, RunForked

AT = datetime(2026, 11, 20, 9, tzinfo=UTC)
TASKS = [person_task("a", covers=["R1"]), person_task("b", covers=["R2"], after=["a"])]


async def approved(planner: Planner) -> dict[str, Any]:
    [plan] = await planner.proposed(plan_request("pln_1", tasks=TASKS))
    assert (await planner.approve(plan)).status_code == 200
    await planner.deliver(APPLIED)
    return plan


def forked(plan: dict[str, Any], **more: Any) -> RunForked:
    known: dict[str, Any] = {
        "workspace_id": "wsp_1",
        "project_id": "prj_fork",
        "run_id": "run_2",
        "plan_id": "pln_fork",
        "hash": plan["hash"],
        "by": "bo",
        "from_run": "run_1",
        "from_project": plan["project_id"],
        "from_plan": plan["id"],
        "tasks": (ForkedTask(id="tsk_fork_a", key="a", done_at=AT), ForkedTask(id="tsk_fork_b", key="b")),
    }
    return RunForked(**(known | more))


async def test_a_fork_has_the_plan_of_the_first_project_applied_and_approved_by_who_forked(planner: Planner) -> None:
    plan = await approved(planner)
    await planner.call("PATCH", "/projects/prj_shop", json={"description": "All of it"}, headers={"If-Match": "*"})
    await planner.deliver(forked(plan))

    project = await planner.get("/projects/prj_fork")
    assert (project["name"], project["description"]) == ("Shop (fork)", "All of it")
    first, copy = await planner.get("/plans/pln_1"), await planner.get("/projects/prj_fork/plan")
    same = ("mode", "hash", "requirements", "coverage", "gaps", "files", "assumptions", "document_name")
    assert {name: copy[name] for name in same} == {name: first[name] for name in same}
    assert [without(task, "id") for task in copy["tasks"]] == [without(task, "id") for task in first["tasks"]]
    assert {task["key"]: task["id"] for task in copy["tasks"]} == {"a": "tsk_fork_a", "b": "tsk_fork_b"}
    stands = ("version", "status", "requested_by", "approved_by", "follows")
    assert tuple(copy[name] for name in stands) == (1, "applied", "bo", "bo", None)
    assert first["approved_by"] == "ada"
    [told] = [event for event in await planner.published(PlanApproved) if event.project_id == "prj_fork"]
    assert (told.plan_id, told.hash, told.approved_by) == ("pln_fork", plan["hash"], "bo")
    assert [event.plan_id for event in await planner.published(PlanProposed)] == ["pln_1", "pln_fork"]
    assert {event.project_id for event in await planner.published(TasksDecomposed)} == {"prj_shop"}


async def test_what_a_fork_adopted_satisfies_requirements_and_the_rest_as_it_is_done(planner: Planner) -> None:
    await planner.deliver(forked(await approved(planner)))
    assert await satisfied(planner) == {"R1": True, "R2": False, "R3": False}
    await planner.deliver(completion("tsk_fork_b", "b", project_id="prj_fork"))
    assert await satisfied(planner) == {"R1": True, "R2": True, "R3": False}
    there = (await planner.get("/projects/prj_shop/requirements"))["data"]
    assert not any(each["satisfied"] for each in there)


async def test_a_fork_is_edited_like_any_project_and_its_tasks_keep_their_ids(planner: Planner) -> None:
    await planner.deliver(forked(await approved(planner)))
    edits = {
        "edits": [{"op": "add_task", "task": {"id": "c", "title": "Do c", "points": 1, "after": ["b"]}}],
        "approve": True,
    }
    answer = await planner.call("POST", "/projects/prj_fork/plans/edits", json=edits, headers={"If-Match": "*"})
    assert answer.status_code == 201, answer.text
    graph = (await planner.published(TasksDecomposed))[-1]
    ids = {task.key: task.id for task in graph.tasks}
    assert (graph.project_id, graph.version, graph.supersedes) == ("prj_fork", 2, "pln_fork")
    assert (ids["a"], ids["b"]) == ("tsk_fork_a", "tsk_fork_b")


async def test_parts_in_any_order_and_twice_make_one_fork_by_the_name_given(planner: Planner) -> None:
    whole = forked(await approved(planner), name="Shop, again")
    one, two = (whole.model_copy(update={"part": n + 1, "parts": 2, "tasks": (whole.tasks[n],)}) for n in range(2))
    await planner.deliver(two, two)
    assert (await planner.call("GET", "/projects/prj_fork")).status_code == 404
    await planner.deliver(one)
    assert (await planner.get("/projects/prj_fork"))["name"] == "Shop, again"
    assert [task["id"] for task in (await planner.get("/plans/pln_fork"))["tasks"]] == ["tsk_fork_a", "tsk_fork_b"]


async def test_a_fork_of_a_fork_that_is_told_first_is_kept_until_that_one_is_known(planner: Planner) -> None:
    plan = await approved(planner)
    mine = (ForkedTask(id="tsk_2a", key="a", done_at=AT), ForkedTask(id="tsk_2b", key="b"))
    later = {"project_id": "prj_2", "run_id": "run_3", "plan_id": "pln_2", "from_run": "run_2", "tasks": mine}
    await planner.deliver(forked(plan, **later, from_project="prj_fork", from_plan="pln_fork"))
    assert await planner.count(RETRY) == 1
    await planner.deliver(forked(plan))
    planner.clock.ahead += timedelta(minutes=1)
    await retry_due(planner.subscriptions, planner.database)
    assert (await planner.get("/projects/prj_2"))["name"] == "Shop (fork)"
    assert await planner.count(DEAD_LETTER) == 0


async def satisfied(planner: Planner) -> dict[str, bool]:
    listed = (await planner.get("/projects/prj_fork/requirements"))["data"]
    return {each["ref"]: each["satisfied"] for each in listed}


def without(task: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in task.items() if name not in names}
