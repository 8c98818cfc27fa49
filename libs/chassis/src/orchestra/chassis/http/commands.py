"""Commands: one transaction each, and one effect for each Idempotency-Key.

The key, scoped by workspace and route, is claimed as the first statement of the effect's own transaction and its
answer is stored in it. So a repetition finds the stored answer, one that runs at the same time waits for it, and what
was refused or undone leaves no key behind.
"""

import hashlib
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Annotated, Any

from fastapi import Depends, Request, Response
from sqlalchemy import delete, select, update

from orchestra.chassis.database.tables import IDEMPOTENCY
from orchestra.chassis.database.unit_of_work import Database, UnitOfWork
from orchestra.chassis.http.etags import etag_of_text
from orchestra.chassis.http.identity import Caller, CurrentCaller
from orchestra.chassis.http.problems import Problem
from orchestra.chassis.messaging.message import plain


class Command:
    """One command of one caller."""

    def __init__(self, request: Request, caller: Caller) -> None:
        self._request = request
        self.caller = caller
        self._database: Database[Any] = request.app.state.database

    async def run(
        self,
        effect: Callable[[Any], Awaitable[Any]],
        *,
        status: int = 200,
        location: Callable[[Any], str] | None = None,
        tagged: bool = False,
    ) -> Response:
        """Do the effect in one transaction and answer with what it returns, or with the answer stored for its key.

        `tagged`: the answer is what a GET of the changed thing would be, and carries its ETag.
        """
        key = self._header()
        async with self._database.begin() as work:
            work.by = self.caller.subject
            if key is not None and (stored := await self._claim(work, key)) is not None:
                return _tagged(stored) if tagged else stored
            answer = await effect(work)
            body = plain(answer) if status != 204 else ""
            headers = {"Location": location(answer)} if location else {}
            if key is not None:
                await self._store(work, key, status, body, headers)
        answer = Response(body, status, headers, "application/json")
        return _tagged(answer) if tagged else answer

    async def answered(self) -> Response | None:
        """What is stored for its key, for an endpoint that would ask others before its effect: they may be away now."""
        key = self._header()
        if key is None:
            return None
        async with self._database.read() as view:
            row = (await view.connection.execute(select(IDEMPOTENCY).where(*self._key(key)))).first()
        return self._replay(row, await self._fingerprint()) if row is not None else None

    def _header(self) -> str | None:
        key = self._request.headers.get("idempotency-key")
        if key is not None and not 1 <= len(key) <= 255:
            raise Problem(422, "invalid-idempotency-key", "an Idempotency-Key has 1 to 255 characters")
        return key

    async def _fingerprint(self) -> str:
        return hashlib.sha256(await self._request.body()).hexdigest()

    def _key(self, key: str) -> tuple[Any, Any, Any]:
        route = f"{self._request.method} {self._request.url.path}"[:200]
        columns = IDEMPOTENCY.c
        return (columns.workspace_id == self.caller.workspace_id, columns.route == route, columns.key == key)

    async def _claim(self, work: UnitOfWork, key: str) -> Response | None:
        fingerprint = await self._fingerprint()
        inserted = await work.connection.execute(
            work.dialect.insert(IDEMPOTENCY)
            .values(
                workspace_id=self.caller.workspace_id,
                route=f"{self._request.method} {self._request.url.path}"[:200],
                key=key,
                fingerprint=fingerprint,
                at=work.now,
            )
            .on_conflict_do_nothing()
            .returning(IDEMPOTENCY.c.key)
        )
        if inserted.first() is not None:
            return None
        row = (await work.connection.execute(select(IDEMPOTENCY).where(*self._key(key)))).one()
        return self._replay(row, fingerprint)

    def _replay(self, row: Any, fingerprint: str) -> Response:
        if row.fingerprint != fingerprint:
            raise Problem(422, "idempotency-key-reused", "this Idempotency-Key came with another body before")
        headers = {"Idempotent-Replayed": "true"}
        if row.headers:
            headers["Location"] = row.headers
        return Response(row.body, row.status, headers, "application/json")

    async def _store(self, work: UnitOfWork, key: str, status: int, body: str, headers: dict[str, str]) -> None:
        await work.connection.execute(
            update(IDEMPOTENCY).where(*self._key(key)).values(status=status, body=body, headers=headers.get("Location"))
        )


def _tagged(answer: Response) -> Response:
    answer.headers["ETag"] = etag_of_text(bytes(answer.body).decode())
    return answer


def _command(request: Request, caller: CurrentCaller) -> Command:
    return Command(request, caller)


CurrentCommand = Annotated[Command, Depends(_command)]
"""The command, for an endpoint's signature."""


async def purge(work: UnitOfWork, window: timedelta) -> int:
    """Forget keys older than the window."""
    result = await work.connection.execute(delete(IDEMPOTENCY).where(IDEMPOTENCY.c.at < work.now - window))
    return result.rowcount
