"""The scheduler put a project into the archive or took it out: it knows what still runs, and decides."""

from orchestra.contracts.scheduling import ProjectChanged
from orchestra.planner.application.ports import Work


async def record_archiving(work: Work, event: ProjectChanged) -> None:
    """The newest of them counts, in whatever order they come."""
    await work.projects.file(event.workspace_id, event.project_id, event.archived_at, event.sequence)
