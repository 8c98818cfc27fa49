"""Make a plan of the oldest request, outside any delivery. After a kill it is simply made again.

Nothing is computed under a lock: the plan is made from a snapshot of the project's requirements, and it stands only
if the project got no other version meanwhile; else it is made once more. Where a model has to be asked first, the plan
is taken up again when the answer is there.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from orchestra.chassis.telemetry.logging import logger
from orchestra.chassis.telemetry.tracing import span
from orchestra.contracts.planning import Fault, PlanFailed, PlanRequested
from orchestra.planner.application.draft_plan import Asking, draft_plan
from orchestra.planner.application.model_calls import ask_model
from orchestra.planner.application.ports import Drafts, ModelCall, Proposal, ReadBlocks, Store, Waiting, Work
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


@dataclass(frozen=True)
class Means:
    """What plans are made with."""

    read_blocks: ReadBlocks
    drafts: Drafts


async def propose_plan(store: Store, means: Means) -> bool:
    """False when nothing is requested; else True, because there may be more."""
    async with store.read() as view:
        waiting = await view.plans.oldest_requested()
        if waiting is None:
            return False
        project = (waiting.workspace_id, waiting.project_id)
        versions = await view.projects.versions(*project)
        known = await view.requirements.ever(*project)
        calls = await view.model_calls.of_plan(waiting.plan_id)
    attributes = {"orchestra.plan.id": waiting.plan_id, "orchestra.plan.mode": waiting.mode}
    with span("make plan", waiting.trace, service="planner", root=True, attributes=attributes):
        made = await asyncio.to_thread(_attempt, waiting, versions + 1, known, means, calls)
        async with store.begin() as work:
            if await work.projects.hold(*project) != versions:
                return True
            held = await work.projects.find(*project)
            came_to = made if held is None or held.archived_at is None else (_ARCHIVED,)
            match came_to:
                case Proposal():
                    await _record(work, waiting, came_to)
                case Asking():
                    await ask_model(work, waiting, came_to.prompt, came_to.number, came_to.schema)
                case faults:
                    await fail_plan(work, waiting, faults)
    return True


def _attempt(
    waiting: Waiting, version: int, known: Sequence[Requirement], means: Means, calls: Sequence[ModelCall]
) -> Proposal | Asking | Sequence[Fault]:
    try:
        plan = make_plan(waiting.read(), known, means, calls)
        return plan if isinstance(plan, Asking) else Proposal(version, content_hash(plan), plan)
    except InvalidPlan as refusal:
        return refusal.faults
    except Exception:  # what breaks us must not stand in the way of all other requests for ever
        log.exception("planning broke", plan_id=waiting.plan_id)
        return (_BUG,)


def make_plan(
    request: PlanRequested, known: Sequence[Requirement], means: Means, calls: Sequence[ModelCall] = ()
) -> Plan | Asking:
    """The plan that the request comes to, in a project that had the `known` requirements.

    Raises InvalidPlan with everything that is wrong with the document and the tasks.
    """
    read_in, faults = read(means.read_blocks(request.document))
    requirements = number_again(known, read_in)
    if request.mode in ("model", "auto"):
        if faults:  # nobody pays for a plan of a bad document
            raise InvalidPlan(faults)
        return draft_plan(request, requirements, means.drafts, calls)
    try:
        plan = propose(request.mode, requirements, request.tasks, request.files)
    except InvalidPlan as refusal:
        raise InvalidPlan((*faults, *refusal.faults)) from refusal
    if request.mode == "given" or not faults:  # tasks made from a bad document would only be wrong once more
        faults += check(plan)
    if faults:
        raise InvalidPlan(faults)
    return plan


async def _record(work: Work, waiting: Waiting, proposal: Proposal) -> None:
    standing = await work.plans.standing(waiting.workspace_id, waiting.project_id)
    follows = standing.id if standing else None
    if await work.plans.propose(waiting.plan_id, proposal, follows):
        version = Version(waiting.workspace_id, waiting.project_id, waiting.plan_id, follows)
        await record_version(work, version, proposal)


async def fail_plan(work: Work, waiting: Waiting, faults: Sequence[Fault]) -> None:
    """It never becomes a plan. The caller holds the project."""
    if not await work.plans.fail(waiting.plan_id, faults):
        return
    event = PlanFailed(
        workspace_id=waiting.workspace_id,
        project_id=waiting.project_id,
        sequence=1,
        plan_id=waiting.plan_id,
        faults=split(faults, lambda fault: len(fault.model_dump_json().encode()), PART_BYTES)[0],
    )
    work.publish(event)
