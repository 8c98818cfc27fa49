"""A project gets another name or description."""

from orchestra.contracts.ids import ProjectId, WorkspaceId
from orchestra.planner.application.ports import Work
from orchestra.planner.application.queries import find_project
from orchestra.planner.application.views import Project


async def hold_project(work: Work, workspace_id: WorkspaceId, project_id: ProjectId) -> Project:
    """The project; nobody else changes it before this transaction ends. Raises UnknownProject, ProjectArchived."""
    await find_project(work, workspace_id, project_id)
    await work.projects.hold(workspace_id, project_id)
    return await find_project(work, workspace_id, project_id)


async def edit_project(work: Work, workspace_id: WorkspaceId, project: Project) -> Project:
    """The held project with the name and the description it is given."""
    await work.projects.describe(workspace_id, project.id, project.name, project.description)
    return project
