"""A run was forked: the project that it is in, and its plan, which has the content of the first run's.

Whoever forks names a plan that was approved by its hash, and has it run again: so they have approved this one. Its
tasks stand at the scheduler already, under the ids that the event brings; nothing is handed on.
"""

from dataclasses import replace

from orchestra.chassis.errors import Transient
from orchestra.contracts.planning import PlanApproved
from orchestra.contracts.scheduling import RunForked
from orchestra.planner.application.ports import Proposal, Work
from orchestra.planner.application.record_version import Version, record_version
from orchestra.planner.application.views import Project

LONGEST_NAME = 200
SUFFIX = " (fork)"


async def record_fork(work: Work, part: RunForked) -> None:
    """All or nothing, once the last part has come. Raises Transient while the plan that it comes from is unknown."""
    parts = await work.gathered(part)
    if parts is None:
        return
    fork, tasks = part, [task for each in parts for task in each.tasks]
    first = await work.plans.find(fork.workspace_id, fork.from_plan)
    source = await work.projects.find(fork.workspace_id, fork.from_project)
    proposal = await work.plans.proposal(fork.from_plan)
    if first is None or source is None or proposal is None:  # a fork itself, and not recorded yet
        raise Transient(f"the plan {fork.from_plan} is not known yet")
    name = fork.name or source.name.removesuffix(SUFFIX)[: LONGEST_NAME - len(SUFFIX)] + SUFFIX
    await work.projects.add(fork.workspace_id, Project(fork.project_id, name, work.now, source.description))
    made = replace(first, id=fork.plan_id, project_id=fork.project_id, follows=None, requested_by=fork.by)
    copied = Proposal(1, proposal.hash, proposal.plan)
    request = fork.model_dump_json(exclude={"tasks", "part", "parts"})
    await work.plans.add_proposed(fork.workspace_id, made, copied, request)
    await record_version(work, Version(fork.workspace_id, fork.project_id, fork.plan_id, None), copied)
    await work.plans.approve(fork.plan_id, fork.by)
    positions = {task.id: at for at, task in enumerate(copied.plan.tasks)}
    covers = [(r.number, positions[key]) for r in copied.plan.requirements for key in copied.plan.coverage[r.id]]
    ids = {task.key: task.id for task in tasks}
    await work.plans.hand_on(fork.plan_id, {key: ids[key] for key in positions}, covers)
    await work.plans.settle(fork.workspace_id, fork.plan_id, applied=True)
    await work.completions.add(fork.workspace_id, {task.id: task.done_at for task in tasks if task.done_at is not None})
    work.publish(
        PlanApproved(
            workspace_id=fork.workspace_id,
            project_id=fork.project_id,
            sequence=2,
            plan_id=fork.plan_id,
            version=copied.version,
            hash=copied.hash,
            approved_by=fork.by,
        )
    )
