"""Migrations: one history for both databases, run by the service itself at its start."""

import importlib.resources
from typing import Any

from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from orchestra.chassis.database.engine import Dialect
from orchestra.chassis.database.unit_of_work import Database, UnitOfWork


def script_directory(package: str) -> ScriptDirectory:
    """The history in `<package>/versions`."""
    return ScriptDirectory(str(importlib.resources.files(package)))


def run(connection: Connection, dialect: Dialect, package: str, *, to: str = "head") -> None:
    """Bring the database to a revision, up or down, in one transaction."""
    script = script_directory(package)
    dialect.hold_for_migration(connection)

    def steps(revision: Any, context: Any) -> Any:
        del context
        downgrade = to == "base"
        # What alembic's own commands call; it offers no public name for it.
        revisions = script._downgrade_revs if downgrade else script._upgrade_revs  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
        return revisions(to, revision)

    with EnvironmentContext(Config(), script, fn=steps) as environment:
        environment.configure(connection=connection, transactional_ddl=True, render_as_batch=True)
        environment.run_migrations()


async def migrate(database: Database[UnitOfWork], package: str, *, to: str = "head") -> None:
    """Migrate the service's own database. Raises Unavailable when it does not answer."""
    async with database.begin() as work:
        await work.connection.run_sync(lambda connection: run(connection, database.dialect, package, to=to))
