"""Every event that was ever said, three times more and in no order: nothing moves."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aio_pika
from sqlalchemy import MetaData
from tests.faults.checker import Outline
from tests.faults.forms import LONGEST_S, seeded
from tests.system import SERVICES, System, eventually, service

from orchestra.chassis.database.tables import add_chassis_tables
from orchestra.contracts.catalog import BY_KIND
from orchestra.contracts.event import REGISTRY

TIMES = 3
MOST = 10_000
"""Events, of all that the tests before have come to."""


async def business(system: System) -> str:
    """All rows of all tables that are not the chassis' own, as text."""
    chassis = MetaData()
    add_chassis_tables(chassis)
    own = {
        f"{name}.{table}": [dict(row) for row in await system.rows(name, table)]
        for name in SERVICES
        for table in sorted(service(name).metadata.tables.keys() - chassis.tables.keys())
    }
    return json.dumps(own, default=str, sort_keys=True, indent=1)


async def counted(system: System) -> dict[tuple[str, str], int]:
    """What would grow if anything were said, retried or given up."""
    tables = ("outbox", "inbox", "retry", "dead_letter")
    return {(name, table): len(await system.rows(name, table)) for name in SERVICES for table in tables}


def recognised(system: System) -> int:
    """How many events the services found to be known already, by their canonical lines."""
    lines = (line for program in system.programs.values() for line in program.log.read_text().splitlines())
    return sum(json.loads(line)["duplicates"] for line in lines if '"event": "delivery"' in line)


@asynccontextmanager
async def exchanges(system: System) -> AsyncIterator[dict[bool, Any]]:
    """The exchange of single events, and that of packed ones (True)."""
    async with await aio_pika.connect(system.programs["gateway"].environment["ORCHESTRA_RABBITMQ_URL"]) as connection:
        channel = await connection.channel()
        names = {False: "orchestra.events", True: "orchestra.packed"}
        yield {packed: await channel.get_exchange(name) for packed, name in names.items()}


async def test_events_delivered_three_times_and_shuffled_change_nothing(system: System, clean: Outline) -> None:
    chance = seeded()
    rows = [row for name in SERVICES for row in await system.rows(name, "outbox")]
    rows = chance.sample(rows, min(len(rows), MOST))
    wanted = TIMES * sum(len(BY_KIND[row["kind"]].consumers) for row in rows)
    print(f"{len(rows)} events are delivered {TIMES} times each, {wanted} deliveries in all")
    before, spoken, known = await business(system), await counted(system), recognised(system)
    again = rows * TIMES
    chance.shuffle(again)

    async with exchanges(system) as by_packing:
        for row in again:
            message = aio_pika.Message(row["body"].encode(), delivery_mode=aio_pika.DeliveryMode.PERSISTENT)
            await by_packing[REGISTRY[row["kind"]].packed].publish(message, routing_key=row["kind"])

    async def all_came() -> bool:
        return recognised(system) - known >= wanted

    await eventually(all_came, LONGEST_S)
    assert await business(system) == before
    assert await counted(system) == spoken
