"""Create a project. A client that brings the id may repeat itself."""

from orchestra.chassis.ids import new_id
from orchestra.contracts.ids import ProjectId, WorkspaceId
from orchestra.planner.application.ports import Work
from orchestra.planner.application.views import Project
from orchestra.planner.domain.errors import ProjectExists


async def create_project(
    work: Work, workspace_id: WorkspaceId, name: str, project_id: ProjectId | None = None, description: str = ""
) -> Project:
    """The project, new or as it is. Raises ProjectExists when the id belongs to one of another name."""
    project = Project(project_id or new_id("prj"), name, work.now, description)
    await work.projects.add(workspace_id, project)
    stored = await work.projects.find(workspace_id, project.id) or project
    if stored.name != name:
        raise ProjectExists(f"The project {stored.id} exists under the name {stored.name!r}.")
    return stored
