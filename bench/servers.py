"""What a measurement owns on the real servers: databases and a virtual host with random names, gone afterwards.

The servers are those that `orchestra stack` would take. Virtual hosts are made by `rabbitmqctl`, or by the command in
ORCHESTRA_TEST_RABBITMQCTL.
"""

import asyncio
import os
import secrets
import shlex
import subprocess
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import asyncpg

from orchestra.cli.stack import POSTGRES, RABBITMQ, REDIS


@contextmanager
def own_servers() -> Generator[dict[str, str]]:
    """The environment of a measured program, on either side."""
    name = f"orchestra_bench_{secrets.token_hex(4)}"
    postgres = os.environ.get("ORCHESTRA_POSTGRES_URL", POSTGRES).replace("+asyncpg", "")
    rabbitmq = urlsplit(os.environ.get("ORCHESTRA_RABBITMQ_URL", RABBITMQ))._replace(path=f"/{name}").geturl()
    asyncio.run(_sql(postgres, f'CREATE DATABASE "{name}"'))
    _rabbitmqctl("add_vhost", name)
    _rabbitmqctl("set_permissions", "-p", name, urlsplit(rabbitmq).username or "guest", ".*", ".*", ".*")
    try:
        yield {
            "ORCHESTRA_POSTGRES_URL": postgres,
            "ORCHESTRA_RABBITMQ_URL": rabbitmq,
            "ORCHESTRA_DATABASE_PREFIX": name,
            "BENCH_POSTGRES": f"{postgres}/{name}",
            "BENCH_RABBITMQ": rabbitmq,
            "BENCH_REDIS": os.environ.get("ORCHESTRA_REDIS_URL", REDIS),
            "PYTHONPATH": str(Path(__file__).parent.parent),
        }
    finally:
        _rabbitmqctl("delete_vhost", name)
        ours = asyncio.run(_sql(postgres, "SELECT datname FROM pg_database WHERE starts_with(datname, $1)", name))
        for row in ours:
            asyncio.run(_sql(postgres, f'DROP DATABASE "{row[0]}" WITH (FORCE)'))


async def _sql(server: str, statement: str, *values: str) -> list[Any]:
    connection = await asyncpg.connect(f"{server}/postgres", timeout=10)
    try:
        return await connection.fetch(statement, *values)
    finally:
        await connection.close()


def _rabbitmqctl(*arguments: str) -> None:
    command = shlex.split(os.environ.get("ORCHESTRA_TEST_RABBITMQCTL", "rabbitmqctl"))
    subprocess.run([*command, "-q", *arguments], check=True, capture_output=True, timeout=60)
