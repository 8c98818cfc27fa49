"""A project gives a server of tools up."""

from orchestra.contracts.ids import ProjectId, WorkspaceId
from orchestra.executor.application.agents.servers.ports import ServingWork
from orchestra.executor.domain.errors import UnknownToolServer


async def remove_server(work: ServingWork, workspace_id: WorkspaceId, project_id: ProjectId, name: str) -> None:
    """Raises UnknownToolServer."""
    if not await work.tool_servers.remove(workspace_id, project_id, name):
        raise UnknownToolServer(name)
