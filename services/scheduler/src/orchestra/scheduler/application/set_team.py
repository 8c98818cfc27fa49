"""Who works on a project, and when: the team replaced as a whole."""

from collections.abc import Sequence

from orchestra.contracts.ids import ProjectId, WorkspaceId
from orchestra.scheduler.application.advance_run import advance_run
from orchestra.scheduler.application.changes import moved, tell
from orchestra.scheduler.application.ports import Project, SchedulingWork
from orchestra.scheduler.domain.people.member import Member
from orchestra.scheduler.domain.timeline.grain import Grain


async def set_team(
    work: SchedulingWork, workspace_id: WorkspaceId, project_id: ProjectId, grain: Grain, members: Sequence[Member]
) -> Project:
    """Members keep their ids by their keys. Those who leave give back what they have not finished, here and now."""
    project = await work.projects.hold(workspace_id, project_id)
    await work.projects.set_grain(project, grain)
    gone = await work.members.replace(project, members)
    returned = [t for t in await work.tasks.assigned_to(gone) if t.command is None] if gone else []
    if returned:
        await work.tasks.change([t.id for t in returned], status="ready", assignee=None, planned_member=None)
        await tell(work, [moved(t, "ready", "their assignee left the project") for t in returned])
    await work.projects.mark_stale([(workspace_id, project_id)], "the team changed")
    work.wake("recalculation")
    for run_id in sorted({t.run_id for t in returned if t.run_id}):
        await advance_run(work, await work.runs.get(run_id), "the team changed")
    return project
