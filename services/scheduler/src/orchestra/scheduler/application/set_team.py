"""Who works on a project, and when: the team replaced as a whole."""

from collections.abc import Sequence

from orchestra.contracts.ids import ProjectId, WorkspaceId
from orchestra.scheduler.application.advance_run import advance_run
from orchestra.scheduler.application.changes import moved, tell
from orchestra.scheduler.application.ports import Project, SchedulingWork
from orchestra.scheduler.domain.people.member import Member, may_take
from orchestra.scheduler.domain.timeline.grain import Grain
from orchestra.scheduler.domain.work.task import need_of_pool


async def set_team(
    work: SchedulingWork, workspace_id: WorkspaceId, project_id: ProjectId, grain: Grain, members: Sequence[Member]
) -> Project:
    """Members keep their ids by their keys. Those who leave, or may no longer take what they have, give it back here.

    Raises NoWorkingTime for somebody who would never be at work.
    """
    for member in members:
        member.working_time(grain.calendar).next_working(work.now)
    project = await work.projects.hold(workspace_id, project_id)
    await work.projects.set_grain(project, grain)
    gone = await work.members.replace(project, members)
    staying = {member.id: member for member in await work.members.of_project(workspace_id, project_id)}
    returned = [
        task
        for task in await work.tasks.assigned_to([*gone, *staying])
        if task.assignee not in staying or not may_take(staying[task.assignee], need_of_pool(task.pool))
    ]
    if returned:
        await work.tasks.change([t.id for t in returned], status="ready", assignee=None, planned_member=None)
        await tell(work, [moved(t, "ready", "their assignee may not have it any more") for t in returned])
    await work.projects.mark_stale([(workspace_id, project_id)], "the team changed")
    work.wake("recalculation")
    for run_id in sorted({t.run_id for t in returned if t.run_id}):
        await advance_run(work, await work.runs.get(run_id), "the team changed")
    return project
