"""The whole notifier, with a held clock."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import httpx

from orchestra.chassis.http.addresses import LOOPBACK, Networks
from orchestra.chassis.http.identity import Caller, TokenSigner, new_private_key
from orchestra.chassis.http.outward import RefusedUrl
from orchestra.chassis.ids import new_id
from orchestra.chassis.messaging.consume import consume
from orchestra.chassis.messaging.in_process import Exchange, InProcessTransport
from orchestra.chassis.messaging.message import Envelope, wrap
from orchestra.chassis.runtime import RunningService
from orchestra.chassis.testing.fakes import HeldClock
from orchestra.contracts.event import Event
from orchestra.notifier.service import service
from orchestra.notifier.settings import NotifierSettings


@dataclass
class Names:
    """A name server of our own: names under example.com are public, others as said here; the rest does not exist."""

    addresses: dict[str, str] = field(default_factory=dict[str, str])

    async def __call__(self, host: str, port: int) -> list[str]:
        if host == "example.com" or host.endswith(".example.com"):
            return ["93.184.215.14"]
        if host in self.addresses:
            return [self.addresses[host]]
        raise RefusedUrl("unresolvable-host", f"{host} has no address")


@dataclass
class Notifier:
    """A running notifier as its neighbours see it: events come in, HTTP is answered, time passes."""

    running: RunningService
    clock: HeldClock
    signer: TokenSigner
    _clients: list[httpx.AsyncClient] = field(default_factory=list[httpx.AsyncClient])

    def client(self, workspace: str = "wsp_1") -> httpx.AsyncClient:
        token = self.signer.sign(Caller("tester", workspace, ("read", "write")), audience="notifier")
        client = httpx.AsyncClient(
            transport=httpx.ASGITransport(app=self.running.app),
            base_url="http://notifier",
            headers={"authorization": f"Bearer {token}"},
        )
        self._clients.append(client)
        return client

    async def register(self, url: str, *kinds: str) -> dict[str, Any]:
        wanted = list(kinds) or ["run.finished", "task.failed", "task.waiting"]
        answer = await self.client().post("/webhooks", json={"url": url, "kinds": wanted})
        assert answer.status_code == 201, answer.text
        return answer.json()

    async def subscribe(self, **fields: Any) -> dict[str, Any]:
        answer = await self.client().post("/mail-subscriptions", json=fields)
        assert answer.status_code == 201, answer.text
        return answer.json()

    def path(self, channel: dict[str, Any]) -> str:
        return f"/{'webhooks' if channel['id'].startswith('whk_') else 'mail-subscriptions'}/{channel['id']}"

    async def show(self, channel: dict[str, Any]) -> dict[str, Any]:
        return (await self.client().get(self.path(channel))).json()

    async def deliveries(self, channel: dict[str, Any]) -> list[dict[str, Any]]:
        return (await self.client().get(f"{self.path(channel)}/deliveries")).json()["data"]

    async def until(self, condition: Callable[[], Awaitable[bool]], seconds: float = 60) -> None:
        async with asyncio.timeout(seconds):
            while not await condition():
                await asyncio.sleep(0.01)

    async def settled(self, webhook: dict[str, Any], *statuses: str) -> list[dict[str, Any]]:
        """The deliveries, the newest first, once they have these statuses."""
        found: list[dict[str, Any]] = []

        async def reached() -> bool:
            found[:] = await self.deliveries(webhook)
            return [delivery["status"] for delivery in found] == list(statuses)

        await self.until(reached)
        return found

    async def tried(self, webhook: dict[str, Any], times: int) -> dict[str, Any]:
        """The only delivery, once it has been tried so often."""
        found: list[dict[str, Any]] = []

        async def reached() -> bool:
            found[:] = await self.deliveries(webhook)
            return len(found) == 1 and len(found[0]["tries"]) == times

        await self.until(reached)
        return found[0]

    def pass_time(self, by: timedelta) -> None:
        self.clock.advance(by)
        self.running.wakeups.wake("deliveries")

    def envelope(self, event: Event) -> Envelope:
        return wrap(event, event_id=new_id("evt"), source="/test", time=self.clock.now())

    async def deliver(self, *envelopes: Envelope) -> None:
        subscription = service.subscriptions.by_name()[f"notifier:{envelopes[0].kind}"]
        await consume(subscription, envelopes, self.running.database)

    async def hear(self, *events: Event) -> None:
        for event in events:
            await self.deliver(self.envelope(event))


@asynccontextmanager
async def notifying(
    url: str, *, timeout_s: float = 15, allowed: Networks = LOOPBACK, names: Names | None = None, **more: Any
) -> AsyncIterator[Notifier]:
    signer, clock = TokenSigner(new_private_key()), HeldClock()
    settings = NotifierSettings(
        database_url=url,
        database_pool=3,
        internal_public_key=signer.public_key,
        webhook_timeout_s=timeout_s,
        webhook_slots=8,
        webhook_allowed_networks=allowed,
        **more,
    )
    exchange = Exchange()
    running = RunningService(service, settings, lambda _: InProcessTransport(exchange), clock=clock)
    running.app.state.resolve = names or Names()
    notifier = Notifier(running, clock, signer)
    async with running.running():
        yield notifier
        for client in notifier._clients:
            await client.aclose()
