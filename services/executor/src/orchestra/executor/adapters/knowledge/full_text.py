"""Searching by words, as each database does it: one keeps them in a column that follows the row, the other in a table
beside it, which is written here in the same transaction.

A query is words of letters and digits, each in quotes, so that no text of anybody's is taken for its language.
"""

from collections.abc import Sequence
from typing import Any, Protocol

from sqlalchemy import ColumnElement, FromClause, column, func, literal, literal_column, table, text
from sqlalchemy.ext.asyncio import AsyncConnection

from orchestra.chassis.database.engine import Dialect
from orchestra.executor.adapters.knowledge.tables import FINDING

Searched = tuple[FromClause, ColumnElement[bool], ColumnElement[Any]]
"""What to select from, what a row has to fulfil, and what orders the best first."""


class FullText(Protocol):
    def any_of(self, words: Sequence[str]) -> Searched: ...

    async def put(self, connection: AsyncConnection, rows: Sequence[tuple[int, str]]) -> None:
        """Positions with their words."""
        ...

    async def drop(self, connection: AsyncConnection, position: int) -> None: ...


def full_text(dialect: Dialect) -> FullText:
    return _InTable() if dialect.single_writer else _InColumn()


def _query(words: Sequence[str]) -> str:
    """Both languages say it so."""
    return " OR ".join(f'"{word}"' for word in words)


class _InColumn:
    def any_of(self, words: Sequence[str]) -> Searched:
        searched: ColumnElement[Any] = literal_column("finding.searched")
        query = func.websearch_to_tsquery(literal_column("'simple'"), _query(words))
        # 1: what is long is worth less.
        return FINDING, searched.bool_op("@@")(query), func.ts_rank(searched, query, literal_column("1")).desc()

    async def put(self, connection: AsyncConnection, rows: Sequence[tuple[int, str]]) -> None:
        """The column is generated."""

    async def drop(self, connection: AsyncConnection, position: int) -> None:
        """The same."""


_TEXT = table("finding_text", column("rowid"), column("finding_text"), column("rank"))
"""Its hidden columns: one called like the table that a query is matched with, and how well it does."""


class _InTable:
    def any_of(self, words: Sequence[str]) -> Searched:
        source = FINDING.join(_TEXT, _TEXT.c.rowid == FINDING.c.position)
        return source, _TEXT.c.finding_text.bool_op("MATCH")(literal(_query(words))), _TEXT.c.rank

    async def put(self, connection: AsyncConnection, rows: Sequence[tuple[int, str]]) -> None:
        values = [{"position": position, "words": words} for position, words in rows]
        await connection.execute(text("INSERT INTO finding_text (rowid, words) VALUES (:position, :words)"), values)

    async def drop(self, connection: AsyncConnection, position: int) -> None:
        await connection.execute(text("DELETE FROM finding_text WHERE rowid = :position"), {"position": position})
