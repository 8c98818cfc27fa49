"""Migrations: one history for both databases, run by the service itself at its start."""

import importlib.resources
from collections.abc import Callable
from typing import Any

from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect

from orchestra.chassis.database.engine import Dialect
from orchestra.chassis.database.unit_of_work import Database, UnitOfWork
from orchestra.chassis.errors import Permanent
from orchestra.chassis.telemetry.logging import logger

log = logger("migrations")


class ForeignSchema(Permanent):
    """The database holds something that this service's history does not know and that is not newer than it."""


def script_directory(package: str) -> ScriptDirectory:
    """The history in `<package>/versions`: one line, numbered 0001 and up."""
    return ScriptDirectory(str(importlib.resources.files(package)))


def revisions(package: str) -> list[str]:
    """The numbers of the history, the oldest first."""
    return [script.revision for script in reversed(list(script_directory(package).walk_revisions()))]


def run(connection: Connection, dialect: Dialect, package: str, *, to: str = "head") -> None:
    """Bring the database to a revision, up or down, in one transaction.

    A database that is newer than this history is left as it is: migrations only add, so an older replica goes on
    working beside newer ones, and may start again. Raises ForeignSchema for what cannot be a later version.
    """
    script = script_directory(package)
    dialect.hold_for_migration(connection)
    known = revisions(package)

    def steps(current: Any, context: Any) -> Any:
        del context
        if to == "head" and _is_newer(current, known):
            log.warning("the schema is newer than this version", schema=current[0], known=known[-1], package=package)
            return []
        down = to == "base" or (to != "head" and bool(current) and max(current) > to)
        # What alembic's own commands call; it offers no public name for it.
        moves = script._downgrade_revs if down else script._upgrade_revs  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
        return moves(to, current)

    with EnvironmentContext(Config(), script, fn=steps) as environment:
        environment.configure(connection=connection, transactional_ddl=True, render_as_batch=True)
        environment.run_migrations()
    dialect.check_migrated(connection)


def plain_tables(connection: Connection) -> set[str]:
    """The tables that hold rows of somebody's, without those that a full-text search keeps for itself."""
    if connection.dialect.name == "sqlite":
        special = {row[1] for row in connection.exec_driver_sql("PRAGMA table_list") if row[2] != "table"}
        return set(inspect(connection).get_table_names()) - special
    return set(inspect(connection).get_table_names())


def in_metadata(connection: Connection) -> Callable[..., bool]:
    """`include_object` of alembic's comparisons: leaves out what a migration makes by hand for searching, since no
    metadata can say it for both databases: tables that are not plain, generated columns and their indexes."""
    plain = plain_tables(connection)

    def include(item: Any, name: str | None, kind: str, reflected: bool, compare_to: Any) -> bool:
        if not reflected or compare_to is not None:
            return True
        if kind == "table":
            return name in plain
        columns = [item] if kind == "column" else list(item.columns) if kind == "index" else []
        return not any(column.computed is not None for column in columns)

    return include


def _is_newer(current: tuple[str, ...], known: list[str]) -> bool:
    unknown = sorted(set(current) - set(known))
    if any(not number.isdigit() or number < known[-1] for number in unknown):
        raise ForeignSchema(f"the schema is at {', '.join(unknown)}, which is no version of this service")
    return bool(unknown)


async def migrate(database: Database[UnitOfWork], package: str, *, to: str = "head") -> None:
    """Migrate the service's own database. Raises Unavailable when it does not answer."""
    patient = Database(database.url, database.service, UnitOfWork, pool_size=1, purpose="migration")
    try:
        async with patient.begin() as work:
            await work.connection.run_sync(lambda connection: run(connection, database.dialect, package, to=to))
    finally:
        await patient.close()
