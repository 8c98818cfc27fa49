"""A plan has become a version of its project's plan: what goes with that, whoever made it."""

from typing import NamedTuple

from orchestra.contracts.ids import PlanId, ProjectId, WorkspaceId
from orchestra.contracts.planning import PlanProposed
from orchestra.planner.application.ports import Proposal, Work

MOST_GAPS = 200
"""In an event; the plan itself names all."""


class Version(NamedTuple):
    workspace_id: WorkspaceId
    project_id: ProjectId
    plan_id: PlanId
    follows: PlanId | None
    """The plan that stands."""


async def record_version(work: Work, version: Version, proposal: Proposal) -> None:
    """The caller holds the project, and the plan is stored as proposed."""
    plan = proposal.plan
    await work.projects.give_version(version.workspace_id, version.project_id, proposal.version)
    await work.requirements.keep(version.workspace_id, version.project_id, proposal.version, plan.requirements)
    event = PlanProposed(
        workspace_id=version.workspace_id,
        project_id=version.project_id,
        sequence=1,
        plan_id=version.plan_id,
        version=proposal.version,
        hash=proposal.hash,
        requirements=len(plan.requirements),
        tasks=len(plan.tasks),
        gaps=plan.gaps[:MOST_GAPS],
        follows=version.follows,
    )
    work.publish(event)
