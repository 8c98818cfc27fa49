"""From a request to a proposed or a failed plan."""

import asyncio
import random
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

from services.planner.tests.integration.harness import (
    DOCUMENT,
    Planner,
    means,
    person_task,
    plan_request,
    two_planners,
)

from orchestra.chassis.database.tables import EVENT_PART
from orchestra.contracts.planning import PlanFailed, PlanProposed
from orchestra.planner.adapters.markdown import read_blocks
from orchestra.planner.adapters.tables import COVERAGE, PLAN_TASK, REQUIREMENT
from orchestra.planner.application.propose_plan import propose_plan
from orchestra.planner.domain.document import Block

CYCLE = [person_task("a", covers=["R9"], after=["b"]), person_task("b", after=["a", "nobody"]), person_task("a")]


async def test_a_document_becomes_a_proposed_plan(planner: Planner) -> None:
    plan = await planner.planned(plan_request("pln_1"))

    assert (plan["status"], plan["version"], plan["mode"]) == ("proposed", 1, "document")
    assert [requirement["ref"] for requirement in plan["requirements"]] == ["R1", "R2", "R3"]
    assert plan["requirements"][1] | {"section": []} == {
        "ref": "R2",
        "text": "The shop must take orders.",
        "line": 5,
        "section": [],
    }
    assert [(task["id"], task["key"], task["covers"]) for task in plan["tasks"]] == [
        (None, "r1", ["R1"]),
        (None, "r2", ["R2"]),
        (None, "r3", ["R3"]),
    ]
    assert plan["coverage"] == {"R1": ["r1"], "R2": ["r2"], "R3": ["r3"]}
    assert (plan["gaps"], plan["faults"], plan["approved_by"]) == ([], [], None)
    assert plan["assumptions"]
    [told] = await planner.published(PlanProposed)
    assert (told.plan_id, told.version, told.hash) == ("pln_1", 1, plan["hash"])
    assert (told.requirements, told.tasks, told.gaps, told.sequence) == (3, 3, (), 1)


async def test_given_tasks_are_kept_and_what_they_leave_uncovered_is_named(planner: Planner) -> None:
    tasks = [person_task("list", covers=["R1"]), person_task("mail", covers=["R1", "R3"], after=["list"])]

    plan = await planner.planned(plan_request(tasks=tasks))

    assert plan["coverage"] == {"R1": ["list", "mail"], "R2": [], "R3": ["mail"]}
    assert plan["gaps"] == ["R2"]
    assert plan["tasks"][1]["after"] == ["list"]
    assert (await planner.published(PlanProposed))[0].gaps == ("R2",)


async def test_the_project_is_made_for_the_request_when_it_is_unknown(planner: Planner) -> None:
    await planner.call("POST", "/projects", json={"name": "Old name", "id": "prj_old"})

    await planner.deliver(plan_request(), plan_request(project_id="prj_old", project_name="New name"))

    names = [(project["id"], project["name"]) for project in (await planner.get("/projects"))["data"]]
    assert names == [("prj_old", "Old name"), ("prj_shop", "Shop")]


async def test_parts_may_come_in_any_order_and_more_than_once(planner: Planner) -> None:
    whole = plan_request("pln_whole", project_id="prj_whole")
    cut = [DOCUMENT[:30], DOCUMENT[30:60], DOCUMENT[60:]]
    parts = [plan_request("pln_parts", text, part=n, parts=3) for n, text in enumerate(cut, start=1)]
    random.shuffle(parts)

    await planner.deliver(parts[0], parts[0], parts[1], parts[1])
    before = await planner.call("GET", "/plans/pln_parts")
    in_parts, in_one = await planner.planned(parts[2]), await planner.planned(whole)

    assert before.status_code == 404
    assert in_parts["hash"] == in_one["hash"]
    assert await planner.count(EVENT_PART) == 0


async def test_a_repeated_request_makes_no_second_plan(planner: Planner) -> None:
    request = plan_request()

    await planner.planned(request)
    await planner.deliver(request)
    await planner.planned(plan_request("pln_later"))

    assert [told.version for told in await planner.published(PlanProposed)] == [1, 2]


async def test_a_bad_plan_fails_with_all_its_faults_and_leaves_nothing_else(planner: Planner) -> None:
    plan = await planner.planned(plan_request(document="", tasks=CYCLE))

    codes = ["empty-document", "unknown-requirement", "unknown-dependency", "duplicate-id", "cycle"]
    assert [fault["code"] for fault in plan["faults"]] == codes
    assert (plan["status"], plan["version"], plan["hash"], plan["tasks"]) == ("failed", None, None, [])
    [told] = await planner.published(PlanFailed)
    assert [fault.code for fault in told.faults] == codes
    assert [await planner.count(table) for table in (REQUIREMENT, PLAN_TASK, COVERAGE)] == [0, 0, 0]
    assert await planner.published(PlanProposed) == []


