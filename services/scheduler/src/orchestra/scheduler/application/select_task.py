"""A member takes a task for themselves (BR-ASSIGN-002)."""

from orchestra.contracts.ids import TaskId, WorkspaceId
from orchestra.scheduler.application.change_team import find_member
from orchestra.scheduler.application.changes import moved, tell
from orchestra.scheduler.application.person_task import persons_task
from orchestra.scheduler.application.ports import SchedulingWork
from orchestra.scheduler.domain.errors import ChoosesForAnother, NotReady
from orchestra.scheduler.domain.people.selection import refusal
from orchestra.scheduler.domain.work.task import Task


async def select_task(
    work: SchedulingWork, workspace_id: WorkspaceId, task_id: TaskId, member_key: str, by: str | None = None
) -> Task:
    """The task as it was. `by`: who says so, where that is not the member: nobody may, managers included.

    Raises UnknownTask, UnknownMember, NotAPersonsTask, ChoosesForAnother, and what `refusal` says.
    """
    task = await persons_task(work, workspace_id, task_id)
    member = await find_member(work, workspace_id, task.project_id, member_key)
    if by not in (None, member_key):
        raise ChoosesForAnother(f"{by} cannot choose for {member_key}")
    if held := await _held(work, task):
        raise NotReady(task.key, held)
    project = await work.projects.hold(workspace_id, task.project_id)
    gates = await work.gates.into(task.id)
    waits_for = [gate.predecessor.key for gate in gates if not gate.edge.before_end and gate.closed(work.now)]
    in_hand = await work.tasks.carried_by([member.id])
    if refused := refusal(member, task, waits_for, in_hand, project.calendar):
        raise refused
    await work.tasks.assign([(task, member.id)])
    if task.watched:
        await work.gates.forget([task.id])
    declined = [each for each in task.declined if each != member.id]
    await work.tasks.change([task.id], planned_member=member.id, declined=declined or None)
    await tell(work, [moved(task, "assigned", f"{member.name} took it", member.id)])
    return task


async def _held(work: SchedulingWork, task: Task) -> str | None:
    if task.paused_by is not None:
        return f"{task.paused_by} has paused it"
    if task.not_before is not None and task.not_before > work.now:
        return f"it is not begun before {task.not_before:%Y-%m-%d %H:%M} UTC"
    run = await work.runs.get(task.run_id) if task.run_id else None
    if run is not None and run.status == "accepted" and run.early(work.now):
        return f"its run begins at {run.start_at:%Y-%m-%d %H:%M} UTC"
    return "its run is paused" if run is not None and run.status == "paused" else None
