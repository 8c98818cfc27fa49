"""A project's calendar changes: all is recalculated, what is being done included (BR-WDAY-005, BR-SCHED-007)."""

from collections.abc import Callable

from orchestra.contracts.ids import ProjectId, WorkspaceId
from orchestra.scheduler.application.ports import SchedulingWork
from orchestra.scheduler.domain.timeline.grain import Grain


async def set_calendar(
    work: SchedulingWork,
    workspace_id: WorkspaceId,
    project_id: ProjectId,
    change: Callable[[Grain], Grain],
    cause: str,
) -> Grain:
    """The calendar that `change` makes of the present one. Raises NoWorkingTime for a member who would never work."""
    project = await work.projects.hold(workspace_id, project_id)
    grain = change(project.grain)
    for member in await work.members.of_project(workspace_id, project_id):
        member.working_time(grain.calendar).next_working(work.now)
    if grain != project.grain:
        await work.projects.set_grain(project, grain)
        work.projects.mark_stale([(workspace_id, project_id)], cause)
        work.wake("recalculation")
    return grain
