"""Write the next migration of a service: what its tables have and its history does not.

usage: python -m tools.migration SERVICE "what changes"

`chassis` as the service writes the next step of the tables that every service has; the next migration of each service
then has to call it.
"""

import importlib
import subprocess
import sys
from pathlib import Path
from typing import Any

from alembic.autogenerate import produce_migrations, render_python_code
from alembic.migration import MigrationContext
from alembic.operations import Operations
from sqlalchemy import Connection, MetaData, create_engine

from orchestra.chassis.database import tables as chassis_tables
from orchestra.chassis.database import types
from orchestra.chassis.database.engine import SqliteDialect
from orchestra.chassis.database.migrations import in_metadata, run, script_directory

SERVICE = '''"""{message}"""

import sqlalchemy as sa
from alembic import op

from orchestra.chassis.database import types

revision = "{revision}"
down_revision = {down!r}
branch_labels = None
depends_on = None


def upgrade() -> None:
    {upgrade}


def downgrade() -> None:
    {downgrade}
'''

CHASSIS = '''"""{message}"""

import sqlalchemy as sa
from alembic import op

from orchestra.chassis.database import types


def upgrade() -> None:
    {upgrade}


def downgrade() -> None:
    {downgrade}
'''


def render_item(kind: str, item: Any, context: Any) -> str | bool:
    """Our own column types by their names, so that a migration means the same on both databases."""
    del context
    if kind == "type":
        if isinstance(item, types.Instant):
            return "types.Instant()"
        for name in ("Json", "Counter"):
            if repr(item) == repr(getattr(types, name)):
                return f"types.{name}"
    return False


def difference(connection: Connection, metadata: MetaData, left_out: set[str]) -> tuple[str, str]:
    """What upgrades the database to the metadata, and what undoes that."""

    known = in_metadata(connection)

    def include(item: Any, name: str | None, kind: str, reflected: bool, compare_to: Any) -> bool:
        return not (kind == "table" and name in left_out) and known(item, name, kind, reflected, compare_to)

    context = MigrationContext.configure(connection, opts={"include_object": include})
    script = produce_migrations(context, metadata)
    options = {"render_item": render_item, "sqlalchemy_module_prefix": "sa.", "alembic_module_prefix": "op."}
    up, down = (render_python_code(ops, **options) for ops in (script.upgrade_ops, script.downgrade_ops))
    return _bare(up), _bare(down)


def _bare(code: str) -> str:
    return "\n".join(line for line in code.splitlines() if not line.strip().startswith("#")).strip()


def write(path: Path, content: str) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(content)
    subprocess.run([sys.executable, "-m", "ruff", "format", "--quiet", path], check=True)
    subprocess.run([sys.executable, "-m", "ruff", "check", "--quiet", "--fix", path], check=True)
    print(path)


def main(service: str, message: str) -> None:
    with create_engine("sqlite://").connect() as connection:
        if service == "chassis":
            steps = Path(chassis_tables.__file__).parent / "steps"
            number = len(list(steps.glob("step_*.py"))) + 1
            metadata = MetaData()
            chassis_tables.add_chassis_tables(metadata)
            with Operations.context(MigrationContext.configure(connection)):
                for earlier in range(1, number):
                    importlib.import_module(f"orchestra.chassis.database.steps.step_{earlier:04d}").upgrade()
            up, down = difference(connection, metadata, set())
            write(steps / f"step_{number:04d}.py", CHASSIS.format(message=message, upgrade=up, downgrade=down))
            return
        package = f"orchestra.{service}.migrations"
        versions = Path(importlib.import_module(package).__path__[0]) / "versions"
        head = script_directory(package).get_current_head()
        run(connection, SqliteDialect(), package)
        metadata = importlib.import_module(f"orchestra.{service}.adapters.tables").metadata
        chassis = MetaData()
        chassis_tables.add_chassis_tables(chassis)
        up, down = difference(connection, metadata, set(chassis.tables))
    if head is None:
        up, down = f"step_0001.upgrade()\n    {up}", f"{down}\n    step_0001.downgrade()"
    revision = f"{len(list(versions.glob('*.py'))) + 1:04d}"
    content = SERVICE.format(message=message, revision=revision, down=head, upgrade=up, downgrade=down)
    if head is None:
        content = content.replace(
            "import types\n", "import types\nfrom orchestra.chassis.database.steps import step_0001\n"
        )
    path = versions / f"{revision}_{'_'.join(message.lower().split())}.py"
    write(path, content)


if __name__ == "__main__":
    main(*sys.argv[1:])
