"""Start the one run of an approved plan, now or as soon as the plan has come."""

from dataclasses import dataclass, field
from datetime import datetime

from orchestra.chassis.ids import new_id
from orchestra.contracts.ids import PlanId, ProjectId, RunId, Sha256, WorkspaceId
from orchestra.scheduler.application.advance_run import advance_run
from orchestra.scheduler.application.checkpoints import settle_checkpoints
from orchestra.scheduler.application.find_held import refuse_beside_another, refuse_unless_newest
from orchestra.scheduler.application.ports import SchedulingWork
from orchestra.scheduler.domain.errors import (
    DeadlinePassed,
    HashMismatch,
    PlanAlreadyRuns,
    UnknownPlan,
)
from orchestra.scheduler.domain.work.run import Run


@dataclass(frozen=True)
class RunOptions:
    """What may be said of any run; the fields are those of `Run`."""

    concurrency: int | None = None
    retries: int | None = None
    dry_run: bool = False
    trace: str | None = None
    start_at: datetime | None = None
    deadline: datetime | None = None


@dataclass(frozen=True)
class RunRequest:
    workspace_id: WorkspaceId
    project_id: ProjectId
    plan_id: PlanId
    plan_hash: Sha256
    requested_by: str
    options: RunOptions = field(default_factory=RunOptions)


async def start_run(work: SchedulingWork, request: RunRequest) -> Run:
    """Before its `start_at` it is only accepted. Raises DeadlinePassed for a deadline that leaves it no time.

    Raises HashMismatch when the plan has another hash, PlanSuperseded when a newer version of it stands.

    Raises PlanAlreadyRuns when it has a run, or another of the project is open: that one goes on with the newest plan.
    """
    await work.projects.hold(request.workspace_id, request.project_id)
    run = new_run(request, work.now)
    key = (request.workspace_id, request.project_id)
    plan = await work.plans.find(request.plan_id)
    if plan is not None:
        if (plan.workspace_id, plan.project_id) != (request.workspace_id, request.project_id):
            raise UnknownPlan(request.plan_id)
        if plan.hash != request.plan_hash:
            raise HashMismatch(request.plan_hash)
        await refuse_unless_newest(work, key, plan.id)
    earlier = await work.runs.of_plan(key, request.plan_id)
    if earlier is not None:
        raise PlanAlreadyRuns(earlier.id)
    await refuse_beside_another(work, key)
    await work.runs.add(run)
    if plan is None:
        return run
    await work.tasks.give_to_run(plan.id, run.id)
    await settle_checkpoints(work, key, "another run has its task")
    if run.early(work.now):
        work.projects.mark_stale([key], "the run begins later")
        work.wake("recalculation")
    return await advance_run(work, run, "the run was started")


def new_run(request: RunRequest, now: datetime, forked_from: RunId | None = None) -> Run:
    """Accepted, and known to nobody yet. Raises DeadlinePassed."""
    options = request.options
    if options.deadline is not None and options.deadline <= max(now, options.start_at or now):
        raise DeadlinePassed(f"its deadline is {options.deadline:%Y-%m-%d %H:%M:%S} UTC")
    return Run(
        id=new_id("run"),
        workspace_id=request.workspace_id,
        project_id=request.project_id,
        plan_id=request.plan_id,
        plan_hash=request.plan_hash,
        status="accepted",
        epoch=1,
        sequence=0,
        requested_by=request.requested_by,
        created_at=now,
        forked_from=forked_from,
        **vars(options),
    )
