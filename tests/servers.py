"""How tests find PostgreSQL, RabbitMQ and Redis, and what a test run owns on them. A pytest plugin: see conftest.py.

Each server is looked for in this order:

1. a URL in `ORCHESTRA_TEST_POSTGRES`, `ORCHESTRA_TEST_RABBITMQ` or `ORCHESTRA_TEST_REDIS`;
2. the standard port on 127.0.0.1;
3. a throw-away container, where Docker runs (the simplest path, and so far an untried one);
4. nowhere: its tests are skipped, and the summary says so in capitals. With `ORCHESTRA_REQUIRE_SERVERS=1` they fail.

Virtual hosts and broker users are made by `rabbitmqctl`, which must be allowed to talk to the broker: run the tests as
root or as the broker's own user, or name another command in `ORCHESTRA_TEST_RABBITMQCTL`, such as
"docker exec broker rabbitmqctl".

All names are random, so that parallel runs and pytest-xdist workers never meet; what was made is removed at the end.
"""

import asyncio
import os
import secrets
import shlex
import shutil
import socket
import subprocess
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from urllib.parse import quote, urlsplit

import asyncpg
import pytest
import redis as redis_client

MISSING = "SERVER MISSING"
CTL_LIMIT_S = 300
"""For one command to the broker: it starts an Erlang machine of its own, which takes long where others are busy."""

POSTGRES = ("PostgreSQL", "ORCHESTRA_TEST_POSTGRES", "postgresql://postgres@127.0.0.1:5432/postgres")
RABBITMQ = ("RabbitMQ", "ORCHESTRA_TEST_RABBITMQ", "amqp://guest:guest@127.0.0.1:5672/")
REDIS = ("Redis", "ORCHESTRA_TEST_REDIS", "redis://127.0.0.1:6379/0")


def fresh_name(prefix: str = "orchestra_test") -> str:
    return f"{prefix}_{secrets.token_hex(6)}"


class Postgres:
    """Databases of one test run on the server at `dsn` (`postgresql://user@host:port/database`)."""

    def __init__(self, dsn: str) -> None:
        self.dsn = dsn
        self._names: list[str] = []

    async def create(self) -> str:
        """Make an empty database; its URL is `postgresql+asyncpg://…`."""
        name = fresh_name()
        async with self._connection() as connection:
            await connection.execute(f'CREATE DATABASE "{name}"')
        self._names.append(name)
        return urlsplit(self.dsn)._replace(scheme="postgresql+asyncpg", path=f"/{name}").geturl()

    async def drop_all(self) -> None:
        async with self._connection() as connection:
            while self._names:
                await connection.execute(f'DROP DATABASE IF EXISTS "{self._names.pop()}" WITH (FORCE)')

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[asyncpg.Connection]:
        connection = await asyncpg.connect(self.dsn, timeout=10)
        try:
            yield connection
        finally:
            await connection.close()


@dataclass(frozen=True)
class BrokerUser:
    name: str
    url: str


class RabbitMQ:
    """Virtual hosts and users of one test run. `url` leads to the run's own virtual host, made at the first use."""

    def __init__(self, server_url: str, ctl: tuple[str, ...], env: dict[str, str] | None = None) -> None:
        self._server = urlsplit(server_url)
        self._ctl = ctl
        self._env = env
        self._own = ""
        self._hosts: list[str] = []
        self._users: list[str] = []

    @property
    def url(self) -> str:
        self._own = self._own or self._make_host()
        return self._own

    @contextmanager
    def host(self) -> Iterator[str]:
        """A virtual host of its own; its URL is `amqp://user:password@host:port/vhost`.

        It is dropped afterwards: each queue keeps files open, and a broker that may have a thousand of them, which
        is what it is given where nobody says otherwise, lets nobody in any more after some thirty hosts.
        """
        url = self._make_host()
        try:
            yield url
        finally:
            name = urlsplit(url).path.removeprefix("/")
            self._hosts.remove(name)
            self._drop([name])

    async def user(
        self,
        name: str,
        *,
        at: str | None = None,
        configure: str = "^$",
        write: str = "^$",
        read: str = "^$",
        topics: dict[str, tuple[str, str]] | None = None,
    ) -> BrokerUser:
        """Make a limited user on the virtual host behind the URL `at` (the run's own by default).

        `configure`, `write` and `read` are the broker's regular expressions over names of exchanges and queues;
        `topics` gives, by exchange, those over the routing keys the user may write and read.
        The real name carries a random ending, because users are shared by all virtual hosts.
        """
        host = urlsplit(at or self.url).path.removeprefix("/")
        user, password = fresh_name(name), secrets.token_hex(12)  # of token_urlsafe one in 64 begins like an option
        await self.ctl("add_user", user, password)
        self._users.append(user)
        await self.ctl("set_permissions", "-p", host, user, configure, write, read)
        for exchange, (may_write, may_read) in (topics or {}).items():
            await self.ctl("set_topic_permissions", "-p", host, user, exchange, may_write, may_read)
        return BrokerUser(user, self._url_of(host, f"{quote(user)}:{quote(password)}"))

    async def ctl(self, *arguments: str) -> str:
        """What `rabbitmqctl` says to these arguments."""
        return await asyncio.to_thread(self.ctl_now, *arguments)

    def ctl_now(self, *arguments: str) -> str:
        command = [*self._ctl, "-q", *arguments]
        done = subprocess.run(command, capture_output=True, text=True, env=self._env, timeout=CTL_LIMIT_S)
        if done.returncode:
            raise RuntimeError(f"rabbitmqctl {arguments[0]}: {done.stderr.strip() or done.stdout.strip()}")
        return done.stdout

    def remove_all(self) -> None:
        while self._users:
            self.ctl_now("delete_user", self._users.pop())
        self._drop(self._hosts)
        self._hosts = []

    def _drop(self, hosts: Sequence[str]) -> None:
        """Each takes the broker seconds, which nobody has to wait for: it goes on by itself."""
        if hosts:
            each = 'fun(Host) -> catch rabbit_vhost:delete(Host, <<"tests">>) end'
            names = ", ".join(f'<<"{host}">>' for host in hosts)
            self.ctl_now("eval", f"spawn(fun() -> lists:foreach({each}, [{names}]) end).")

    def _make_host(self) -> str:
        host = fresh_name()
        self.ctl_now("add_vhost", host)
        self._hosts.append(host)
        self.ctl_now("set_permissions", "-p", host, self._server.username or "guest", ".*", ".*", ".*")
        return self._url_of(host)

    def _url_of(self, host: str, credentials: str = "") -> str:
        whom, _, where = self._server.netloc.rpartition("@")
        return self._server._replace(netloc=f"{credentials or whom}@{where}", path=f"/{host}").geturl()


