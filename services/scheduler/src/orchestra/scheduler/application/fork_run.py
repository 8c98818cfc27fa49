"""Go on from a step of a run beside it: in a project and a run of their own, with what was done before that step.

Invariants: all of it comes to be in this one transaction, the event that tells the planner included; so there is no
half of a fork that anybody could start. The first run and its project are read and left as they are. Nothing of an
adopted task is ever given out.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from orchestra.chassis.ids import new_id
from orchestra.contracts.ids import MemberId, RunId, WorkspaceId
from orchestra.contracts.planning import Dependency
from orchestra.contracts.scheduling import ForkedTask, RunForked
from orchestra.scheduler.application.advance_run import advance_run, change_run, totals_of
from orchestra.scheduler.application.changes import Move, adopted, moved, tell
from orchestra.scheduler.application.end_work import count_down
from orchestra.scheduler.application.find_held import MOST_NAMED, named_by, refuse_unless_newest
from orchestra.scheduler.application.fork_ports import Copies
from orchestra.scheduler.application.ports import SchedulingWork
from orchestra.scheduler.application.project_ports import Plan, Project
from orchestra.scheduler.application.retry_task import keep_times
from orchestra.scheduler.application.start_run import RunOptions, RunRequest, new_run
from orchestra.scheduler.domain.errors import UnknownPlan
from orchestra.scheduler.domain.work.fork import fates
from orchestra.scheduler.domain.work.run import Run
from orchestra.scheduler.domain.work.task import Task

MOST = 500
"""Tasks in one event: below 200 KB, whatever characters their keys are of."""


@dataclass(frozen=True)
class ForkRequest:
    workspace_id: WorkspaceId
    run_id: RunId
    keys: Sequence[str]
    """Of the steps that it goes on from."""
    requested_by: str
    name: str | None = None
    """Of the project; None: after the first one's."""
    hold: bool = False
    """It is paused from the beginning."""
    options: RunOptions = field(default_factory=RunOptions)


async def fork_run(work: SchedulingWork, request: ForkRequest) -> Run:
    """The new run. The first one may be in any state, and its project in the archive.

    Raises UnknownRun, UnknownPlan where its plan has not come, PlanSuperseded where a newer one has taken its place,
    UnknownTask, DeadlinePassed.
    """
    found = await work.runs.find(request.workspace_id, request.run_id)
    source = await work.projects.hold_archived_or_not(found.workspace_id, found.project_id)
    first = await work.runs.find(request.workspace_id, request.run_id)
    stands = await work.plans.find(first.plan_id)
    if stands is None:
        raise UnknownPlan(first.plan_id)
    await refuse_unless_newest(work, (source.workspace_id, source.id), stands.id)
    tasks = await work.tasks.of_plan(stands.id)
    steps = named_by(request.keys, tasks)
    edges = await work.graph.edges(source.workspace_id, source.id)
    rehearsed = await work.forks.rehearsed(stands.id)
    bound = [(edge.predecessor, edge.successor) for edge in edges]
    becomes = fates(tasks, steps, bound, () if request.options.dry_run else rehearsed)
    copies: Copies = {task_id: (new_id("tsk"), fate) for task_id, fate in becomes.items()}

    project = await work.projects.hold(source.workspace_id, new_id("prj"))
    plan = Plan(new_id("pln"), project.workspace_id, project.id, 1, stands.hash, work.now)
    wanted = RunRequest(plan.workspace_id, plan.project_id, plan.id, plan.hash, request.requested_by, request.options)
    run = new_run(wanted, work.now, forked_from=first.id)
    await work.plans.add(plan)
    await work.runs.add(run)
    members = await _same_team(work, source, project)
    await work.forks.tasks(stands.id, plan, run, copies, members)
    await _same_graph(work, plan, copies, edges)
    really = {task.id: task.ended_at for task in tasks if becomes[task.id] == "adopted" and task.id not in rehearsed}
    forked = [ForkedTask(id=copies[task.id][0], key=task.key, done_at=really.get(task.id)) for task in tasks]
    _publish(work, run, first, request.name, forked)
    cause = f"{request.requested_by} has it go on from {', '.join(sorted(request.keys)[:MOST_NAMED])} of {first.id}"
    await _tell(work, run, first, tasks, copies, members)
    await work.projects.graph_changed(project)
    work.projects.mark_stale([(project.workspace_id, project.id)], cause)
    work.wake("recalculation")
    if request.hold:
        return await change_run(work, run, "paused", cause, await totals_of(work, run))
    return await advance_run(work, run, cause)


async def _same_team(work: SchedulingWork, source: Project, project: Project) -> Mapping[MemberId, MemberId]:
    await work.projects.set_grain(project, source.grain)
    await work.projects.set_people_choose(project, source.people_choose)
    return await work.forks.team(source, project)


async def _same_graph(work: SchedulingWork, plan: Plan, copies: Copies, edges: Iterable[Dependency]) -> None:
    """What is undone goes by the newest definitions, and is ready where nothing is before it that is not done."""
    bound = [(edge, copies.get(edge.predecessor), copies.get(edge.successor)) for edge in edges]
    again = [edge.model_copy(update={"predecessor": p[0], "successor": s[0]}) for edge, p, s in bound if p and s]
    await work.graph.connect((), again)
    undone = [copy_id for copy_id, fate in copies.values() if fate == "undone"]
    await work.graph.renew(undone)
    await keep_times(work, await work.tasks.some(undone))
    await count_down(work, await work.gates.lags_of_plan(plan.id))
    await work.graph.settle(plan.id)


def _publish(work: SchedulingWork, run: Run, first: Run, name: str | None, forked: Sequence[ForkedTask]) -> None:
    """What the planner needs to have the project, the plan and its tasks; their content it has."""
    parts = [forked[at : at + MOST] for at in range(0, len(forked), MOST)]
    for number, part in enumerate(parts, start=1):
        work.publish(
            RunForked(
                workspace_id=run.workspace_id,
                project_id=run.project_id,
                sequence=1,
                run_id=run.id,
                plan_id=run.plan_id,
                hash=run.plan_hash,
                name=name,
                by=run.requested_by,
                from_run=first.id,
                from_project=first.project_id,
                from_plan=first.plan_id,
                part=number,
                parts=len(parts),
                tasks=tuple(part),
            ),
            trace=run.trace,
        )


async def _tell(
    work: SchedulingWork,
    run: Run,
    first: Run,
    tasks: Sequence[Task],
    copies: Copies,
    members: Mapping[MemberId, MemberId],
) -> None:
    """What begins as done or skipped is told as if it had been blocked before."""
    theirs: list[Move] = []
    skipped: list[Move] = []
    for task in tasks:
        copy_id, fate = copies[task.id]
        copy = replace(
            task,
            id=copy_id,
            project_id=run.project_id,
            plan_id=run.plan_id,
            run_id=run.id,
            status="blocked",
            assignee=None,
            attempts=0,
            paused_by=None,
        )
        if fate == "adopted":
            theirs.append(adopted(copy, f"adopted from {task.id} of {first.id}", members.get(task.assignee or "")))
        elif fate == "skipped":
            skipped.append(moved(copy, "skipped", f"it was skipped in {first.id}"))
    await tell(work, theirs, "adopted")
    await tell(work, skipped)
