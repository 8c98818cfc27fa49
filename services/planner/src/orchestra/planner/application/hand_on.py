"""Hand the graph of an approved plan on to the scheduler, in parts: once, whatever happens in between.

A task keeps the id that its key ever had, so that the scheduler knows what of the work has been begun.

Invariant: the parts of a plan leave in the transaction that says so (`handed_on_at`) and names its tasks. A plan that
is approved and does not say so is what the loop looks for; after a kill it finds it again.
"""

import asyncio
from collections.abc import Mapping
from typing import NamedTuple

from orchestra.chassis.ids import new_id
from orchestra.chassis.messaging.message import written
from orchestra.chassis.telemetry.tracing import span
from orchestra.contracts.ids import TaskId
from orchestra.contracts.planning import TasksDecomposed
from orchestra.planner.application.ports import Approved, Store, Work
from orchestra.planner.domain.decompose import covered, decompose

HANDING_ON = "handing on"
"""What the loop is woken by."""


class Graph(NamedTuple):
    ids: Mapping[str, TaskId]
    """By key, in plan order."""
    covered: list[tuple[int, int]]
    parts: list[TasksDecomposed]


async def hand_on_next(store: Store) -> bool:
    """Hand on what was approved first; False when nothing waits. Its graph is made outside any transaction."""
    async with store.read() as view:
        approved = await view.plans.next_to_hand_on()
        if approved is None:
            return False
        known = await _known(view, approved)
    about = {"orchestra.plan.id": approved.plan_id}
    with span("hand plan on", approved.trace, service="planner", root=True, attributes=about):
        graph = await asyncio.to_thread(_graph, approved, known)
        async with store.begin() as work:
            await work.projects.hold(approved.workspace_id, approved.project_id)
            # Another plan may have named tasks meanwhile, or another replica have handed this one on.
            if len(await _known(work, approved)) == len(known):
                await _store(work, approved, graph)
    return True


async def hand_on(work: Work, approved: Approved) -> None:
    """The same at once. The caller holds the project."""
    await _store(work, approved, _graph(approved, await _known(work, approved)))


async def _known(work: Work, approved: Approved) -> dict[str, TaskId]:
    known = await work.plans.keys(approved.workspace_id, approved.project_id)
    return known | (await work.plans.task_ids(approved.supersedes) if approved.supersedes else {})


def _graph(approved: Approved, known: Mapping[str, TaskId]) -> Graph:
    plan = approved.plan
    ids = {task["id"]: known.get(task["id"]) or new_id("tsk") for task in plan["tasks"]}
    parts = decompose(plan, ids, written)
    events = (
        TasksDecomposed(
            workspace_id=approved.workspace_id,
            project_id=approved.project_id,
            sequence=3,
            plan_id=approved.plan_id,
            version=approved.version,
            hash=approved.hash,
            supersedes=approved.supersedes,
            part=number,
            parts=len(parts),
            tasks=(),
        ).written(**part._asdict())
        for number, part in enumerate(parts, start=1)
    )
    return Graph(ids, list(covered(plan)), list(events))


async def _store(work: Work, approved: Approved, graph: Graph) -> None:
    if await work.plans.hand_on(approved.plan_id, graph.ids, graph.covered):
        work.publish(*graph.parts, trace=approved.trace)