@dataclass
class Redis:
    """`url` of the server, and the `prefix` of every key that belongs to this test run."""

    url: str
    prefix: str = field(default_factory=lambda: fresh_name() + ":")

    def remove_all(self) -> None:
        with redis_client.Redis.from_url(self.url) as client:
            for key in client.scan_iter(f"{self.prefix}*", count=1000):
                client.delete(key)


@pytest.fixture(scope="session")
def postgres(request: pytest.FixtureRequest) -> Iterator[Postgres]:
    server = Postgres(_locate(POSTGRES, request))
    yield server
    asyncio.run(server.drop_all())


@pytest.fixture(scope="session")
def rabbitmq(request: pytest.FixtureRequest) -> Iterator[RabbitMQ]:
    url = _locate(RABBITMQ, request)
    ctl = os.environ.get("ORCHESTRA_TEST_RABBITMQCTL", "rabbitmqctl")
    server = RabbitMQ(url, tuple(shlex.split(ctl)))
    try:
        server.ctl_now("list_vhosts")
    except (OSError, RuntimeError) as error:
        _missing(f"RabbitMQ answers, but not to rabbitmqctl ({error}); see tests/servers.py")
    yield server
    server.remove_all()


@pytest.fixture
def virtual_host(rabbitmq: RabbitMQ) -> Iterator[str]:
    """The URL of one that is this test's alone."""
    with rabbitmq.host() as url:
        yield url


@pytest.fixture(scope="session")
def redis(request: pytest.FixtureRequest) -> Iterator[Redis]:
    server = Redis(_locate(REDIS, request))
    yield server
    server.remove_all()


def listens(host: str, port: int) -> bool:
    try:
        socket.create_connection((host, port), timeout=2).close()
    except OSError:
        return False
    return True


def _locate(wanted: tuple[str, str, str], request: pytest.FixtureRequest) -> str:
    name, variable, standard = wanted
    given = os.environ.get(variable)
    if _answers(given or standard):
        return given or standard
    if given:
        _missing(f"{name} does not answer where {variable} points")
    if not _docker_runs():
        _missing(f"no {name} at {urlsplit(standard).netloc.rpartition('@')[2]}, none in {variable}, and no Docker")
    return _container(name, request)


def _answers(url: str) -> bool:
    parts = urlsplit(url)
    return listens(parts.hostname or "127.0.0.1", parts.port or 0)


def _missing(reason: str) -> None:
    if os.environ.get("ORCHESTRA_REQUIRE_SERVERS") == "1":
        pytest.fail(reason, pytrace=False)
    pytest.skip(f"{MISSING}: {reason}")


def _docker_runs() -> bool:
    return bool(shutil.which("docker")) and subprocess.run(["docker", "info"], capture_output=True).returncode == 0


def _container(name: str, request: pytest.FixtureRequest) -> str:
    from testcontainers.core.container import DockerContainer  # costs half a second, for those with Docker only
    from testcontainers.core.waiting_utils import wait_for

    image, port, url = {
        "PostgreSQL": ("postgres:17-alpine", 5432, "postgresql://postgres@{}/postgres"),
        "RabbitMQ": ("rabbitmq:4-alpine", 5672, "amqp://guest:guest@{}/"),
        "Redis": ("redis:8-alpine", 6379, "redis://{}/0"),
    }[name]
    container = DockerContainer(image).with_exposed_ports(port).with_env("POSTGRES_HOST_AUTH_METHOD", "trust")
    container.start()
    request.addfinalizer(container.stop)
    if name == "RabbitMQ":
        os.environ["ORCHESTRA_TEST_RABBITMQCTL"] = f"docker exec {container.get_wrapped_container().id} rabbitmqctl"
    where = url.format(f"{container.get_container_host_ip()}:{container.get_exposed_port(port)}")
    wait_for(lambda: _answers(where))
    return where


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    skipped = terminalreporter.stats.get("skipped", [])
    reasons = {str(report.longrepr[2]) for report in skipped if MISSING in str(report.longrepr)}
    for reason in sorted(reasons):
        count = sum(reason == str(report.longrepr[2]) for report in skipped)
        line = f"{reason.removeprefix('Skipped: ')} - {count} TESTS DID NOT RUN"
        terminalreporter.write_line(line, red=True, bold=True)
