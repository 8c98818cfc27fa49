"""Which workspace knows which content, in the database."""

from collections.abc import Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING

from sqlalchemy import select

from orchestra.contracts.ids import Sha256, WorkspaceId
from orchestra.executor.adapters.tables import ARTIFACT

if TYPE_CHECKING:
    from orchestra.executor.adapters.work import ExecutorWork

AT_ONCE = 1000
"""Contents asked for in one statement; both databases bound the values of one."""


class SqlArtifactRegister:
    def __init__(self, work: "ExecutorWork") -> None:
        self._work = work

    async def add(self, known: Mapping[tuple[WorkspaceId, Sha256], int]) -> None:
        # In one order, so that two writers of the same contents wait for each other and do not deadlock.
        rows = [
            {"workspace_id": workspace_id, "sha256": sha256, "size": size, "at": self._work.now}
            for (workspace_id, sha256), size in sorted(known.items())
        ]
        await self._work.connection.execute(self._work.dialect.insert(ARTIFACT).on_conflict_do_nothing(), rows)

    async def size_of(self, workspace_id: WorkspaceId, sha256: Sha256) -> int | None:
        query = select(ARTIFACT.c.size).where(ARTIFACT.c.workspace_id == workspace_id, ARTIFACT.c.sha256 == sha256)
        return (await self._work.connection.execute(query)).scalar_one_or_none()

    async def known(self, contents: Sequence[tuple[WorkspaceId, Sha256]]) -> set[tuple[WorkspaceId, Sha256]]:
        wanted, found = set(contents), set[tuple[WorkspaceId, Sha256]]()
        hashes = iter(sorted({sha256 for _, sha256 in wanted}))
        while chunk := list(islice(hashes, AT_ONCE)):
            query = select(ARTIFACT.c.workspace_id, ARTIFACT.c.sha256).where(ARTIFACT.c.sha256.in_(chunk))
            found |= {(row.workspace_id, row.sha256) for row in await self._work.connection.execute(query)}
        return wanted & found
