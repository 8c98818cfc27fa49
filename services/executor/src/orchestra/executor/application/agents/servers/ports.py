"""Servers of tools of projects: what is stored of one, and what anybody may see of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from orchestra.contracts.ids import ProjectId, WorkspaceId
from orchestra.executor.application.models.keys import Sealed


@dataclass(frozen=True)
class ServerStatus:
    """Of a project's server. Its token is shown to nobody."""

    name: str
    url: str
    has_token: bool
    key_version: int | None
    """Of the master key that seals the token."""
    set_at: datetime
    last_used_at: datetime | None


@dataclass(frozen=True)
class StoredServer:
    workspace_id: WorkspaceId
    project_id: ProjectId
    status: ServerStatus
    token: Sealed | None

    @property
    def about(self) -> str:
        return about(self.workspace_id, self.project_id, self.status.name, self.status.url)


def about(workspace_id: WorkspaceId, project_id: ProjectId, name: str, url: str) -> str:
    """What a sealed token is the token of. One that is moved to another row or address cannot be opened there."""
    return f"tool-server {workspace_id} {project_id} {name} {url}"


class ToolServers(Protocol):
    async def put(self, server: StoredServer) -> None:
        """In place of one that is there."""
        ...

    async def find(self, workspace_id: WorkspaceId, project_id: ProjectId, name: str) -> StoredServer | None: ...

    async def of_project(self, workspace_id: WorkspaceId, project_id: ProjectId) -> Sequence[ServerStatus]: ...

    async def remove(self, workspace_id: WorkspaceId, project_id: ProjectId, name: str) -> bool:
        """Whether there was one."""
        ...

    async def used(self, server: StoredServer) -> None:
        """Note that it was used now; not more often than once a minute."""
        ...

    async def not_sealed_by(self, version: int, limit: int) -> Sequence[StoredServer]:
        """Those whose token another master key has sealed."""
        ...

    async def reseal(self, server: StoredServer, token: Sealed) -> None:
        """Only while the row is still the one that was read."""
        ...


class ServingWork(Protocol):
    @property
    def now(self) -> datetime: ...

    @property
    def tool_servers(self) -> ToolServers: ...