async def test_an_empty_document_is_one_fault(planner: Planner) -> None:
    plan = await planner.planned(plan_request(document=" \n"))

    assert [fault["code"] for fault in plan["faults"]] == ["empty-document"]


async def test_tasks_beside_a_document_that_should_make_its_own_are_a_fault_among_others(planner: Planner) -> None:
    plan = await planner.planned(plan_request(document="", tasks=CYCLE, mode="document"))

    assert [fault["code"] for fault in plan["faults"]] == ["empty-document", "tasks-not-expected"]


async def test_a_failed_plan_takes_no_version(planner: Planner) -> None:
    await planner.planned(plan_request(document=""))

    assert (await planner.planned(plan_request()))["version"] == 1


async def test_more_faults_than_an_event_holds_are_told_in_part_and_kept_in_full(planner: Planner) -> None:
    tasks = [person_task(f"t{n}", covers=["R99"], after=["nobody"]) for n in range(1500)]

    plan = await planner.planned(plan_request(tasks=tasks))

    [told] = await planner.published(PlanFailed)
    assert len(plan["faults"]) == 3000
    assert 0 < len(told.faults) < 3000
    assert len(told.model_dump_json()) < 256_000


async def test_text_that_a_database_cannot_hold_fails_the_plan_alone(planner: Planner) -> None:
    task = person_task("a").model_copy(update={"title": "A\0B", "id": "a\0"})

    plan = await planner.planned(plan_request(document=DOCUMENT.replace("shop", "sh\0p"), tasks=[task]))

    assert [fault["code"] for fault in plan["faults"]] == ["bad-id", "bad-text"]
    assert (await planner.planned(plan_request(document=DOCUMENT.replace("shop", "sh\0p"))))["status"] == "proposed"


async def test_versions_have_no_gaps_when_twenty_requests_meet_two_planners(url: str) -> None:
    async with two_planners(url) as planners:
        requests = [plan_request(document=f"{DOCUMENT}- It must do thing {n}.\n") for n in range(20)]
        await asyncio.gather(*(planners[n % 2].deliver(request) for n, request in enumerate(requests)))
        plans = [await planners[0].settled(request.plan_id) for request in requests]

        assert sorted(plan["version"] for plan in plans) == list(range(1, 21))
        told = await planners[0].published(PlanProposed)
        assert [event.version for event in told] == list(range(1, 21))
        assert {event.plan_id: event.version for event in told} == {plan["id"]: plan["version"] for plan in plans}
        numbers = [requirement["ref"] for plan in plans for requirement in plan["requirements"][3:]]
        assert sorted(numbers, key=lambda ref: int(ref[1:])) == [f"R{n}" for n in range(4, 24)]


async def test_a_requirement_keeps_its_number_and_a_dropped_one_never_comes_back(planner: Planner) -> None:
    lines = DOCUMENT.splitlines()
    await planner.planned(plan_request())

    second = await planner.planned(plan_request(document="\n".join([*lines[:3], "- It must be fast.", lines[5]])))
    third = await planner.planned(plan_request(document="\n".join([*lines[:3], "- It must be blue.", lines[4]])))

    assert [requirement["ref"] for requirement in second["requirements"]] == ["R4", "R3"]
    assert [requirement["ref"] for requirement in third["requirements"]] == ["R5", "R2"]
    listed = (await planner.get("/projects/prj_shop/requirements"))["data"]
    assert [(each["ref"], each["plan_version"]) for each in listed] == [
        ("R1", 1),
        ("R2", 3),
        ("R3", 2),
        ("R4", 2),
        ("R5", 3),
    ]


class HeldReader:
    """Reads a document when it is let go."""

    def __init__(self) -> None:
        self.reading = threading.Event()
        self.let_go = threading.Event()

    def __call__(self, text: str) -> Iterator[Block]:
        self.reading.set()
        assert self.let_go.wait(20)
        return read_blocks(text)


@asynccontextmanager
async def planning_held(url: str) -> AsyncIterator[tuple[Planner, HeldReader, asyncio.Task[bool]]]:
    """A planner in the middle of planning `pln_1`."""
    reader = HeldReader()
    async with Planner(url, idle=True).at_work() as planner:
        await planner.deliver(plan_request("pln_1"))
        held = asyncio.create_task(propose_plan(planner.database, means(reader)))
        await asyncio.to_thread(reader.reading.wait, 20)
        yield planner, reader, held
        reader.let_go.set()
        await asyncio.gather(held, return_exceptions=True)


