"""Traps of the broker and its clients, each closed, on a real broker; numbered as in the ADR on messaging."""

import asyncio
from pathlib import Path

import aio_pika
import pytest
from tests.private_servers import PrivateRabbitMQ, private_rabbitmq
from tests.servers import RabbitMQ
from tests.tcp_proxy import TcpProxy
from tests.transports.conftest import Line, approved, line_on

from orchestra.chassis.errors import Unavailable
from orchestra.chassis.loops import Loop
from orchestra.chassis.messaging.rabbit import publishing, topology
from orchestra.chassis.messaging.rabbit.transport import PREFETCH
from orchestra.chassis.messaging.relay import relay_once
from orchestra.chassis.messaging.subscriptions import Subscriptions
from orchestra.chassis.wakeups import LocalWakeups
from orchestra.contracts.event import Event


async def test_1_a_publish_cut_off_by_a_lost_heartbeat_does_not_end_the_relay(
    virtual_host: str, tmp_path: Path
) -> None:
    proxy = await TcpProxy.before(virtual_host)
    async with line_on("rabbit", proxy.url(virtual_host) + "?heartbeat=1", tmp_path) as line:
        relay = Loop("relay", lambda: relay_once(line.sayer, line.ends[0]), every=0.1)
        task = asyncio.create_task(relay.run(LocalWakeups()))
        await line.say(approved("before"), relay=False)
        await line.until_heard("before")
        proxy.swallow()
        await line.say(*(approved(f"p{n}") for n in range(10)), relay=False)
        await asyncio.sleep(6)  # three heartbeats and more: the client gives the connection up
        proxy.heal()
        proxy.cut()

        async def connected() -> bool:
            # What the runtime's transport loop does.
            for end in line.ends:
                if any([await check() for check in end.checks().values()]):
                    await end.stop()
                    try:
                        await end.start()
                    except Unavailable:
                        return False
            return True

        await line.until(connected, 40)
        await line.until_heard(*(f"p{n}" for n in range(10)))
        assert not task.done()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    await proxy.close()


async def test_2_a_broker_that_blocks_publishers_ends_the_attempt_and_keeps_the_events(tmp_path: Path) -> None:
    with private_rabbitmq() as broker:
        await _alarm(broker, tmp_path)


async def _alarm(broker: PrivateRabbitMQ, folder: Path) -> None:
    async with line_on("rabbit", broker.url, folder) as line:
        await broker.ctl("set_vm_memory_high_watermark", "absolute", "1")
        await asyncio.sleep(0.5)
        await line.say(approved("p1"), relay=False)
        async with asyncio.timeout(publishing.TIMEOUT + 5):
            assert await relay_once(line.sayer, line.ends[0]) is False
        assert len(await line.unsent()) == 1
        await broker.ctl("set_vm_memory_high_watermark", "0.4")

        async def heard() -> bool:
            await line.relay()
            return "p1" in await line.heard()

        await line.until(heard, 40)


async def test_3_a_lost_connection_cancels_no_transaction_and_the_repetition_does_nothing(
    rabbitmq: RabbitMQ, virtual_host: str, tmp_path: Path
) -> None:
    proxy = await TcpProxy.before(virtual_host)
    async with line_on("rabbit", proxy.url(virtual_host), tmp_path) as line:
        inside, go_on = asyncio.Event(), asyncio.Event()

        async def slow(event: Event) -> None:
            inside.set()
            await go_on.wait()

        line.ear.before = slow
        await line.say(approved("p1"))
        await asyncio.wait_for(inside.wait(), 10)
        proxy.cut()
        await asyncio.sleep(0.3)
        go_on.set()
        await line.until_heard("p1")

        async def drained() -> bool:
            return not await _messages(rabbitmq, virtual_host, topology.queue("hearer", "plan.approved.v1").name)

        await line.until(drained, 60)
        assert line.ear.calls == ["p1"]
        assert await line.dead() == {}
    await proxy.close()


async def test_5_what_cannot_be_decoded_is_a_dead_letter_and_is_not_dropped(rabbit_line: Line) -> None:
    await _publish_raw(rabbit_line.url, b"{not json", message_id="evt_broken")
    await rabbit_line.until(rabbit_line.dead)
    [(event_id, reason)] = (await rabbit_line.dead()).items()
    assert event_id == "evt_broken"
    assert "hearer.plan.approved.v1.q1" in reason


async def test_6_and_7_a_poison_event_is_delivered_once_and_not_in_a_loop(rabbit_line: Line) -> None:
    async def poison(event: Event) -> None:
        raise ValueError("never")

    rabbit_line.ear.before = poison
    await rabbit_line.say(approved("bad"))
    await rabbit_line.until(rabbit_line.dead)
    await asyncio.sleep(0.5)  # a hot loop would show within milliseconds
    assert rabbit_line.ear.calls == ["bad"]


