"""Queries: a read-only view of the database for an endpoint, and pages of a list."""

from collections.abc import AsyncIterator, Sequence
from typing import Annotated, Any, Generic, TypeVar

from fastapi import Depends, Query, Request
from itsdangerous import BadSignature, URLSafeSerializer
from pydantic import BaseModel

from orchestra.chassis.database.unit_of_work import Database
from orchestra.chassis.http.problems import Problem

T = TypeVar("T")


async def _view(request: Request) -> AsyncIterator[Any]:
    database: Database[Any] = request.app.state.database
    async with database.read() as view:
        yield view


CurrentView = Annotated[Any, Depends(_view)]
"""The service's unit of work over a read-only view, for an endpoint's signature."""


class Page(BaseModel, Generic[T]):
    """Part of a list, never silently cut: `next_cursor` is there as long as more follows."""

    data: list[T]
    next_cursor: str | None = None


class Cursor:
    """Where a page begins: opaque and signed, so that nobody builds on what is in it."""

    def __init__(
        self,
        limit: Annotated[int, Query(ge=1, le=500)] = 100,
        cursor: Annotated[str | None, Query(max_length=500)] = None,
    ) -> None:
        self.limit = limit
        self.after: str | None = None
        """The key of the last item of the page before."""
        if cursor is not None:
            try:
                self.after = str(_serializer.loads(cursor))
            except BadSignature as error:
                raise Problem(422, "invalid-cursor", "this cursor was not made here") from error

    def page(self, items: Sequence[T], key: str) -> Page[T]:
        """A page out of up to `limit + 1` items; `key` names the field that the list is ordered by."""
        shown = list(items[: self.limit])
        more = len(items) > self.limit
        return Page(data=shown, next_cursor=str(_serializer.dumps(getattr(shown[-1], key))) if more else None)


_serializer = URLSafeSerializer("orchestra", salt="cursor")
# A fixed key: the signature keeps a cursor from being built by hand, it guards nothing secret.

CurrentCursor = Annotated[Cursor, Depends(Cursor)]
