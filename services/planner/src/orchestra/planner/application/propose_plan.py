"""Make a plan of the oldest request, outside any delivery. After a kill it is simply made again.

Nothing is computed under a lock: the plan is made from a snapshot of the project's requirements, and it stands only
if the project got no other version meanwhile; else it is made once more.
"""

import asyncio
from collections.abc import Sequence

from orchestra.chassis.telemetry.logging import logger
from orchestra.contracts.planning import Fault, PlanFailed, PlanProposed, PlanRequested
from orchestra.planner.application.ports import Proposal, ReadBlocks, Store, Waiting, Work
from orchestra.planner.domain.check import check
from orchestra.planner.domain.decompose import PART_BYTES, split
from orchestra.planner.domain.errors import InvalidPlan
from orchestra.planner.domain.hashing import content_hash
from orchestra.planner.domain.plan import Plan, propose
from orchestra.planner.domain.requirements import Requirement, number_again, read

log = logger("planning")

MOST_GAPS = 200
"""In an event; the plan itself names all."""

_BUG = Fault(pointer="", code="internal-error", detail="This is a bug in the planner; its log has the reason.")


async def propose_plan(store: Store, read_blocks: ReadBlocks) -> bool:
    """False when nothing is requested; else True, because there may be more."""
    async with store.read() as view:
        waiting = await view.plans.oldest_requested()
        if waiting is None:
            return False
        project = (waiting.request.workspace_id, waiting.request.project_id)
        versions = await view.projects.versions(*project)
        known = await view.requirements.ever(*project)
    made = await asyncio.to_thread(_attempt, waiting.request, versions + 1, known, read_blocks)
    async with store.begin() as work:
        if await work.projects.hold(*project) != versions:
            return True
        if isinstance(made, Proposal):
            await _record(work, waiting, made)
        else:
            await _fail(work, waiting, made)
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


async def _record(work: Work, waiting: Waiting, proposal: Proposal) -> None:
    request, plan = waiting.request, proposal.plan
    if not await work.plans.propose(request.plan_id, proposal):
        return
    await work.projects.give_version(request.workspace_id, request.project_id, proposal.version)
    await work.requirements.keep(request.workspace_id, request.project_id, proposal.version, plan.requirements)
    event = PlanProposed(
        workspace_id=request.workspace_id,
        project_id=request.project_id,
        sequence=1,
        plan_id=request.plan_id,
        version=proposal.version,
        hash=proposal.hash,
        requirements=len(plan.requirements),
        tasks=len(plan.tasks),
        gaps=plan.gaps[:MOST_GAPS],
    )
    work.publish(event, trace=waiting.trace)


async def _fail(work: Work, waiting: Waiting, faults: Sequence[Fault]) -> None:
    request = waiting.request
    if not await work.plans.fail(request.plan_id, faults):
        return
    event = PlanFailed(
        workspace_id=request.workspace_id,
        project_id=request.project_id,
        sequence=1,
        plan_id=request.plan_id,
        faults=split(faults, lambda fault: len(fault.model_dump_json().encode()), PART_BYTES)[0],
    )
    work.publish(event, trace=waiting.trace)
