"""The manifest: what the planner listens to and how its database is made."""

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from services.planner.tests.integration.harness import Planner, opened
from sqlalchemy import Connection, inspect

from orchestra.chassis.database.migrations import migrate
from orchestra.contracts import catalog
from orchestra.planner.service import service


def test_the_planner_listens_to_what_the_catalog_says() -> None:
    wanted = {entry.event.kind for entry in catalog.consumed_by("planner")}

    assert set(service.subscriptions.kinds()) == wanted


async def test_the_migrations_make_exactly_the_tables(url: str) -> None:
    def differences(connection: Connection) -> list[object]:
        return compare_metadata(MigrationContext.configure(connection), service.metadata)

    async with opened(url) as database, database.begin() as work:
        assert await work.connection.run_sync(differences) == []


async def test_the_migrations_can_be_taken_back(url: str) -> None:
    async with opened(url) as database:
        await migrate(database, service.migrations, to="base")
        async with database.begin() as work:
            left = await work.connection.run_sync(lambda connection: inspect(connection).get_table_names())

    assert left == ["alembic_version"]


async def test_the_planner_is_ready(planner: Planner) -> None:
    ready = await planner.call("GET", "/readyz")

    assert (ready.status_code, ready.json()["ready"]) == (200, True)
