"""Let a workspace know content that has been stored."""

from orchestra.contracts.ids import WorkspaceId
from orchestra.executor.application.attempts import ExecutingWork
from orchestra.executor.application.ports import Stored


async def register_artifact(work: ExecutingWork, workspace_id: WorkspaceId, stored: Stored) -> bool:
    """Whether it is new to the workspace."""
    if await work.register.size_of(workspace_id, stored.sha256) is not None:
        return False
    await work.register.add({(workspace_id, stored.sha256): stored.size})
    return True
