"""The approved graph arrives: once its last part is there, the tasks stand, or the plan is refused.

Of two versions that arrive in either order the newer one stands: one that comes late changes nothing. The project's
run, if it has not ended, goes on with the plan that stands.
"""

from collections import Counter
from dataclasses import replace

from orchestra.contracts.ids import PlanId
from orchestra.contracts.planning import DecomposedTask, Dependency, TasksDecomposed
from orchestra.contracts.scheduling import PlanApplied, PlanRefused
from orchestra.scheduler.application.advance_run import advance_run, change_run
from orchestra.scheduler.application.cancel_run import finish_cancelling
from orchestra.scheduler.application.checkpoints import settle_checkpoints
from orchestra.scheduler.application.ports import SchedulingWork
from orchestra.scheduler.application.project_ports import Plan
from orchestra.scheduler.application.replan import replan
from orchestra.scheduler.domain.errors import (
    CyclicDependency,
    DuplicateTask,
    HashMismatch,
    InvalidDependency,
    PlanSuperseded,
    ProjectArchived,
    SchedulingError,
    UnknownTask,
)
from orchestra.scheduler.domain.work.dependency import Edge, check_edges
from orchestra.scheduler.domain.work.graph import arrange
from orchestra.scheduler.domain.work.replan import pool_of_definition
from orchestra.scheduler.domain.work.run import Run


async def apply_plan(work: SchedulingWork, event: TasksDecomposed) -> None:
    """All or nothing. A run that was accepted before the plan came begins in this transaction."""
    project = await work.projects.hold(event.workspace_id, event.project_id)
    parts = await work.gathered(event)
    if parts is None or await work.plans.find(event.plan_id) is not None:
        return
    tasks: list[DecomposedTask] = []
    edges: list[Edge] = []
    for part in parts:
        tasks += part.tasks
        edges += [Edge(d.predecessor, d.successor, d.kind, d.lag_minutes, d.clock) for d in part.dependencies]
    stands = await work.plans.newest(project.workspace_id, project.id)
    try:
        if project.archived_at is not None:
            raise ProjectArchived(project.id)
        if stands is not None and stands.version > event.version:
            raise PlanSuperseded(f"version {stands.version}", stands.id)
        arrange([task.id for task in tasks], [(edge[0], edge[1]) for edge in edges])
        check_edges(edges)
    except (CyclicDependency, DuplicateTask, InvalidDependency, ProjectArchived, UnknownTask, PlanSuperseded) as error:
        await _refuse(work, event, stands, error)
        return
    plan = Plan(event.plan_id, event.workspace_id, event.project_id, event.version, event.hash, work.now)
    await work.plans.add(plan)
    run = await work.runs.of_plan((project.workspace_id, project.id), plan.id)
    if run is not None and run.plan_hash != plan.hash:
        await change_run(work, run, "failed", str(HashMismatch(run.plan_hash)), {})
        run = None
    elif run is None:
        run = await _carried(work, plan, event.supersedes)
    if stands is None:
        pools = [pool_of_definition(task) for task in tasks]
        await work.tasks.add_graph(plan, tasks, edges, pools, run.id if run else None)
        met: Counter[str] = Counter(added=len(tasks))
    else:
        await finish_cancelling(work, (project.workspace_id, project.id))
        met = await replan(work, plan, tasks, map(_dependency, edges), run)
        await settle_checkpoints(work, (project.workspace_id, project.id), f"plan version {plan.version} stands")
    version = await work.projects.graph_changed(project)
    work.projects.mark_stale([(project.workspace_id, project.id)], f"plan {plan.version} applied")
    work.wake("recalculation")
    work.publish(
        PlanApplied(
            workspace_id=plan.workspace_id,
            project_id=plan.project_id,
            plan_id=plan.id,
            sequence=1,
            graph_version=version,
            tasks=len(tasks),
            supersedes=stands.id if stands else None,
            added=met["added"],
            changed=met["changed"] + met["withdrawn"] + met["revived"] + met["undecided"],
            kept=met["kept"],
            cancelled=met["cancelled"],
            retired=met["retired"],
        )
    )
    if run is not None:
        await advance_run(work, run, "the plan stands" if stands is None else f"plan version {plan.version} stands")


def _dependency(edge: Edge) -> Dependency:
    ends = {"predecessor": edge.predecessor, "successor": edge.successor}
    return Dependency(**ends, kind=edge.kind, lag_minutes=edge.lag, clock=edge.clock)


async def _refuse(work: SchedulingWork, event: TasksDecomposed, stands: Plan | None, error: SchedulingError) -> None:
    work.publish(
        PlanRefused(
            workspace_id=event.workspace_id,
            project_id=event.project_id,
            plan_id=event.plan_id,
            sequence=1,
            code=error.code,
            detail=str(error),
            standing=stands.id if stands else None,
        )
    )
    run = await work.runs.of_plan((event.workspace_id, event.project_id), event.plan_id)
    if run is None:
        return
    if stands is None or not isinstance(error, PlanSuperseded) or run.plan_hash != event.hash:
        await change_run(work, run, "failed", f"the plan was refused: {error}", {})
    elif await work.runs.of_plan((event.workspace_id, event.project_id), stands.id) is None:
        run = await _go_on_with(work, run, stands)
        await work.tasks.give_to_run(stands.id, run.id)
        await settle_checkpoints(work, (run.workspace_id, run.project_id), "another run has its task")
        await advance_run(work, run, f"plan version {stands.version} stands")


async def _carried(work: SchedulingWork, plan: Plan, supersedes: PlanId | None) -> Run | None:
    """The run of an older plan that goes on with this one; one of a plan that is still to come may be a newer one's."""
    for run in await work.runs.unended((plan.workspace_id, plan.project_id)):
        if run.plan_id == supersedes or await work.plans.find(run.plan_id) is not None:
            return await _go_on_with(work, run, plan)
    return None


async def _go_on_with(work: SchedulingWork, run: Run, plan: Plan) -> Run:
    after = replace(run, plan_id=plan.id, plan_hash=plan.hash)
    await work.runs.save(after)
    return after
