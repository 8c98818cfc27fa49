"""The key that a caller's request goes out with: the project's own, else the house's."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field

from orchestra.chassis.database.unit_of_work import Database
from orchestra.contracts.ids import ProjectId, WorkspaceId
from orchestra.executor.adapters.models.environment import house_key
from orchestra.executor.adapters.models.vault import Vault
from orchestra.executor.adapters.work import ExecutorWork
from orchestra.executor.application.models.keys import Sealed, StoredKey
from orchestra.executor.domain.models.provider import Provider

RESEALED = 100
"""Keys at a time."""


@dataclass(frozen=True)
class Access:
    """How a provider is asked. Nothing of it is shown where it is printed."""

    key: str | None = field(default=None, repr=False)
    url: str | None = None
    """Chosen by a tenant: judged before anything is sent there."""


class Keys:
    def __init__(
        self, database: Database[ExecutorWork], vault: Vault | None, environment: Mapping[str, str] = os.environ
    ) -> None:
        self._database = database
        self._vault = vault
        self._environment = environment

    def house(self, provider: Provider) -> Access | None:
        """None where the house has no key for a provider that asks for one."""
        key = house_key(provider, self._environment)
        return None if provider.needs_key and key is None else Access(key)

    async def access(
        self, workspace_id: WorkspaceId, project_id: ProjectId | None, provider: Provider
    ) -> Access | None:
        """None where there is no key. Raises CannotOpen."""
        own = await self._own(workspace_id, project_id, provider.name) if project_id is not None else None
        return own or self.house(provider)

    async def _own(self, workspace_id: WorkspaceId, project_id: ProjectId, provider: str) -> Access | None:
        if self._vault is None:
            return None
        async with self._database.read() as view:
            stored = await view.project_keys.find(workspace_id, project_id, provider)
        if stored is None:
            return None
        access = Access(self._vault.open(_sealed(stored), stored.about), stored.status.url)
        async with self._database.begin() as work:
            await work.project_keys.used(stored)
        return access

    async def reseal(self) -> bool:
        """Seal some keys of older master keys by the newest; true while there may be more. Raises CannotOpen."""
        vault = self._vault
        if vault is None:
            return False
        async with self._database.begin() as work:
            old = await work.project_keys.not_sealed_by(vault.version, RESEALED)
            for stored in old:
                sealed = vault.rewrap(_sealed(stored), stored.about)
                await work.project_keys.reseal(stored, sealed.version, sealed.data_key)
        return len(old) == RESEALED


def _sealed(stored: StoredKey) -> Sealed:
    return Sealed(stored.status.key_version, stored.data_key, stored.secret)