async def test_9_an_event_that_no_queue_takes_stays_in_the_outbox(virtual_host: str, tmp_path: Path) -> None:
    async with line_on("rabbit", virtual_host, tmp_path) as line:
        name = topology.queue("hearer", "plan.approved.v1").name
        await line.ends[1].stop()
        connection = await aio_pika.connect(virtual_host)
        async with connection:
            channel = await connection.channel()
            await channel.queue_delete(name)
            await line.say(approved("p1"))
            assert len(await line.unsent()) == 1
        await line.ends[1].start()

        async def heard() -> bool:
            await line.relay()
            return "p1" in await line.heard()

        await line.until(heard)


async def test_11_no_more_is_taken_than_the_prefetch_allows(rabbit_line: Line) -> None:
    go_on = asyncio.Event()

    async def slow(event: Event) -> None:
        await go_on.wait()

    rabbit_line.ear.before = slow
    await rabbit_line.say(*(approved(f"p{n}") for n in range(300)))
    await asyncio.sleep(1.0)
    collector = next(c for c in rabbit_line.ends[1]._collectors if c._subscription.event.kind == "plan.approved.v1")
    assert len(collector._pending) < PREFETCH
    go_on.set()
    await rabbit_line.until_heard(*(f"p{n}" for n in range(300)))


async def test_12_messages_are_persistent_with_the_event_in_their_headers(rabbit_line: Line) -> None:
    connection = await aio_pika.connect(rabbit_line.url)
    async with connection:
        channel = await connection.channel()
        queue = await channel.declare_queue("outside", exclusive=True)
        await queue.bind("orchestra.events", routing_key="#")
        await rabbit_line.say(approved("p1"))
        message = await queue.get(timeout=5)
        assert message.delivery_mode == aio_pika.DeliveryMode.PERSISTENT
        assert message.headers["cloudEvents:type"] == "orchestra.plan.approved.v1"
        assert message.headers["cloudEvents:id"] == message.message_id
        assert message.content_type == "application/cloudevents+json"
        await message.ack()


async def test_14_a_message_that_comes_twice_counts_once(rabbit_line: Line) -> None:
    await rabbit_line.say(approved("p1"))
    await rabbit_line.until_heard("p1")
    async with rabbit_line.sayer.read() as view:
        body = (await view.connection.exec_driver_sql("SELECT body FROM outbox")).scalar_one()
    for _ in range(5):
        await _publish_raw(rabbit_line.url, body.encode(), message_id="again")
    await rabbit_line.say(approved("p2"))
    await rabbit_line.until_heard("p2")
    assert rabbit_line.ear.calls == ["p1", "p2"]


async def test_a_subscriber_without_its_queue_is_not_ready_and_heals(rabbit_line: Line) -> None:
    check = rabbit_line.ends[1].checks()["broker"]

    async def ready() -> bool:
        return await check() is None

    await rabbit_line.until(ready)
    connection = await aio_pika.connect(rabbit_line.url)
    async with connection:
        channel = await connection.channel()
        await channel.queue_delete(topology.queue("hearer", "plan.approved.v1").name)
    reason = await check()
    assert reason is not None
    await rabbit_line.ends[1].stop()
    await rabbit_line.ends[1].start()
    await rabbit_line.until(ready)
    await rabbit_line.say(approved("p1"))
    await rabbit_line.until_heard("p1")


@pytest.mark.parametrize("service", ["hearer"])
async def test_every_queue_is_declared_by_whoever_starts_first(virtual_host: str, tmp_path: Path, service: str) -> None:
    """An event whose consumer has never run waits for it."""
    async with line_on("rabbit", virtual_host, tmp_path) as line:
        await line.ends[1].stop()
        assert isinstance(line.subscriptions, Subscriptions)
        await line.say(approved("early"))
        assert await line.unsent() == []
        await line.ends[1].start()
        await line.until_heard("early")


async def _publish_raw(url: str, body: bytes, message_id: str) -> None:
    connection = await aio_pika.connect(url)
    async with connection:
        channel = await connection.channel()
        exchange = await channel.get_exchange("orchestra.events")
        message = aio_pika.Message(body, message_id=message_id, delivery_mode=aio_pika.DeliveryMode.PERSISTENT)
        await exchange.publish(message, "plan.approved.v1")


async def _messages(rabbitmq: RabbitMQ, url: str, queue: str) -> int:
    host = url.rpartition("/")[2]
    lines = (await rabbitmq.ctl("list_queues", "-p", host, "name", "messages")).splitlines()
    return next(int(line.split("\t")[1]) for line in lines if line.startswith(queue))
