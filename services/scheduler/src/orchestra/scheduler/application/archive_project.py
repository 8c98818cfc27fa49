"""A project goes into the archive, and comes out again.

The scheduler decides, because runs start under the lock of its project row: none can begin unseen while it is archived.
Invariant: a project in the archive has no open run, and no caller's command changes it.
"""

from orchestra.contracts.ids import ProjectId, WorkspaceId
from orchestra.contracts.scheduling import ProjectChanged
from orchestra.scheduler.application.ports import SchedulingWork
from orchestra.scheduler.application.project_ports import Project
from orchestra.scheduler.domain.errors import OpenRuns
from orchestra.scheduler.domain.work.status import RUN_OPEN


async def archive_project(work: SchedulingWork, workspace_id: WorkspaceId, project_id: ProjectId, by: str) -> Project:
    """A repetition changes nothing. Raises OpenRuns with their ids."""
    project = await work.projects.hold_archived_or_not(workspace_id, project_id)
    if project.archived_at is not None:
        return project
    unended = await work.runs.unended((workspace_id, project_id))
    if still_open := [run.id for run in unended if run.status in RUN_OPEN]:
        raise OpenRuns(*still_open)
    project = await work.projects.set_archived(project, work.now)
    _tell(work, project, by)
    return project


async def unarchive_project(work: SchedulingWork, workspace_id: WorkspaceId, project_id: ProjectId, by: str) -> Project:
    """A repetition changes nothing."""
    project = await work.projects.hold_archived_or_not(workspace_id, project_id)
    if project.archived_at is None:
        return project
    project = await work.projects.set_archived(project, None)
    work.projects.mark_stale([(workspace_id, project_id)], "the project came out of the archive")
    work.wake("recalculation")
    _tell(work, project, by)
    return project


def _tell(work: SchedulingWork, project: Project, by: str) -> None:
    work.publish(
        ProjectChanged(
            workspace_id=project.workspace_id,
            project_id=project.id,
            sequence=project.archivings,
            archived_at=project.archived_at,
            by=by,
        )
    )
