"""Traps of queues and exchanges, on a real broker; numbered as in tests/transports/test_rabbit.py.

Without a test of their own: 4 (a consumer's time-out of 30 minutes: no delivery lasts longer than a transaction, whose
statements end after 30 s) and 18 (counters of quorum queues lag: tests poll them, none asserts one at once).
"""

from pathlib import Path

import aio_pika
import pytest
from tests.architecture.tree import ROOT
from tests.servers import RabbitMQ
from tests.transports.conftest import BINDINGS, Line, approved, line_on

from orchestra.chassis.errors import Unavailable
from orchestra.chassis.messaging.rabbit import topology


async def test_10_an_exchange_that_is_gone_costs_no_event_and_no_consumer(virtual_host: str, tmp_path: Path) -> None:
    async with line_on("rabbit", virtual_host, tmp_path) as line:
        async with await aio_pika.connect(virtual_host) as connection:
            await (await connection.channel()).exchange_delete(topology.EVENTS.name)
        await line.say(approved("p1"))
        assert len(await line.unsent()) == 1
        assert await line.ends[1].checks()["broker"]() is None  # another connection: it has not lost its channel

        for end in line.ends:  # each start declares everything
            await end.stop()
            await end.start()

        async def heard() -> bool:
            await line.relay()
            return "p1" in await line.heard()

        await line.until(heard)


async def test_13_and_16_every_queue_keeps_what_it_gives_up_and_gives_up_at_last(
    rabbitmq: RabbitMQ, rabbit_line: Line
) -> None:
    listed = await rabbitmq.ctl("list_queues", "-p", rabbit_line.url.rpartition("/")[2], "name", "arguments")
    queues = dict(line.split("\t", 1) for line in listed.splitlines())

    assert {topology.queue(service, kind).name for service, kinds in BINDINGS.items() for kind in kinds} < set(queues)
    for name in queues.keys() - {"name", topology.dead_queue("hearer").name}:  # a headline, and the end of the road
        for wanted in ("x-dead-letter-exchange", "at-least-once", "reject-publish", "x-delivery-limit"):
            assert wanted in queues[name], name


async def test_15_a_queue_with_other_arguments_is_told_at_the_start(virtual_host: str, tmp_path: Path) -> None:
    async with await aio_pika.connect(virtual_host) as connection:
        await (await connection.channel()).declare_queue(
            topology.queue("hearer", "plan.approved.v1").name, durable=True
        )

    with pytest.raises(Unavailable, match="PRECONDITION_FAILED"):
        async with line_on("rabbit", virtual_host, tmp_path):
            pass


def test_17_nothing_that_is_claimed_of_the_broker_is_tried_on_a_stand_in() -> None:
    stand_in = "TestRabbit" + "Broker"
    sources = [
        path for folder in ("tests", "libs", "services", "embedded", "cli") for path in (ROOT / folder).rglob("*.py")
    ]

    assert [path for path in sources if stand_in in path.read_text()] == []
