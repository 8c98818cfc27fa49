"""A project takes its choice back: kind and difficulty decide again."""

from orchestra.contracts.ids import ProjectId, WorkspaceId
from orchestra.executor.application.models.choices import ChoosingWork
from orchestra.executor.domain.errors import NoProjectModel


async def unchoose_model(work: ChoosingWork, workspace_id: WorkspaceId, project_id: ProjectId) -> None:
    """Raises NoProjectModel."""
    if not await work.project_models.remove(workspace_id, project_id):
        raise NoProjectModel(project_id)
