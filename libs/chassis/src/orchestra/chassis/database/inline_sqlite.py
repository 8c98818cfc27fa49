"""SQLite in the thread that asks.

A statement of this database takes some ten microseconds, and handing it to a thread and back ten times that. So a
connection of the embedded host does its work at once and gives the event loop its turn between statements, not within.
Who waits for a lock of the file would hold up everybody: within a process writers queue before they begin.

The shape is that of aiosqlite, as far as SQLAlchemy's adapter for it asks.
"""

import sqlite3
from collections.abc import Sequence
from typing import Any


class InlineCursor:
    def __init__(self, cursor: sqlite3.Cursor) -> None:
        self._cursor = cursor
        self.arraysize = cursor.arraysize

    async def __aenter__(self) -> "InlineCursor":
        return self

    @property
    def description(self) -> Any:
        return self._cursor.description

    @property
    def rowcount(self) -> int:
        return self._cursor.rowcount

    @property
    def lastrowid(self) -> int | None:
        return self._cursor.lastrowid

    async def execute(self, statement: str, parameters: Sequence[Any] = ()) -> None:
        self._cursor.execute(statement, parameters)

    async def executemany(self, statement: str, rows: Sequence[Sequence[Any]]) -> None:
        self._cursor.executemany(statement, rows)

    async def fetchall(self) -> list[Any]:
        return self._cursor.fetchall()

    async def close(self) -> None:
        self._cursor.close()


class InlineConnection:
    """The driver begins no transaction of its own: who uses it says BEGIN."""

    def __init__(self, path: str, **options: Any) -> None:
        options |= {"isolation_level": None, "check_same_thread": False}
        self._connection: sqlite3.Connection | None = sqlite3.connect(path, **options)

    def _open(self) -> sqlite3.Connection:
        if self._connection is None:
            raise ValueError("no active connection")
        return self._connection

    def cursor(self) -> InlineCursor:
        return InlineCursor(self._open().cursor())

    def fetch(self, statement: str, parameters: Sequence[Any]) -> list[Any]:
        """Execute it; what it returns, if anything."""
        return self._open().execute(statement, parameters).fetchall()

    def execute_many(self, statement: str, rows: Sequence[Sequence[Any]]) -> None:
        self._open().executemany(statement, rows)

    async def create_function(self, *args: Any, **kw: Any) -> None:
        self._open().create_function(*args, **kw)

    async def commit(self) -> None:
        self._open().commit()

    async def rollback(self) -> None:
        self._open().rollback()

    async def close(self) -> None:
        self.stop()

    def stop(self) -> None:
        """Close it, whatever it does."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None


async def connect(path: str, **options: Any) -> InlineConnection:
    """For `create_async_engine(…, connect_args={"async_creator_fn": connect})`."""
    return InlineConnection(path, **options)
