"""Edit the plan that stands by hand: a version of its own, small and quickly approved, so that the graph has one owner.

The version is made from a snapshot, outside any transaction, and stored only if the same plan still stands.
"""

import asyncio
from dataclasses import dataclass, replace

from orchestra.chassis.ids import new_id
from orchestra.contracts.edits import PlanEdits
from orchestra.contracts.ids import PlanId, ProjectId, Sha256, WorkspaceId
from orchestra.planner.application.approve_plan import have_stand
from orchestra.planner.application.ports import Proposal, Store, Work
from orchestra.planner.application.queries import find_plan, find_project, find_standing
from orchestra.planner.application.record_version import Version, record_version
from orchestra.planner.application.views import PlanSummary
from orchestra.planner.domain.edit import edited
from orchestra.planner.domain.errors import PlanningError, PlanOvertaken
from orchestra.planner.domain.hashing import content_hash
from orchestra.planner.domain.plan import Plan


@dataclass(frozen=True)
class Draft:
    follows: PlanSummary
    plan: Plan
    hash: Sha256


async def draft_edits(
    store: Store, workspace_id: WorkspaceId, project_id: ProjectId, request: PlanEdits
) -> Draft | PlanningError:
    """The plan that the edits come to, or why there is none: that is said where the command has its turn."""
    try:
        async with store.read() as view:
            await find_project(view, workspace_id, project_id)
            standing = await find_standing(view, workspace_id, project_id)
            proposal = await view.plans.proposal(standing.id)
        assert proposal is not None
        plan = await asyncio.to_thread(edited, proposal.plan, request)
    except PlanningError as refusal:
        return refusal
    return Draft(standing, plan, await asyncio.to_thread(content_hash, plan))


async def edit_plan(
    work: Work, workspace_id: WorkspaceId, draft: Draft, request: PlanEdits, requested_by: str
) -> PlanSummary:
    """The new version, proposed or approved. The caller holds the project. Raises PlanOvertaken."""
    project_id = draft.follows.project_id
    standing = await work.plans.standing(workspace_id, project_id)
    if standing is None or standing.id != draft.follows.id:
        found = (standing.id, standing.version) if standing else (None, None)
        raise PlanOvertaken(draft.follows.id, *found)
    proposal = Proposal(await work.projects.versions(workspace_id, project_id) + 1, draft.hash, draft.plan)
    plan_id: PlanId = new_id("pln")
    made = replace(draft.follows, id=plan_id, mode=draft.plan.mode, follows=standing.id, requested_by=requested_by)
    await work.plans.add_proposed(workspace_id, made, proposal, request.model_dump_json())
    await record_version(work, Version(workspace_id, project_id, plan_id, standing.id), proposal)
    if request.approve:
        await have_stand(work, workspace_id, await find_plan(work, workspace_id, plan_id), requested_by)
    return await find_plan(work, workspace_id, plan_id)
