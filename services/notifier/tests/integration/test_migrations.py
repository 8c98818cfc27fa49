"""The history of the notifier's database."""

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from services.notifier.tests.harness import Notifier
from sqlalchemy import Connection

from orchestra.notifier.adapters.tables import metadata


async def test_the_history_makes_the_tables_that_the_code_knows(notifier: Notifier) -> None:
    def differences(connection: Connection) -> list[object]:
        return compare_metadata(MigrationContext.configure(connection), metadata)

    async with notifier.running.database.read() as view:
        assert await view.connection.run_sync(differences) == []
