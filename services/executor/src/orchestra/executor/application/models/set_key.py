"""A project gets a key of its own."""

from orchestra.contracts.ids import ProjectId, WorkspaceId
from orchestra.executor.application.models.keys import KeyingWork, KeyStatus, Seals, StoredKey, about


async def set_key(
    work: KeyingWork,
    seals: Seals,
    workspace_id: WorkspaceId,
    project_id: ProjectId,
    provider: str,
    key: str,
    url: str | None,
) -> KeyStatus:
    """In place of one that it has. `url` was judged; it is judged again at every request."""
    sealed = seals.seal(key, about(workspace_id, project_id, provider))
    status = KeyStatus(provider, url, sealed.version, work.now, None)
    await work.project_keys.put(StoredKey(workspace_id, project_id, status, sealed.data_key, sealed.secret))
    return status
