"""Deliveries of one subscription on the broker, one after the other."""

import asyncio
from typing import Any, cast

import pytest
from libs.chassis.tests.example.events import NoteTaken, envelope, note

from orchestra.chassis.messaging import collector
from orchestra.chassis.messaging.collector import PatientCollector
from orchestra.chassis.messaging.subscriptions import Subscription


async def test_what_nobody_foresaw_reaches_whoever_waits_for_the_acknowledgement(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def consume(subscription: Any, envelopes: Any, database: Any) -> None:
        del subscription, database
        if any(each.event.text == "bad" for each in envelopes):
            raise ValueError("a bug in the chassis")

    monkeypatch.setattr(collector, "consume", consume)

    async def unused(*_: Any) -> None: ...

    deliveries = PatientCollector(Subscription("example", NoteTaken, unused), cast(Any, None))

    async with asyncio.timeout(5):
        with pytest.raises(ValueError, match="a bug in the chassis"):
            await deliveries.add([envelope(note("bad"))])
        await deliveries.add([envelope(note("good"))])
