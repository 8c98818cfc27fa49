"""A project gives its key back to nobody: the house's is used again."""

from orchestra.contracts.ids import ProjectId, WorkspaceId
from orchestra.executor.application.models.keys import KeyingWork
from orchestra.executor.domain.errors import NoProjectKey


async def remove_key(work: KeyingWork, workspace_id: WorkspaceId, project_id: ProjectId, provider: str) -> None:
    """Raises NoProjectKey."""
    if not await work.project_keys.remove(workspace_id, project_id, provider):
        raise NoProjectKey(provider)
