"""The servers of tools that a project can reach: its own, then the operator's."""

from orchestra.chassis.database.unit_of_work import Database
from orchestra.contracts.ids import ProjectId, WorkspaceId
from orchestra.executor.adapters.agents.servers.access import Access
from orchestra.executor.adapters.agents.servers.servers_file import Declared
from orchestra.executor.adapters.models.vault import CannotOpen, Vault
from orchestra.executor.adapters.work import ExecutorWork

RESEALED = 100
"""Tokens at a time."""


class KnownServers:
    def __init__(self, database: Database[ExecutorWork], declared: Declared, vault: Vault | None) -> None:
        self._database = database
        self._declared = declared
        self._vault = vault

    async def access(self, workspace_id: WorkspaceId, project_id: ProjectId, name: str) -> Access | None:
        """None where nobody is called so. Raises CannotOpen."""
        async with self._database.read() as view:
            stored = await view.tool_servers.find(workspace_id, project_id, name)
        if stored is None:
            return self._declared.servers.get(name)
        token = None
        if stored.token is not None:
            if self._vault is None:
                raise CannotOpen("there is no master key to open its token with")
            token = self._vault.open(stored.token, stored.about)
        async with self._database.begin() as work:
            await work.tool_servers.used(stored)
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        return Access(name, url=stored.status.url, headers=headers, tenants=True)

    async def reseal(self) -> bool:
        """Seal some tokens of older master keys by the newest; true while there may be more. Raises CannotOpen."""
        vault = self._vault
        if vault is None:
            return False
        async with self._database.begin() as work:
            old = await work.tool_servers.not_sealed_by(vault.version, RESEALED)
            for stored in old:
                if stored.token is not None:
                    await work.tool_servers.reseal(stored, vault.rewrap(stored.token, stored.about))
        return len(old) == RESEALED
