"""Graphs of any size and shape: what cannot be is refused with its path, what can be is scheduled whole."""

import time
from collections.abc import Sequence
from typing import Any

import pytest
from tests.faults.forms import LONG, LONGEST_S, seeded
from tests.faults.test_backlog import MIB, resident
from tests.system import SERVICES, System, eventually

from orchestra.cli.api import Api
from orchestra.cli.exits import Stop
from orchestra.cli.inputs import Inputs
from orchestra.cli.journey import propose

TASKS = 100_000 if LONG else 300
NAMES = 10_000 if LONG else 300
"""That one task can come after: they have to fit in one event."""
TOO_MANY = 50_000 if LONG else 20_000

DOCUMENT = "# Graph\n\n- It is done.\n"


@pytest.fixture
def system(apart: System) -> System:
    return apart


def task(key: str, *after: str) -> dict[str, Any]:
    return {"id": key, "title": key, "minutes": 1, "after": list(after)}


def chain(length: int) -> list[dict[str, Any]]:
    return [task("t0"), *(task(f"t{number}", f"t{number - 1}") for number in range(1, length))]


async def proposed(api: Api, tasks: Sequence[dict[str, Any]]) -> dict[str, Any]:
    return await propose(api, Inputs("graph.md", DOCUMENT, team=None, plan={"tasks": list(tasks)}))


async def refused(api: Api, tasks: Sequence[dict[str, Any]]) -> list[str]:
    with pytest.raises(Stop) as stop:
        await proposed(api, tasks)
    return list(stop.value.faults)


async def test_what_cannot_be_is_told_all_at_once_with_its_places(api: Api) -> None:
    tasks = [task("a", "a"), task("b", "c"), task("c", "b"), task("d", "nobody"), task("d")]
    places = {0: "self", 1: "ring", 2: "ring", 3: "unknown", 4: "double"}
    order = list(places)
    seeded().shuffle(order)
    shuffled = [tasks[at] for at in order]
    at = {name: [order.index(n) for n, each in places.items() if each == name] for name in places.values()}
    twice = sorted(at["unknown"] + at["double"])
    first, second = (shuffled[n]["id"] for n in sorted(at["ring"]))

    *faults, ring = await refused(api, shuffled)

    assert sorted(faults) == sorted(
        [
            f"/tasks/{at['self'][0]}/after/0: a cannot come after itself.",
            f"/tasks/{at['unknown'][0]}/after/0: There is no task nobody.",
            f"/tasks/{twice[1]}/id: d is already the id of /tasks/{twice[0]}.",
        ]
    )
    assert ring.endswith(f": The tasks wait for each other: {first} → {second} → {first}.")
    assert ring.partition("/after")[0] in {f"/tasks/{n}" for n in at["ring"]}


async def test_a_ring_of_all_tasks_is_shown_in_short(api: Api) -> None:
    tasks = chain(TASKS)
    tasks[0]["after"] = [f"t{TASKS - 1}"]

    [fault] = await refused(api, tasks)

    assert "The tasks wait for each other: t0 → t1 → " in fault
    assert f"… {TASKS - 12} more …" in fault
    assert len(fault) < 300


async def test_more_predecessors_than_an_event_can_name_are_refused_where_they_stand(api: Api) -> None:
    tasks = [task(f"t{number}") for number in range(TOO_MANY)]

    [fault] = await refused(api, [*tasks, task("last", *(each["id"] for each in tasks))])

    assert fault == f"/tasks/{TOO_MANY}: A task takes at most 150,000 bytes."


SHAPES = {
    "deep": lambda: chain(TASKS),
    "wide": lambda: [task(f"t{number}") for number in range(TASKS)],
    "gathered": lambda: [*(task(f"t{n}") for n in range(NAMES)), task("last", *(f"t{n}" for n in range(NAMES)))],
}


@pytest.mark.parametrize("shape", SHAPES)
async def test_a_graph_of_any_shape_is_planned_and_scheduled(shape: str, system: System, api: Api) -> None:
    tasks = SHAPES[shape]()
    began = time.monotonic()
    plan = await proposed(api, tasks)
    print(f"{shape}: {len(tasks)} tasks are proposed after {time.monotonic() - began:.1f} s")
    await api.post(f"/plans/{plan['id']}/approve", {"hash": plan["hash"]})

    async def scheduled() -> bool:
        found = (await api.get(f"/projects/{plan['project_id']}/schedules", limit=1))["data"]
        return bool(found)

    await eventually(scheduled, LONGEST_S)
    schedule = await api.get(f"/projects/{plan['project_id']}/schedule")
    assert (len(schedule["tasks"]), schedule["unplaced"]) == (len(tasks), [])
    used = {name: round(resident(system.programs[name]) / MIB) for name in SERVICES}
    print(f"{shape}: scheduled after {time.monotonic() - began:.1f} s; MiB of memory: {used}")
    assert max(used.values()) < 1024
