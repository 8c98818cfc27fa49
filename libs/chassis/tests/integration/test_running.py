"""A running service: its readiness, its loops, its stop."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import httpx
import pytest
from libs.chassis.tests.example.events import note
from libs.chassis.tests.example.running import Example, running_example
from libs.chassis.tests.example.service import service
from tests.tcp_proxy import TcpProxy

from orchestra.chassis.database import engine
from orchestra.chassis.errors import Unavailable
from orchestra.chassis.http.identity import TokenSigner, new_private_key
from orchestra.chassis.loops import Loop
from orchestra.chassis.messaging import outbox
from orchestra.chassis.messaging.message import Outgoing
from orchestra.chassis.messaging.transport import Check
from orchestra.chassis.runtime import RunningService
from orchestra.chassis.service import Room
from orchestra.chassis.settings import ServiceSettings

Wire = Callable[[Room[Any, Any]], Awaitable[None]]


class Broker:
    """A transport that is up or down as it is told."""

    def __init__(self) -> None:
        self.up = True
        self.starts = 0
        self.stops = 0
        self.published: list[str] = []

    async def start(self) -> None:
        if not self.up:
            raise Unavailable("no broker")
        self.starts += 1

    async def stop(self) -> None:
        self.stops += 1

    async def publish(self, batch: Sequence[Outgoing]) -> list[Exception | None]:
        if self.up:
            self.published += [out.event_id for out in batch]
        return [None if self.up else Unavailable("no broker") for _ in batch]

    def checks(self) -> dict[str, Check]:
        async def check() -> str | None:
            return None if self.up else "no broker"

        return {"broker": check}


@asynccontextmanager
async def with_broker(
    url: str, broker: Broker, *loops: Loop, wire: Wire | None = None
) -> AsyncIterator[tuple[RunningService, httpx.AsyncClient]]:
    async def wire_all(room: Room[Any, Any]) -> None:
        room.loops.extend(loops)
        if wire is not None:
            await wire(room)

    settings = ServiceSettings(
        database_url=url, database_pool=4, internal_public_key=TokenSigner(new_private_key()).public_key
    )
    running = RunningService(replace(service, wire=wire_all), settings, lambda _: broker)
    async with (
        running.running(),
        httpx.AsyncClient(transport=httpx.ASGITransport(running.app), base_url="http://example") as http,
    ):
        yield running, http


async def report(http: httpx.AsyncClient) -> tuple[int, dict[str, Any]]:
    answer = await http.get("/readyz")
    return answer.status_code, answer.json()


async def until_ready(http: httpx.AsyncClient, ready: bool) -> dict[str, Any]:
    async with asyncio.timeout(20):
        while (found := await report(http))[0] != (200 if ready else 503):
            await asyncio.sleep(0.02)
    return found[1]


async def test_a_service_that_is_well_says_so_check_by_check(http: httpx.AsyncClient) -> None:
    status, body = await report(http)

    assert (status, body["service"], body["ready"]) == (200, "example", True)
    assert set(body["checks"]) == {"database", "outbox", "loops"}
    assert all(check == {"ok": True, "reason": None} for check in body["checks"].values())
    assert (await http.get("/livez")).text == "ok"


async def test_readiness_needs_no_token(example: Example) -> None:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(example.running.app), base_url="http://x") as http:
        assert [(await http.get(path)).status_code for path in ("/livez", "/readyz", "/notes")] == [200, 200, 401]


@pytest.fixture
async def distant(postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[tuple[Example, TcpProxy]]:
    monkeypatch.setattr(engine, "COMMAND_TIMEOUT", 1.0)
    proxy = await TcpProxy.before(postgres_url)
    async with running_example(proxy.url(postgres_url)) as example:
        yield example, proxy
        proxy.heal()
    await proxy.close()


async def test_without_its_database_a_service_lives_but_is_not_ready(distant: tuple[Example, TcpProxy]) -> None:
    example, proxy = distant
    async with example.client() as http:
        assert (await report(http))[0] == 200

        proxy.swallow()
        body = await until_ready(http, False)
        refused = await http.get("/notes")

        assert not body["checks"]["database"]["ok"]
        assert "Unavailable" in body["checks"]["database"]["reason"]
        assert (await http.get("/livez")).status_code == 200
        assert (refused.status_code, refused.json()["code"], refused.json()["retryable"]) == (503, "unavailable", True)
        assert refused.headers["retry-after"] == "2"

        proxy.heal()
        proxy.cut()
        await until_ready(http, True)


async def test_a_check_that_fails_or_raises_is_named_with_its_reason(example: Example, http: httpx.AsyncClient) -> None:
    async def fails() -> str | None:
        return "too hot"

    async def raises() -> str | None:
        raise LookupError("nothing there")

    example.running.room.checks.update({"oven": fails, "cellar": raises})
    example.running.room.notes["sandbox"] = "L3"

    status, body = await report(http)

    assert (status, body["ready"], body["notes"]) == (503, False, {"sandbox": "L3"})
    assert body["checks"]["oven"] == {"ok": False, "reason": "too hot"}
    assert body["checks"]["cellar"] == {"ok": False, "reason": "LookupError: nothing there"}
    assert body["checks"]["database"]["ok"]


async def test_events_that_wait_too_long_make_a_service_not_ready(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("orchestra.chassis.runtime.STALE_OUTBOX", 0.2)
    broker = Broker()
    broker.up = False
    async with with_broker(database_url, broker) as (running, http):
        async with running.database.begin() as work:
            work.publish(note("a"))

        async with asyncio.timeout(20):
            while (body := (await report(http))[1])["checks"]["outbox"]["ok"]:
                await asyncio.sleep(0.05)
        assert body["checks"]["outbox"]["reason"].startswith("1 events wait, the oldest for ")
        assert body["checks"]["broker"] == {"ok": False, "reason": "no broker"}

        broker.up = True
        await until_ready(http, True)
        assert len(broker.published) == 1


async def test_a_loop_that_keeps_failing_or_has_ended_is_named(database_url: str) -> None:
    async def fail() -> bool:
        raise LookupError

    async def idle() -> bool:
        return False

    async with with_broker(database_url, Broker(), Loop("kettle", fail, 60), Loop("fridge", idle, 60)) as (
        running,
        http,
    ):
        next(task for task in running._tasks if task.get_name() == "fridge").cancel()

        async with asyncio.timeout(20):
            while (reason := (await report(http))[1]["checks"]["loops"]["reason"] or "").count(",") < 1:
                running.wakeups.wake("kettle")
                await asyncio.sleep(0.02)
        assert reason == "kettle keeps failing, fridge has ended"


async def test_a_service_starts_without_its_broker_and_joins_it_later(database_url: str) -> None:
    broker = Broker()
    broker.up = False
    async with with_broker(database_url, broker) as (running, http):
        async with running.database.begin() as work:
            work.publish(note("a"))
        assert (await report(http))[1]["checks"]["broker"]["ok"] is False

        broker.up = True
        running.wakeups.wake("transport")
        async with asyncio.timeout(20):
            while not broker.published:
                await asyncio.sleep(0.02)
    assert (broker.starts, broker.stops) == (1, 1)


async def test_what_a_killed_relay_had_claimed_is_published_at_the_next_start(database_url: str) -> None:
    broker = Broker()
    broker.up = False
    async with with_broker(database_url, broker) as (running, _):
        async with running.database.begin() as work:
            work.publish(note("a"))
        async with running.database.begin() as work:
            await outbox.claim(work, 1)

    broker.up = True
    async with with_broker(database_url, broker):
        async with asyncio.timeout(20):  # the claim itself lasts longer
            while not broker.published:
                await asyncio.sleep(0.02)
    assert len(broker.published) == 1


async def test_what_was_committed_is_handed_over_at_the_stop(database_url: str) -> None:
    broker = Broker()
    async with with_broker(database_url, broker) as (running, http):
        await until_ready(http, True)
        for task in running._tasks:  # from here on only the stop itself can publish
            if task.get_name() == "relay":
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
        async with running.database.begin() as work:
            work.publish(note("last words"))
        await running.stop()
        async with running.database.read() as view:
            assert await outbox.unsent(view) == (0, 0.0)
    assert len(broker.published) == 1


async def test_what_a_service_brings_is_stopped_in_reverse_order_after_its_loops(database_url: str) -> None:
    ended: list[str] = []

    async def loop() -> bool:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("loop")
        return False

    async def wire(room: Room[Any, Any]) -> None:
        for name in ("first", "second"):

            async def stop(name: str = name) -> None:
                ended.append(name)

            room.on_stop.append(stop)

    async with with_broker(database_url, Broker(), Loop("a", loop, 1), wire=wire) as (_, http):
        await until_ready(http, True)

    assert ended == ["loop", "second", "first"]