async def test_a_plan_whose_making_was_cut_off_is_made_again_once(url: str) -> None:
    async with planning_held(url) as (planner, reader, held):
        held.cancel()
        reader.let_go.set()
        await asyncio.gather(held, return_exceptions=True)
        after_the_cut = await planner.get("/plans/pln_1")

        assert (after_the_cut["status"], after_the_cut["version"]) == ("requested", None)
        assert [await propose_plan(planner.database, means()) for _ in range(2)] == [True, False]
        assert len(await planner.published(PlanProposed)) == 1


async def test_a_planner_that_was_overtaken_changes_nothing(url: str) -> None:
    async with planning_held(url) as (planner, reader, held):
        await propose_plan(planner.database, means())
        before = await planner.get("/plans/pln_1")
        reader.let_go.set()

        assert await held
        assert await planner.get("/plans/pln_1") == before
        assert [told.version for told in await planner.published(PlanProposed)] == [1]


async def test_a_version_given_meanwhile_has_the_plan_made_once_more(url: str) -> None:
    async with planning_held(url) as (planner, reader, held):
        async with planner.database.begin() as work:
            await work.projects.give_version("wsp_1", "prj_shop", 6)
        reader.let_go.set()

        assert await held
        assert (await planner.get("/plans/pln_1"))["status"] == "requested"
        await propose_plan(planner.database, means())
        assert (await planner.get("/plans/pln_1"))["version"] == 7


async def test_a_request_that_breaks_the_planner_does_not_stand_in_the_way(url: str) -> None:
    def broken(text: str) -> Iterator[Block]:
        raise RuntimeError(text)

    async with Planner(url, idle=True).at_work() as planner:
        await planner.deliver(plan_request("pln_1"), plan_request("pln_2"))
        await propose_plan(planner.database, means(broken))
        await propose_plan(planner.database, means())

        plans = [await planner.get(f"/plans/{plan_id}") for plan_id in ("pln_1", "pln_2")]
        assert [plan["status"] for plan in plans] == ["failed", "proposed"]
        assert [fault["code"] for fault in plans[0]["faults"]] == ["internal-error"]


async def test_a_megabyte_with_two_thousand_requirements_is_planned_in_seconds(planner: Planner) -> None:
    items = [f"- The product must do thing number {n}: {'with care ' * 45}.\n" for n in range(2000)]
    document = "# Product\n\n## Requirements\n" + "".join(items)
    pieces = [document[at : at + 200_000] for at in range(0, len(document), 200_000)]
    parts = [plan_request("pln_1", text, part=n, parts=len(pieces)) for n, text in enumerate(pieces, start=1)]

    started = time.perf_counter()
    await planner.deliver(*parts)
    plan = await planner.settled("pln_1")
    listed = await planner.get("/projects/prj_shop/requirements?limit=500")

    assert len(document) > 950_000
    assert (plan["status"], len(plan["requirements"]), len(plan["tasks"])) == ("proposed", 2000, 2000)
    assert len(listed["data"]) == 500
    assert time.perf_counter() - started < 20


async def test_plans_of_a_project_come_in_pages(planner: Planner) -> None:
    await planner.proposed(*(plan_request(f"pln_{n}") for n in range(3)))
    await planner.planned(plan_request("pln_other", project_id="prj_other"))

    first = await planner.get("/projects/prj_shop/plans?limit=2")
    second = await planner.get(f"/projects/prj_shop/plans?limit=2&cursor={first['next_cursor']}")

    assert [(plan["id"], plan["version"]) for plan in first["data"]] == [("pln_0", 1), ("pln_1", 2)]
    assert [plan["id"] for plan in second["data"]] == ["pln_2"]


async def test_requirements_come_in_pages_by_number(planner: Planner) -> None:
    items = "".join(f"- It must do thing {n}.\n" for n in range(12))
    await planner.planned(plan_request(document=f"# Product\n\n## Requirements\n{items}"))

    first = await planner.get("/projects/prj_shop/requirements?limit=10")
    second = await planner.get(f"/projects/prj_shop/requirements?limit=10&cursor={first['next_cursor']}")

    assert [each["ref"] for each in first["data"]] == [f"R{n}" for n in range(1, 11)]
    assert [each["ref"] for each in second["data"]] == ["R11", "R12"]


async def test_a_cursor_of_another_list_is_refused(planner: Planner) -> None:
    await planner.proposed(*(plan_request(f"pln_{n}") for n in range(2)))
    cursor = (await planner.get("/projects/prj_shop/plans?limit=1"))["next_cursor"]

    refused = await planner.call("GET", f"/projects/prj_shop/requirements?cursor={cursor}")

    assert (refused.status_code, refused.json()["code"]) == (422, "invalid-cursor")
