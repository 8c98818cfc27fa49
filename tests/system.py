"""The whole system as real processes, on either runtime: started, killed, asked through its public API.

Embedded it is one process (`orchestra up`) with SQLite in its home; distributed it is the five services, each with a
database of its own, on the real broker. Whoever tests sees no difference but `programs` and `runtime`.
"""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any, Literal, TypeVar

import httpx
from tests.paid_calls import REACH
from tests.private_servers import free_port
from tests.servers import Postgres, RabbitMQ, Redis

from orchestra.chassis.database.unit_of_work import Database
from orchestra.chassis.http.identity import TokenSigner, new_private_key
from orchestra.chassis.sealing import new_key
from orchestra.chassis.service import Service
from orchestra.cli.api import Api
from orchestra.embedded.host import owner_key

T = TypeVar("T")

SERVICES = ("gateway", "planner", "scheduler", "executor", "notifier")
CLI = (sys.executable, "-m", "orchestra.cli.main")
KEY = "ork_test_0123456789abcdef_" + "k" * 43

MAIL_TO_NOBODY = {
    "ORCHESTRA_SMTP_HOST": "127.0.0.1",
    "ORCHESTRA_SMTP_PORT": "9",
    "ORCHESTRA_SMTP_SECURITY": "none",
    "ORCHESTRA_SMTP_FROM": "orchestra@example.org",
}
"""Mail can be subscribed to, and no server takes any."""

START_LIMIT_S = 300
STOP_LIMIT_S = 40
EVENTUALLY_S = 90
"""How long a condition is waited for. Nothing is said about speed: a loaded machine may take its time."""


def clean_environment() -> dict[str, str]:
    """Ours, without what would configure Orchestra; only that no paid model may be asked stays."""
    return {name: value for name, value in os.environ.items() if not name.startswith("ORCHESTRA_") or name == REACH}


def service(name: str) -> Service[Any, Any]:
    return import_module(f"orchestra.{name}.service").service


@dataclass
class Program:
    """A process that may be killed and started again."""

    command: tuple[str, ...]
    environment: Mapping[str, str]
    url: str
    log: Path
    python: str = sys.executable
    _process: subprocess.Popen[bytes] | None = None

    def spawn(self, **environment: str) -> None:
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [self.python, *CLI[1:], *self.command],
                env={**self.environment, **environment},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    async def ready(self) -> None:
        async with httpx.AsyncClient(base_url=self.url, timeout=10) as client:
            deadline = time.monotonic() + START_LIMIT_S
            answer = "nothing yet"
            while time.monotonic() < deadline and self._process is not None and self._process.poll() is None:
                try:
                    report = await client.get("/readyz")
                    if report.status_code == 200:
                        return
                    answer = report.text
                except httpx.HTTPError as error:
                    answer = repr(error)
                await asyncio.sleep(0.2)
        raise AssertionError(f"{self.command} is not ready ({answer}); the end of its log:\n{self.tail()}")

    async def start(self, **environment: str) -> None:
        self.spawn(**environment)
        await self.ready()

    async def revive(self) -> None:
        """Start it if it has ended: where one test failed in the middle of a fault, the next ones must not."""
        if self._process is not None and self._process.poll() is not None:
            await self.start()

    def kill(self) -> None:
        """SIGKILL to this process alone: nothing that it holds is given back."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def terminate(self) -> None:
        """Ask it to end, and return at once."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)

    def ended(self, seconds: float = STOP_LIMIT_S) -> None:
        if self._process is None:
            return
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"{self.command} did not stop; the end of its log:\n{self.tail()}") from None

    def another(self, name: str, **environment: str) -> "Program":
        """The same program once more, not started yet, on a port and with a log of its own."""
        url = f"http://127.0.0.1:{free_port()}"
        told = {**self.environment, **environment, "ORCHESTRA_HTTP_PORT": url.rpartition(":")[2]}
        return Program(self.command, told, url, self.log.with_suffix(f".{name}.log"), self.python)

    def tail(self) -> str:
        return self.log.read_text(errors="replace")[-4000:] if self.log.exists() else ""


