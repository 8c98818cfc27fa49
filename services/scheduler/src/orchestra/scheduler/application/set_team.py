"""Who works on a project, and when: the team replaced as a whole."""

from collections.abc import Sequence

from orchestra.contracts.ids import ProjectId, WorkspaceId
from orchestra.scheduler.application.advance_run import advance_runs_of
from orchestra.scheduler.application.change_team import may_keep
from orchestra.scheduler.application.ports import SchedulingWork
from orchestra.scheduler.application.project_ports import Project
from orchestra.scheduler.application.return_tasks import return_tasks
from orchestra.scheduler.domain.people.member import Member
from orchestra.scheduler.domain.timeline.grain import Grain
from orchestra.scheduler.domain.timeline.working_time import WorkingTime


async def set_team(
    work: SchedulingWork,
    workspace_id: WorkspaceId,
    project_id: ProjectId,
    grain: Grain,
    members: Sequence[Member],
    people_choose: bool = False,
) -> Project:
    """Members keep their ids by their keys. Those who leave, or may no longer take what they have, give it back here.

    Raises NoWorkingTime for a calendar without working time, and for somebody who would never be at work.
    """
    WorkingTime.of(grain.calendar).next_working(work.now)
    for member in members:
        member.working_time(grain.calendar).next_working(work.now)
    project = await work.projects.hold(workspace_id, project_id)
    await work.projects.set_grain(project, grain)
    await work.projects.set_people_choose(project, people_choose)
    gone = await work.members.replace(project, members)
    staying = {member.id: member for member in await work.members.of_project(workspace_id, project_id)}
    returned = [
        task
        for task in await work.tasks.in_hands_of([*gone, *staying])
        if task.assignee not in staying or not may_keep(staying[task.assignee], task)
    ]
    await return_tasks(work, returned, "their assignee may not have it any more")
    work.projects.mark_stale([(workspace_id, project_id)], "the team changed")
    work.wake("recalculation")
    await advance_runs_of(work, returned, "the team changed")
    return project
