"""Make a plan of the oldest request, outside any delivery. After a kill it is simply made again.

Nothing is computed under a lock: the plan is made from a snapshot of the project's requirements, and it stands only
if the project got no other version meanwhile; else it is made once more.
"""

import asyncio
from collections.abc import Sequence

from orchestra.chassis.telemetry.logging import logger
from orchestra.chassis.telemetry.tracing import span
from orchestra.contracts.planning import Fault, PlanFailed, PlanRequested
from orchestra.planner.application.ports import Proposal, ReadBlocks, Store, Work
from orchestra.planner.application.record_version import Version, record_version
from orchestra.planner.domain.check import check
from orchestra.planner.domain.decompose import PART_BYTES, split
from orchestra.planner.domain.errors import InvalidPlan
from orchestra.planner.domain.hashing import content_hash
from orchestra.planner.domain.plan import Plan, propose
from orchestra.planner.domain.requirements import Requirement, number_again, read

log = logger("planning")

_BUG = Fault(pointer="", code="internal-error", detail="This is a bug in the planner; its log has the reason.")

_ARCHIVED = Fault(pointer="", code="project-archived", detail="The project is archived and takes no changes.")


async def propose_plan(store: Store, read_blocks: ReadBlocks) -> bool:
    """False when nothing is requested; else True, because there may be more."""
    async with store.read() as view:
        waiting = await view.plans.oldest_requested()
        if waiting is None:
            return False
        project = (waiting.request.workspace_id, waiting.request.project_id)
        versions = await view.projects.versions(*project)
        known = await view.requirements.ever(*project)
    attributes = {"orchestra.plan.id": waiting.request.plan_id, "orchestra.plan.mode": waiting.request.mode}
    with span("make plan", waiting.trace, service="planner", root=True, attributes=attributes):
        made = await asyncio.to_thread(_attempt, waiting.request, versions + 1, known, read_blocks)
        async with store.begin() as work:
            if await work.projects.hold(*project) != versions:
                return True
            held = await work.projects.find(*project)
            came_to = made if held is None or held.archived_at is None else (_ARCHIVED,)
            if isinstance(came_to, Proposal):
                await _record(work, waiting.request, came_to)
            else:
                await _fail(work, waiting.request, came_to)
    return True


def _attempt(
    request: PlanRequested, version: int, known: Sequence[Requirement], read_blocks: ReadBlocks
) -> Proposal | Sequence[Fault]:
    try:
        plan = make_plan(request, known, read_blocks)
        return Proposal(version, content_hash(plan), plan)
    except InvalidPlan as refusal:
        return refusal.faults
    except Exception:  # what breaks us must not stand in the way of all other requests for ever
        log.exception("planning broke", plan_id=request.plan_id)
        return (_BUG,)


def make_plan(request: PlanRequested, known: Sequence[Requirement], read_blocks: ReadBlocks) -> Plan:
    """The plan that the request comes to, in a project that had the `known` requirements.

    Raises InvalidPlan with everything that is wrong with the document and the tasks.
    """
    requirements, faults = read(read_blocks(request.document))
    try:
        plan = propose(request.mode, number_again(known, requirements), request.tasks, request.files)
    except InvalidPlan as refusal:
        raise InvalidPlan((*faults, *refusal.faults)) from refusal
    if request.mode == "given" or not faults:  # tasks made from a bad document would only be wrong once more
        faults += check(plan)
    if faults:
        raise InvalidPlan(faults)
    return plan


async def _record(work: Work, request: PlanRequested, proposal: Proposal) -> None:
    standing = await work.plans.standing(request.workspace_id, request.project_id)
    follows = standing.id if standing else None
    if await work.plans.propose(request.plan_id, proposal, follows):
        version = Version(request.workspace_id, request.project_id, request.plan_id, follows)
        await record_version(work, version, proposal)


async def _fail(work: Work, request: PlanRequested, faults: Sequence[Fault]) -> None:
    if not await work.plans.fail(request.plan_id, faults):
        return
    event = PlanFailed(
        workspace_id=request.workspace_id,
        project_id=request.project_id,
        sequence=1,
        plan_id=request.plan_id,
        faults=split(faults, lambda fault: len(fault.model_dump_json().encode()), PART_BYTES)[0],
    )
    work.publish(event)