@dataclass
class System:
    runtime: Literal["embedded", "distributed"]
    url: str
    """Of the gateway."""
    key: str
    programs: dict[str, Program]
    databases: dict[str, str]
    """URL by service."""
    artifacts: Path
    workspaces: Path
    remembered: dict[str, Any] = field(default_factory=dict[str, Any])
    """What tests that share this system have found out, so that they need not do it twice."""

    def client(self, key: str | None = None) -> httpx.AsyncClient:
        headers = {"Authorization": f"Bearer {key or self.key}"}
        return httpx.AsyncClient(base_url=self.url, headers=headers, timeout=60)

    @asynccontextmanager
    async def api(self) -> AsyncGenerator[Api]:
        async with self.client() as client:
            yield Api(client)

    @asynccontextmanager
    async def database(self, name: str) -> AsyncGenerator[Database[Any]]:
        """A service's database, behind its back."""
        made = Database[Any](self.databases[name], name, service(name).work, pool_size=1)
        try:
            yield made
        finally:
            await made.close()

    async def rows(self, name: str, table: str) -> list[Mapping[str, Any]]:
        """All rows of a service's table, by primary key."""
        found = service(name).metadata.tables[table]
        async with self.database(name) as database, database.read() as view:
            query = found.select().order_by(*found.primary_key.columns)
            return list((await view.connection.execute(query)).mappings())

    async def contents(self, name: str) -> dict[str, list[Mapping[str, Any]]]:
        """All rows of all tables of a service, as of one moment, by primary key."""
        async with self.database(name) as database, database.read() as view:
            found: dict[str, list[Mapping[str, Any]]] = {}
            for table in service(name).metadata.tables.values():
                rows = await view.connection.execute(table.select().order_by(*table.primary_key.columns))
                found[table.name] = list(rows.mappings())
            return found

    async def start(self) -> None:
        for program in self.programs.values():
            program.spawn()
        await asyncio.gather(*(program.ready() for program in self.programs.values()))

    def stop(self) -> None:
        for program in self.programs.values():
            program.terminate()
        for program in self.programs.values():
            program.ended()


@contextmanager
def embedded(home: Path, **environment: str) -> Generator[System]:
    home.mkdir(parents=True, exist_ok=True)
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    told = {"ORCHESTRA_LOG_LEVEL": "info", "ORCHESTRA_BACK_OFF_SECONDS": "0.2", **MAIL_TO_NOBODY, **environment}
    command = ("up", "--home", str(home), "--port", str(port))
    program = Program(command, clean_environment() | told, url, home / "up.log")
    databases = {name: f"sqlite+aiosqlite:///{home / name}.db" for name in SERVICES}
    system = System(
        "embedded", url, owner_key(home), {"up": program}, databases, home / "artifacts", home / "workspaces"
    )
    yield from _running(system)


@contextmanager
def distributed(
    home: Path,
    postgres: Postgres,
    rabbitmq: RabbitMQ,
    redis: Redis,
    *,
    python: str = sys.executable,
    **environment: str,
) -> Generator[System]:
    home.mkdir(parents=True, exist_ok=True)
    with rabbitmq.host() as broker:
        yield from _running(_distributed(home, postgres, broker, redis, python, environment))


def _distributed(
    home: Path, postgres: Postgres, broker: str, redis: Redis, python: str, environment: dict[str, str]
) -> System:
    private = new_private_key()
    urls = {name: f"http://127.0.0.1:{free_port()}" for name in SERVICES}
    databases = {name: asyncio.run(postgres.create()) for name in SERVICES}
    shared = {
        "ORCHESTRA_RABBITMQ_URL": broker,
        "ORCHESTRA_REDIS_URL": redis.url,
        "ORCHESTRA_DATABASE_POOL": "4",
        "ORCHESTRA_INTERNAL_PRIVATE_KEY": private,
        "ORCHESTRA_INTERNAL_PUBLIC_KEY": TokenSigner(private).public_key,
        "ORCHESTRA_SEALING_KEYS": new_key(),
        "ORCHESTRA_BOOTSTRAP_KEY": KEY,
        "ORCHESTRA_ARTIFACTS_DIR": str(home / "artifacts"),
        "ORCHESTRA_WORKSPACES_DIR": str(home / "workspaces"),
        "ORCHESTRA_BACK_OFF_SECONDS": "0.2",
        **MAIL_TO_NOBODY,
        "ORCHESTRA_WEBHOOK_ALLOWED_NETWORKS": "127.0.0.0/8,::1/128",
        **{f"ORCHESTRA_{name.upper()}_URL": url for name, url in urls.items()},
        **environment,
    }
    programs: dict[str, Program] = {}
    for name in SERVICES:
        own = {"ORCHESTRA_DATABASE_URL": databases[name], "ORCHESTRA_HTTP_PORT": urls[name].rpartition(":")[2]}
        log = home / f"{name}.log"
        programs[name] = Program(("serve", name), clean_environment() | shared | own, urls[name], log, python)
    folders = (Path(shared["ORCHESTRA_ARTIFACTS_DIR"]), Path(shared["ORCHESTRA_WORKSPACES_DIR"]))
    return System("distributed", urls["gateway"], KEY, programs, databases, *folders)


def _running(system: System) -> Generator[System]:
    try:
        asyncio.run(system.start())
        yield system
    finally:
        system.stop()


async def eventually(look: Callable[[], Awaitable[T]], seconds: float = EVENTUALLY_S, *, seldom: bool = True) -> T:
    """What the call answers, soon after that is true; at once where it may not be true for long.

    `seldom`: ask less and less often, because asking costs the processor that what is waited for needs.
    """
    deadline = time.monotonic() + seconds
    pause = 0.05
    while not (found := await look()):
        assert time.monotonic() < deadline, f"it never came: {look} says {found!r}"
        await asyncio.sleep(pause)
        if seldom:
            pause = min(1.5 * pause, 0.4)
    return found
