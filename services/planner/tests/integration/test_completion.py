"""Requirements are satisfied by the tasks that are done, in whatever order one hears of it."""

from datetime import UTC, datetime, timedelta
from itertools import permutations
from typing import Any

from services.planner.tests.integration.harness import Planner, person_task, plan_request

from orchestra.chassis.database.tables import DEAD_LETTER, RETRY
from orchestra.chassis.messaging.consume import retry_due
from orchestra.contracts.planning import TasksDecomposed
from orchestra.contracts.scheduling import PlanApplied, TaskCompleted
from orchestra.planner.adapters.tables import COMPLETION

TASKS = [
    person_task("list", covers=["R1"]),
    person_task("order", covers=["R1", "R2"], after=["list"]),
    person_task("paint"),
]
APPLIED = PlanApplied(workspace_id="wsp_1", project_id="prj_shop", plan_id="pln_1", graph_version=1, tasks=3)


async def approved(planner: Planner) -> dict[str, TaskCompleted]:
    """An approved plan; by key, what the scheduler will say when the task is done."""
    [plan] = await planner.proposed(plan_request("pln_1", tasks=TASKS))
    assert (await planner.approve(plan)).status_code == 200
    [graph] = await planner.published(TasksDecomposed)
    return {task.key: completion(task.id, task.key) for task in graph.tasks}


def completion(task_id: str, key: str, **fields: Any) -> TaskCompleted:
    known: dict[str, Any] = {
        "workspace_id": "wsp_1",
        "project_id": "prj_shop",
        "task_id": task_id,
        "plan_id": "pln_1",
        "run_id": "run_1",
        "key": key,
        "covers": (),
        "at": datetime(2026, 11, 20, 9, tzinfo=UTC),
    }
    return TaskCompleted(**(known | fields))


async def progress(planner: Planner) -> dict[str, tuple[int, int, bool]]:
    listed = (await planner.get("/projects/prj_shop/requirements"))["data"]
    return {each["ref"]: (each["tasks_done"], each["tasks_total"], each["satisfied"]) for each in listed}


async def test_a_requirement_is_satisfied_when_all_tasks_that_cover_it_are_done(planner: Planner) -> None:
    done = await approved(planner)
    start = await progress(planner)

    await planner.deliver(APPLIED, done["list"])
    half = await progress(planner)
    await planner.deliver(done["order"], done["order"], done["paint"])

    assert start == {"R1": (0, 2, False), "R2": (0, 1, False), "R3": (0, 0, False)}
    assert half == {"R1": (1, 2, False), "R2": (0, 1, False), "R3": (0, 0, False)}
    assert await progress(planner) == {"R1": (2, 2, True), "R2": (1, 1, True), "R3": (0, 0, False)}
    listed = (await planner.get("/projects/prj_shop/requirements"))["data"]
    assert [each["covered_by"] for each in listed] == [["list", "order"], ["order"], []]


async def test_a_proposed_plan_covers_nothing_yet(planner: Planner) -> None:
    await planner.proposed(plan_request(tasks=TASKS))

    assert set((await progress(planner)).values()) == {(0, 0, False)}


async def test_the_order_of_applied_and_completed_means_nothing(planner: Planner) -> None:
    done = await approved(planner)

    for order in permutations([done["order"], APPLIED, done["list"]]):
        await planner.deliver(*order)

    assert (await planner.get("/plans/pln_1"))["status"] == "applied"
    assert await progress(planner) == {"R1": (2, 2, True), "R2": (1, 1, True), "R3": (0, 0, False)}


async def test_completions_before_the_plan_is_applied_count(planner: Planner) -> None:
    done = await approved(planner)

    await planner.deliver(done["order"], done["list"])
    before = await planner.get("/plans/pln_1")
    await planner.deliver(APPLIED)

    assert before["status"] == "approved"
    assert (await planner.get("/plans/pln_1"))["status"] == "applied"
    assert (await progress(planner))["R1"] == (2, 2, True)


async def test_the_completion_of_an_unknown_task_is_kept_and_harms_nothing(planner: Planner) -> None:
    await approved(planner)

    await planner.deliver(completion("tsk_unknown", "list", plan_id="pln_unknown"))

    assert (await progress(planner))["R1"] == (0, 2, False)
    assert await planner.count(COMPLETION) == 1
    assert await planner.count(DEAD_LETTER) == 0


async def test_another_workspace_cannot_complete_a_task(planner: Planner) -> None:
    done = await approved(planner)

    await planner.deliver(done["order"].model_copy(update={"workspace_id": "wsp_2"}))

    assert (await progress(planner))["R2"] == (0, 1, False)


async def test_an_application_that_comes_before_the_approval_waits_for_it(planner: Planner) -> None:
    [plan] = await planner.proposed(plan_request("pln_1", tasks=TASKS))

    await planner.deliver(APPLIED)
    early = await planner.get("/plans/pln_1")
    waiting = await planner.count(RETRY)
    await planner.approve(plan)
    planner.clock.ahead += timedelta(minutes=1)
    await retry_due(planner.subscriptions, planner.database)

    assert (early["status"], waiting) == ("proposed", 1)
    assert (await planner.get("/plans/pln_1"))["status"] == "applied"
    assert [await planner.count(table) for table in (RETRY, DEAD_LETTER)] == [0, 0]
