"""Servers that one test owns, started from the installed binaries, so that it may kill and restart them.

`start`, `kill` and `stop` block for up to some seconds: inside a running event loop, call them by `asyncio.to_thread`.
"""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

from tests.servers import Postgres, RabbitMQ, Redis, fresh_name, listens

START_LIMIT_S = 300
STOP_LIMIT_S = 20
POLL_S = 0.05

Server = TypeVar("Server", bound="PrivateServer")


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class PrivateServer:
    """A server process in a process group of its own. It keeps its data from one start to the next."""

    def __init__(
        self,
        command: list[str],
        *,
        port: int,
        log: Path,
        ready: Callable[[], bool],
        env: dict[str, str],
        user: str | None = None,
    ) -> None:
        self.port = port
        self._command = command
        self._log = log
        self._ready = ready
        self._env = env
        self._user = user
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start, and return when it answers. A start that fails is repeated: what a kill left may need time to go."""
        deadline = time.monotonic() + START_LIMIT_S
        while not (self._running() and self._ready()):
            if time.monotonic() > deadline:
                raise TimeoutError(f"{self._command[0]} did not start:\n{self._log.read_text()[-2000:]}")
            if not self._running():
                self._spawn()
            time.sleep(POLL_S)

    def kill(self) -> None:
        """SIGKILL to the whole group: the nearest thing to pulling the plug."""
        self._signal(signal.SIGKILL)

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        """Ask it to end, in the way that the signal means to it; insist after a while."""
        self._signal(how)

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """A black hole: connections stay open, new ones are taken, and nothing is answered until the block ends."""
        assert self._process is not None
        still: list[int] = []
        try:
            _freeze(self._process.pid, still)
            yield
        finally:
            for pid in still:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGCONT)

    def restart(self) -> None:
        self.kill()
        self.start()

    def _running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def _spawn(self) -> None:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=self._env,
                start_new_session=True,
                **_run_as(self._user),
            )

    def _signal(self, number: signal.Signals) -> None:
        if self._process is None or not self._running():
            return
        os.killpg(self._process.pid, number)
        try:
            self._process.wait(STOP_LIMIT_S)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        while listens("127.0.0.1", self.port):  # the server may be the child of a script that is already gone
            time.sleep(POLL_S)


class PrivatePostgres(PrivateServer, Postgres):
    """A PostgreSQL of its own: `create()` makes databases on it."""

    def __init__(self, binaries: Path, home: Path, user: str | None) -> None:
        port = free_port()
        probe = [str(binaries / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(port)]
        options = {
            "listen_addresses": "127.0.0.1",
            "port": port,
            "unix_socket_directories": home,
            "shared_buffers": "32MB",
        }
        settings = [word for name, value in options.items() for word in ("-c", f"{name}={value}")]
        PrivateServer.__init__(
            self,
            [str(binaries / "postgres"), "-D", str(home / "data"), *settings],
            port=port,
            log=home / "log",
            ready=lambda: subprocess.run(probe).returncode == 0,
            env=os.environ | {"LC_ALL": "C.UTF-8"},
            user=user,
        )
        Postgres.__init__(self, f"postgresql://postgres@127.0.0.1:{port}/postgres")


class PrivateRabbitMQ(PrivateServer, RabbitMQ):
    """A RabbitMQ node of its own: `host()` makes virtual hosts on it, `user()` makes users.

    RabbitMQ 3.10 never finds a leader again for a quorum queue that was declared less than about a second before a
    kill: a fault test lets work flow through its queues before it kills.
    """

    def __init__(self, binaries: Path, home: Path) -> None:
        port = free_port()
        (home / "rabbitmq.conf").write_text(f"listeners.tcp.local = 127.0.0.1:{port}\n")
        (home / "environment").touch()  # instead of the machine's own, which would name the node
        (home / "enabled_plugins").write_text("[].\n")
        env = os.environ | {
            "HOME": str(home),  # where Erlang keeps the cookie that rabbitmqctl must know too
            "ERL_FLAGS": "-kernel inet_dist_use_interface {127,0,0,1}",
            "RABBITMQ_NODENAME": f"{fresh_name('orchestra')}@localhost",
            "RABBITMQ_NODE_PORT": str(port),
            "RABBITMQ_DIST_PORT": str(free_port()),
            "RABBITMQ_CONF_ENV_FILE": str(home / "environment"),
            "RABBITMQ_CONFIG_FILE": str(home / "rabbitmq.conf"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(home / "enabled_plugins"),
            "RABBITMQ_MNESIA_BASE": str(home / "data"),
            "RABBITMQ_LOG_BASE": str(home / "logs"),
            "RABBITMQ_PID_FILE": str(home / "pid"),
        }
        PrivateServer.__init__(
            self, [str(binaries / "rabbitmq-server")], port=port, log=home / "log", ready=lambda: _greets(port), env=env
        )
        RabbitMQ.__init__(self, f"amqp://guest:guest@127.0.0.1:{port}/", (str(binaries / "rabbitmqctl"),), env)


class PrivateRedis(PrivateServer, Redis):
    """A Redis of its own, which forgets everything whenever it ends."""

    def __init__(self, binaries: Path, home: Path) -> None:
        port = free_port()
        options = ["--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(home)]
        PrivateServer.__init__(
            self,
            [str(binaries / "redis-server"), *options],
            port=port,
            log=home / "log",
            ready=lambda: listens("127.0.0.1", port),
            env=dict(os.environ),
        )
        Redis.__init__(self, f"redis://127.0.0.1:{port}/0")


@contextmanager
def private_postgres(parent: Path | None = None) -> Iterator[PrivatePostgres]:
    """A PostgreSQL that belongs to the caller; its data goes with it. It refuses to run as root, hence the user."""
    user = "postgres" if os.geteuid() == 0 else None
    binaries = _binaries("postgres", *sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True))
    with _home(user, parent) as home:
        initdb = [str(binaries / "initdb"), "-D", str(home / "data"), "-U", "postgres", "-A", "trust", "--no-sync"]
        subprocess.run(initdb, check=True, capture_output=True, **_run_as(user))
        yield from _running(PrivatePostgres(binaries, home, user))


@contextmanager
def private_rabbitmq() -> Iterator[PrivateRabbitMQ]:
    """A RabbitMQ that belongs to the caller; its data goes with it. Debian's wrapper insists on its own user and
    folder, so the real program beside it is preferred."""
    with _home() as home:
        yield from _running(PrivateRabbitMQ(_binaries("rabbitmq-server", Path("/usr/lib/rabbitmq/bin")), home))


@contextmanager
def private_redis() -> Iterator[PrivateRedis]:
    """A Redis that belongs to the caller."""
    with _home() as home:
        yield from _running(PrivateRedis(_binaries("redis-server"), home))


def _freeze(pid: int, still: list[int]) -> None:
    """Parents first, so that none makes another child; PostgreSQL's are in no common group."""
    with suppress(ProcessLookupError, FileNotFoundError):
        os.kill(pid, signal.SIGSTOP)
        still.append(pid)
        for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
            _freeze(int(child), still)


def _running(server: Server) -> Iterator[Server]:
    try:
        server.start()
        yield server
    finally:
        server.kill()


@contextmanager
def _home(user: str | None = None, parent: Path | None = None) -> Iterator[Path]:
    home = Path(tempfile.mkdtemp(prefix="orchestra-server-", dir=parent))
    if user:
        shutil.chown(home, user, user)
    try:
        yield home
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _run_as(user: str | None) -> dict[str, Any]:
    return {"user": user, "group": user, "extra_groups": []} if user else {}


def _binaries(program: str, *folders: Path) -> Path:
    found = shutil.which(program, path=os.pathsep.join([*map(str, folders), os.environ["PATH"]]))
    if found is None:
        raise FileNotFoundError(f"{program} is not installed")
    return Path(found).parent


def _greets(port: int) -> bool:
    """Whether an AMQP 0-9-1 broker answers the protocol header with its first method frame."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=2) as connection:
            connection.sendall(b"AMQP\x00\x00\x09\x01")
            return connection.recv(1) == b"\x01"
    except OSError:
        return False
