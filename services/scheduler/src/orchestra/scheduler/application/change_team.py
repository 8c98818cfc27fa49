"""Members come, change and leave one by one, each in one transaction with all that follows from it.

Invariant: nobody has a task who is not a member, is a project manager, or may not take it.
"""

from typing import Literal

from orchestra.contracts.ids import ProjectId, WorkspaceId
from orchestra.scheduler.application.advance_run import advance_run, advance_runs_of
from orchestra.scheduler.application.ports import SchedulingWork
from orchestra.scheduler.application.project_ports import Project
from orchestra.scheduler.application.return_tasks import return_tasks
from orchestra.scheduler.domain.errors import MemberExists, ProjectManagerNeeded, UnknownMember
from orchestra.scheduler.domain.people.member import Member, may_take
from orchestra.scheduler.domain.work.task import Task

Departure = Literal["fired", "resigned"]


async def find_member(work: SchedulingWork, workspace_id: WorkspaceId, project_id: ProjectId, key: str) -> Member:
    """Raises UnknownMember; one who has left is none."""
    for member in await work.members.of_project(workspace_id, project_id):
        if member.key == key:
            return member
    raise UnknownMember(key)


async def said_by_project_manager(
    work: SchedulingWork, workspace_id: WorkspaceId, project_id: ProjectId, key: str | None
) -> None:
    """Raises ProjectManagerNeeded when the member who is named as saying so is no project manager."""
    if key is not None and not (await find_member(work, workspace_id, project_id, key)).is_manager:
        raise ProjectManagerNeeded(key)


async def add_member(work: SchedulingWork, workspace_id: WorkspaceId, project_id: ProjectId, member: Member) -> Member:
    """Raises MemberExists, and NoWorkingTime for somebody who would never be at work."""
    project = await work.projects.hold(workspace_id, project_id)
    if any(each.key == member.key for each in await work.members.of_project(workspace_id, project_id)):
        raise MemberExists(member.key)
    return await _put(work, project, member, f"{member.key} joined")


async def change_member(
    work: SchedulingWork, workspace_id: WorkspaceId, project_id: ProjectId, member: Member, cause: str
) -> Member:
    """The member, found by their key, is what is given. What they may not take any more goes back.

    Raises UnknownMember, NoWorkingTime.
    """
    project = await work.projects.hold(workspace_id, project_id)
    await find_member(work, workspace_id, project_id, member.key)
    return await _put(work, project, member, cause)


async def leave(
    work: SchedulingWork,
    workspace_id: WorkspaceId,
    project_id: ProjectId,
    key: str,
    departure: Departure,
    reason: str,
    by: str | None = None,
) -> list[Task]:
    """The member has left: all their tasks go back, logged, and the schedule is stale; all of it or nothing.

    The tasks as they were. `by`: the project manager who fires them. Raises UnknownMember, ProjectManagerNeeded.
    """
    project = await work.projects.hold(workspace_id, project_id)
    await said_by_project_manager(work, workspace_id, project_id, by)
    member = await find_member(work, workspace_id, project_id, key)
    cause = f"{member.name} {'was fired' if departure == 'fired' else 'resigned'}" + (f": {reason}" if reason else "")
    tasks = await work.tasks.in_hands_of([member.id])
    await work.members.dismiss([member.id])
    await return_tasks(work, tasks, cause)
    await _stale(work, project, cause)
    await advance_runs_of(work, tasks, cause)
    return tasks


async def _put(work: SchedulingWork, project: Project, member: Member, cause: str) -> Member:
    member.working_time(project.calendar).next_working(work.now)
    stored = await work.members.put(project, member)
    unfit = [task for task in await work.tasks.in_hands_of([stored.id]) if not may_keep(stored, task)]
    await return_tasks(work, unfit, f"{stored.name} may not have it any more")
    await _stale(work, project, cause)
    for run in await work.runs.open_in(project.workspace_id, project.id):
        await advance_run(work, run, cause)
    return stored


def may_keep(member: Member, task: Task) -> bool:
    """A command that is under way stays with its agent: what it may begin is another question."""
    return may_take(member, task.need) or (task.command is not None and not member.is_manager)


async def _stale(work: SchedulingWork, project: Project, cause: str) -> None:
    work.projects.mark_stale([(project.workspace_id, project.id)], cause)
    work.wake("recalculation")
