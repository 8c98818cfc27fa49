"""A project gets a server of tools."""

from orchestra.contracts.ids import ProjectId, WorkspaceId
from orchestra.executor.application.agents.servers.ports import ServerStatus, ServingWork, StoredServer, about
from orchestra.executor.application.models.keys import Seals
from orchestra.executor.domain.errors import NoMasterKey, TooManyToolServers

MOST = 32
"""Servers of a project."""


async def set_server(
    work: ServingWork,
    seals: Seals | None,
    workspace_id: WorkspaceId,
    project_id: ProjectId,
    name: str,
    url: str,
    token: str | None,
) -> ServerStatus:
    """In place of one that it has, its token too. `url` was judged; it is judged again at every connection.

    Raises TooManyToolServers, NoMasterKey.
    """
    others = [each for each in await work.tool_servers.of_project(workspace_id, project_id) if each.name != name]
    if len(others) >= MOST:
        raise TooManyToolServers(str(MOST))
    sealed = None
    if token is not None:
        if seals is None:
            raise NoMasterKey("tokens of tool servers")
        sealed = seals.seal(token, about(workspace_id, project_id, name, url))
    version = sealed.version if sealed else None
    status = ServerStatus(name, url, sealed is not None, version, work.now, None)
    await work.tool_servers.put(StoredServer(workspace_id, project_id, status, sealed))
    return status
