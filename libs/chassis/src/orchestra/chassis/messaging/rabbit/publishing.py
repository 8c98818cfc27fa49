"""Publishing: persistent, mandatory, confirmed, bounded in time, pipelined."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from aio_pika import DeliveryMode, Message
from aio_pika.abc import AbstractExchange
from faststream.rabbit import RabbitBroker

from orchestra.chassis.errors import ChassisError, Transient, Unavailable
from orchestra.chassis.messaging.message import Outgoing, pack
from orchestra.chassis.messaging.rabbit.topology import EVENTS, PACKED
from orchestra.contracts.event import REGISTRY

TIMEOUT = 5.0
"""Seconds. Under a memory or disk alarm the broker confirms nothing and says nothing."""

CONNECT_LIMIT = 5.0
"""Seconds for one try to connect."""

LARGEST = 200_000
"""Bytes of a packed message; one event alone is at most 256 KB."""


@dataclass(frozen=True)
class _Message:
    exchange: str
    kind: str
    members: tuple[Outgoing, ...]


class Publisher:
    """A connection of its own: a broker that blocks publishers must not hold up acknowledgements."""

    def __init__(self, url: str) -> None:
        self.broker = RabbitBroker(url, logger=None, apply_types=False, timeout=CONNECT_LIMIT)
        self._exchanges: dict[str, AbstractExchange] = {}

    async def start(self) -> None:
        await self.broker.start()
        connection = await self.broker.connect()
        # A channel of the client's own: what the framework does around each message costs as much as the message. A
        # returned (unroutable) message must be an error: by default it only comes back.
        channel = await connection.channel(publisher_confirms=True, on_return_raises=True)
        names = (EVENTS.name, PACKED.name)
        self._exchanges = {name: await channel.get_exchange(name, ensure=False) for name in names}

    async def publish(self, batch: Sequence[Outgoing]) -> list[Exception | None]:
        messages = _messages(batch)
        outcomes = await asyncio.gather(*(self._publish(message) for message in messages))
        errors = {
            out.event_id: error for message, error in zip(messages, outcomes, strict=True) for out in message.members
        }
        return [errors[out.event_id] for out in batch]

    async def _publish(self, message: _Message) -> Exception | None:
        single = message.members[0] if len(message.members) == 1 else None
        headers: dict[str, Any] = {"cloudEvents:type": f"orchestra.{message.kind}"}
        if single:
            headers["cloudEvents:id"] = single.event_id
        try:
            async with asyncio.timeout(TIMEOUT):
                body = Message(
                    pack([out.body for out in message.members]),
                    delivery_mode=DeliveryMode.PERSISTENT,
                    content_type=f"application/cloudevents{'' if single else '-batch'}+json",
                    message_id=message.members[0].event_id,
                    headers=headers,
                )
                exchange = self._exchanges[message.exchange]
                await exchange.publish(body, message.kind, mandatory=True)
            return None
        except asyncio.CancelledError:
            # A lost heartbeat cancels the wait for the confirm, though nobody cancelled this task.
            task = asyncio.current_task()
            if task is None or task.cancelling():
                raise
            return Unavailable("the broker's connection was lost")
        except TimeoutError:
            return Unavailable(f"the broker confirmed nothing in {TIMEOUT:g} s")
        except ChassisError as error:
            return error
        except Exception as error:  # noqa: BLE001 - the client raises many kinds; the event stays in the outbox
            return Transient(f"{type(error).__name__}: {error}")


def _messages(batch: Sequence[Outgoing]) -> list[_Message]:
    """Single events one by one; packed kinds as few messages as their size allows, each in order."""
    messages: list[_Message] = []
    open_packs: dict[str, tuple[list[Outgoing], int]] = {}

    def close(kind: str) -> None:
        members, _ = open_packs.pop(kind)
        messages.append(_Message(PACKED.name, kind, tuple(members)))

    for out in batch:
        event = REGISTRY.get(out.kind)
        if event is None or not event.packed:
            messages.append(_Message(EVENTS.name, out.kind, (out,)))
            continue
        if out.kind in open_packs and open_packs[out.kind][1] + len(out.body) > LARGEST:
            close(out.kind)
        members, size = open_packs.setdefault(out.kind, ([], 0))
        members.append(out)
        open_packs[out.kind] = (members, size + len(out.body))
    for kind in tuple(open_packs):
        close(kind)
    return messages
