"""Which words may stand in which room. Comments and docstrings are free; code is not."""

import fnmatch
import re
from pathlib import Path

import pytest
from tests.architecture.tree import code, dotted, modules

BROKER = (
    r"\b(aio_?pika|aiormq|faststream|pamqp|pika|rabbit(mq)?|amqps?|basic_(ack|nack|publish|qos)|prefetch\w*|quorum"
    r"|x-(dead-letter|queue-type|delivery-limit|message-ttl)[\w-]*)\b"
)
DIALECT = (
    r"postgres(ql)?(?!_where)\b|\bsqlite3?(?!_where)\b|\bpsycopg|asyncpg|aiosqlite"
    r"|skip locked|pragma |begin immediate|on conflict"
)
"""`postgresql_where` and `sqlite_where` are how a partial index is spelt: both stand side by side in a table."""

ROOMS = {
    BROKER: (
        "orchestra.chassis.messaging.rabbit*",
        "orchestra.chassis.runtime",  # chooses the transport
        "orchestra.*.settings",  # the names, patterns and defaults of the servers' addresses
        "orchestra.cli.stack",  # chooses the servers of what it starts
    ),
    DIALECT: (
        "orchestra.chassis.database.engine",
        "orchestra.chassis.database.faults",  # what each driver raises
        "orchestra.chassis.database.inline_sqlite",
        "orchestra.chassis.database.types",
        "orchestra.chassis.messaging.in_process",
        "orchestra.chassis.messaging.rabbit*",
        "orchestra.*.adapters.hot_*",
        "orchestra.*.migrations*",
        "orchestra.*.settings",
        "orchestra.cli.stack",
        "orchestra.embedded.host",  # the same for one process
    ),
}

CLOCK = r"\.(now|utcnow|today|fromtimestamp)\("


def outside(module: str, source: str) -> list[str]:
    """The words in this module that belong to another room."""
    return [
        found.group().strip()
        for words, rooms in ROOMS.items()
        if not any(fnmatch.fnmatchcase(module, room) for room in rooms)
        for found in re.finditer(words, code(source), re.IGNORECASE)
    ]


@pytest.mark.parametrize("path", modules(), ids=dotted)
def test_words_of_brokers_and_dialects_stay_in_their_rooms(path: Path) -> None:
    assert outside(dotted(path), path.read_text()) == []


@pytest.mark.parametrize(
    "source",
    [
        "import aio_pika",
        "from faststream.rabbit import RabbitBroker",
        "queue = 'amqp://localhost'",
        "arguments = {'x-queue-type': 'quorum'}",
        "from sqlalchemy.dialects import sqlite",
        "URL = 'postgresql+asyncpg://localhost'",
        "query = text('SELECT id FROM task FOR UPDATE SKIP LOCKED')",
    ],
)
def test_a_word_outside_its_room_is_found(source: str) -> None:
    assert outside("orchestra.planner.adapters.plans", source)


def test_a_docstring_may_say_why_a_dialect_matters() -> None:
    source = '"""SQLite has one writer."""\nx = 1  # and PostgreSQL many'

    assert outside("orchestra.planner.adapters.plans", source) == []


@pytest.mark.parametrize("path", [path for path in modules() if ".domain" in dotted(path)], ids=dotted)
def test_a_domain_is_told_the_time(path: Path) -> None:
    assert re.findall(CLOCK, code(path.read_text())) == []


def test_a_clock_in_a_domain_is_found() -> None:
    assert re.findall(CLOCK, code("from datetime import datetime\nnow = datetime.now()"))
