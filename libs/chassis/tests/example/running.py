"""The example, running."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx
from libs.chassis.tests.example.service import service, subscriptions

from orchestra.chassis.http.identity import Caller, TokenSigner, new_private_key
from orchestra.chassis.messaging.in_process import Exchange, InProcessTransport
from orchestra.chassis.runtime import RunningService
from orchestra.chassis.settings import ServiceSettings


@dataclass
class Example:
    running: RunningService
    signer: TokenSigner

    def client(self, workspace: str = "wsp_1", *grants: str) -> httpx.AsyncClient:
        """Bugs come back as answers, as over a socket."""
        token = self.signer.sign(Caller("tester", workspace, grants), "example")
        return httpx.AsyncClient(
            transport=httpx.ASGITransport(app=self.running.app, raise_app_exceptions=False),
            base_url="http://example",
            headers={"authorization": f"Bearer {token}"},
            timeout=30,
        )


@asynccontextmanager
async def running_example(url: str) -> AsyncIterator[Example]:
    signer = TokenSigner(new_private_key())
    settings = ServiceSettings(database_url=url, database_pool=5, internal_public_key=signer.public_key)
    exchange = Exchange()
    running = RunningService(service, settings, lambda _: InProcessTransport(exchange))
    exchange.attach(subscriptions, running.database)
    async with running.running():
        yield Example(running, signer)
