"""The all-in-one host: five services, one process, a directory that holds everything they know."""

import base64
import fcntl
import json
import os
import secrets
from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from fastapi import FastAPI

from orchestra.chassis.http.addresses import LOOPBACK
from orchestra.chassis.http.identity import TokenSigner, new_private_key
from orchestra.chassis.http.in_process import InProcessHttp
from orchestra.chassis.messaging.in_process import Exchange, InProcessTransport
from orchestra.chassis.runtime import RunningService
from orchestra.chassis.sealing import new_key
from orchestra.chassis.streams import LocalStreams
from orchestra.executor.service import service as executor
from orchestra.gateway.service import service as gateway
from orchestra.notifier.service import service as notifier
from orchestra.planner.service import service as planner
from orchestra.scheduler.service import service as scheduler

SERVICES = (planner, scheduler, executor, notifier, gateway)
"""The gateway last: it begins to answer when the others do."""


ALLOWED_NETWORKS = "ORCHESTRA_WEBHOOK_ALLOWED_NETWORKS"
"""Without it, webhooks of this host may go to this machine: whoever has the home's key runs commands on it anyway."""

MASTER_KEYS = "ORCHESTRA_MODEL_SECRET_KEYS"
"""Without it the home has a master key of its own for the model keys of projects."""

SLOWEST = 10.0
"""Seconds that the loops of a service may wait while nothing happens."""


class HomeInUse(Exception):
    """Another process works in this directory."""


@dataclass(frozen=True)
class HostOptions:
    """What a person may choose; everything else follows from the home."""

    home: Path
    slots: int | None = None
    """Commands at a time; None: the executor's own default."""
    back_off_s: float = 5.0
    log_level: str = "warning"


class Host:
    """The running services. `client` talks to the gateway as the owner of the home; `app` is the gateway's."""

    def __init__(self, options: HostOptions, key: str) -> None:
        self.options = options
        self.key = key
        signer_key = new_private_key()
        shared = {
            "internal_public_key": TokenSigner(signer_key).public_key,
            "log_level": options.log_level,
            "database_pool": 4,
            "rabbitmq_url": None,
            "redis_url": None,
        }
        home = options.home
        sealing = {"sealing_keys": sealing_key(home)}
        folders = {"artifacts_dir": home / "artifacts", "workspaces_dir": home / "workspaces"}
        own: dict[str, dict[str, Any]] = {
            "gateway": {"internal_private_key": signer_key, "bootstrap_key": key},
            "planner": sealing,
            "scheduler": {"back_off_seconds": options.back_off_s},
            "executor": folders | sealing,
        }
        if ALLOWED_NETWORKS not in os.environ:
            own["notifier"] = {"webhook_allowed_networks": LOOPBACK}
        if MASTER_KEYS not in os.environ:
            own["executor"]["model_secret_keys"] = master_key(home)
        if options.slots is not None:
            own["executor"]["slots"] = options.slots
        self._exchange, streams = Exchange(), LocalStreams()
        exchange = self._exchange
        self.services: dict[str, RunningService] = {}
        for service in SERVICES:
            url = f"sqlite+aiosqlite:///{home / f'{service.name}.db'}"
            settings = service.settings.model_validate({"database_url": url, **shared, **own.get(service.name, {})})
            running = RunningService(
                service, settings, lambda _: InProcessTransport(exchange), streams=streams, slowest=SLOWEST
            )
            exchange.attach(service.subscriptions, running.database)
            self.services[service.name] = running
        self.app: FastAPI = self.services["gateway"].app
        self.app.state.clients = {name: self._client(name) for name in self.services if name != "gateway"}
        self.client = self._client("gateway", key)

    def _client(self, name: str, key: str | None = None) -> httpx.AsyncClient:
        return httpx.AsyncClient(
            transport=InProcessHttp(self.services[name].app),
            base_url=f"http://{name}",
            headers={"Authorization": f"Bearer {key}"} if key else None,
            timeout=60,
        )

    @asynccontextmanager
    async def running(self) -> AsyncGenerator["Host"]:
        """Start all, and stop all before any database is closed: they deliver to each other."""
        async with AsyncExitStack() as databases, AsyncExitStack() as services:
            services.push_async_callback(self._exchange.close)
            for running in self.services.values():
                databases.push_async_callback(running.close)
                await running.start()
                services.push_async_callback(running.stop)
            services.push_async_callback(self.client.aclose)
            yield self


@asynccontextmanager
async def host(options: HostOptions) -> AsyncGenerator[Host]:
    """The host of a home, made at the first use. Raises HomeInUse while another process has it."""
    home = options.home.resolve()
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    with (home / "lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise HomeInUse(f"another process works in {home}") from error
        made = Host(HostOptions(home, options.slots, options.back_off_s, options.log_level), owner_key(home))
        async with made.running():
            yield made


def owner_key(home: Path) -> str:
    """The API key of whoever owns the home, kept in it for them alone."""
    path = home / "credentials"
    if path.exists():
        return json.loads(path.read_text())["api_key"]
    key = f"ork_local_{secrets.token_hex(8)}_{secrets.token_urlsafe(32)}"
    _keep(path, json.dumps({"api_key": key}))
    return key


def master_key(home: Path) -> str:
    """What seals the model keys of projects in this home, kept in it for its owner alone."""
    return _kept(home / "model-secret-keys", lambda: f"1:{base64.b64encode(secrets.token_bytes(32)).decode()}")


def sealing_key(home: Path) -> str:
    """Kept, because an event that was sealed may be opened after a restart."""
    return _kept(home / "sealing-key", new_key)


def _kept(path: Path, make: Callable[[], str]) -> str:
    if not path.exists():
        _keep(path, make())
    return path.read_text()


def _keep(path: Path, secret: str) -> None:
    """For whoever owns the home alone."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(secret)
