"""A project chooses the model, or the tier, that is asked first on its behalf."""

from orchestra.contracts.ids import ProjectId, WorkspaceId
from orchestra.executor.application.models.choices import ChoosingWork, ChosenModel
from orchestra.executor.domain.models.routing import Routes


async def choose_model(
    work: ChoosingWork, routes: Routes, workspace_id: WorkspaceId, project_id: ProjectId, choice: str
) -> ChosenModel:
    """In place of what it has chosen before. Raises UnknownModel."""
    routes.wanted(choice)
    chosen = ChosenModel(choice, work.now)
    await work.project_models.put(workspace_id, project_id, chosen)
    return chosen
