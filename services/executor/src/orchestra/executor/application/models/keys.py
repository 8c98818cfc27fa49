"""Keys of projects: what is stored of one, and what anybody may see of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from orchestra.contracts.ids import ProjectId, WorkspaceId


@dataclass(frozen=True)
class Sealed:
    version: int
    """Of the master key."""
    data_key: bytes
    secret: bytes


class Seals(Protocol):
    def seal(self, secret: str, about: str) -> Sealed:
        """`about` says what it is the secret of: sealed for one thing, it opens for no other."""
        ...


class KeyingWork(Protocol):
    @property
    def now(self) -> datetime: ...

    @property
    def project_keys(self) -> "ProjectKeys": ...


@dataclass(frozen=True)
class KeyStatus:
    """Of a project's key. The key itself is shown to nobody."""

    provider: str
    url: str | None
    """In place of the provider's own."""
    key_version: int
    """Of the master key that seals it."""
    set_at: datetime
    last_used_at: datetime | None


@dataclass(frozen=True)
class StoredKey:
    workspace_id: WorkspaceId
    project_id: ProjectId
    status: KeyStatus
    data_key: bytes
    secret: bytes

    @property
    def about(self) -> str:
        return about(self.workspace_id, self.project_id, self.status.provider)


def about(workspace_id: WorkspaceId, project_id: ProjectId, provider: str) -> str:
    """What a sealed key is the key of. A key that is moved to another row cannot be opened there."""
    return f"model-key {workspace_id} {project_id} {provider}"


class ProjectKeys(Protocol):
    async def put(self, key: StoredKey) -> None:
        """In place of one that is there."""
        ...

    async def find(self, workspace_id: WorkspaceId, project_id: ProjectId, provider: str) -> StoredKey | None: ...

    async def of_project(self, workspace_id: WorkspaceId, project_id: ProjectId) -> Sequence[KeyStatus]: ...

    async def remove(self, workspace_id: WorkspaceId, project_id: ProjectId, provider: str) -> bool:
        """Whether there was one."""
        ...

    async def used(self, key: StoredKey) -> None:
        """Note that it was used now; not more often than once a minute."""
        ...

    async def not_sealed_by(self, version: int, limit: int) -> Sequence[StoredKey]: ...

    async def reseal(self, key: StoredKey, version: int, data_key: bytes) -> None:
        """Only while the row is still the one that was read."""
        ...
