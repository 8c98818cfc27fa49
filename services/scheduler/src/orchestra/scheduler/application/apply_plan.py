"""The approved graph arrives: once its last part is there, the tasks stand, or the plan is refused."""

from orchestra.contracts.planning import TasksDecomposed
from orchestra.contracts.scheduling import PlanApplied, PlanRefused
from orchestra.scheduler.application.advance_run import advance_run, change_run
from orchestra.scheduler.application.ports import Plan, SchedulingWork
from orchestra.scheduler.domain.errors import CyclicDependency, DuplicateTask, HashMismatch, UnknownTask
from orchestra.scheduler.domain.people.member import Need
from orchestra.scheduler.domain.work.graph import arrange
from orchestra.scheduler.domain.work.task import pool_of


async def apply_plan(work: SchedulingWork, event: TasksDecomposed) -> None:
    """All or nothing. A run that was accepted before the plan came begins in this transaction."""
    project = await work.projects.hold(event.workspace_id, event.project_id)
    parts = await work.gathered(event)
    if parts is None or await work.plans.find(event.plan_id) is not None:
        return
    tasks = [task for part in parts for task in part.tasks]
    dependencies = [dependency for part in parts for dependency in part.dependencies]
    subject = {"workspace_id": event.workspace_id, "project_id": event.project_id, "plan_id": event.plan_id}
    run = await work.runs.of_plan((event.workspace_id, event.project_id), event.plan_id)
    try:
        arrange([task.id for task in tasks], [(d.predecessor, d.successor) for d in dependencies])
    except (CyclicDependency, DuplicateTask, UnknownTask) as error:
        work.publish(PlanRefused(**subject, sequence=1, code=error.code, detail=str(error)))
        if run is not None:
            await change_run(work, run, "failed", f"the plan was refused: {error}", {})
        return
    plan = Plan(event.plan_id, event.workspace_id, event.project_id, event.version, event.hash, work.now)
    await work.plans.add(plan)
    pools = [
        pool_of(Need(role=t.role, command=t.command is not None, tools=frozenset(t.command.tools if t.command else ())))
        for t in tasks
    ]
    fits = run is not None and run.plan_hash == plan.hash
    await work.tasks.add_graph(plan, tasks, dependencies, pools, run.id if run and fits else None)
    version = await work.projects.graph_changed(project)
    await work.projects.mark_stale([(project.workspace_id, project.id)], f"plan {plan.version} applied")
    work.wake("recalculation")
    work.publish(PlanApplied(**subject, sequence=1, graph_version=version, tasks=len(tasks)))
    if run is not None:
        if fits:
            await advance_run(work, run, "the plan stands")
        else:
            await change_run(work, run, "failed", str(HashMismatch(run.plan_hash)), {})
