"""Write the next migration of a service: what its tables have and its history does not.

usage: python tools/migration.py SERVICE "what changes"
"""

import importlib
import subprocess
import sys
from pathlib import Path
from typing import Any

from alembic.autogenerate import produce_migrations, render_python_code
from alembic.migration import MigrationContext
from sqlalchemy import create_engine

from orchestra.chassis.database import types
from orchestra.chassis.database.engine import SqliteDialect
from orchestra.chassis.database.migrations import run, script_directory

TEMPLATE = '''"""{message}"""

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


def main(service: str, message: str) -> None:
    tables = importlib.import_module(f"orchestra.{service}.adapters.tables")
    package = f"orchestra.{service}.migrations"
    versions = Path(importlib.import_module(package).__path__[0]) / "versions"
    versions.mkdir(exist_ok=True)
    head = script_directory(package).get_current_head()
    with create_engine("sqlite://").connect() as connection:
        run(connection, SqliteDialect(), package)
        context = MigrationContext.configure(connection)
        script = produce_migrations(context, tables.metadata)
    options = {"render_item": render_item, "sqlalchemy_module_prefix": "sa.", "alembic_module_prefix": "op."}
    revision = f"{len(list(versions.glob('*.py'))) + 1:04d}"
    path = versions / f"{revision}_{'_'.join(message.lower().split())}.py"
    up, down = (
        "\n".join(line for line in render_python_code(ops, **options).splitlines() if not line.strip().startswith("#"))
        for ops in (script.upgrade_ops, script.downgrade_ops)
    )
    path.write_text(
        TEMPLATE.format(message=message, revision=revision, down=head, upgrade=up.strip(), downgrade=down.strip())
    )
    subprocess.run(["ruff", "format", "--quiet", path], check=True)
    print(path)


if __name__ == "__main__":
    main(*sys.argv[1:])
