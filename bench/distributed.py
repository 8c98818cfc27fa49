"""One measurement of the distributed runtime, the five processes of `orchestra stack`: prints a row.

The environment names servers, database prefix and virtual host; see bench/servers.py.
"""

import argparse
import asyncio
import os
import secrets
import socket
import sys
import tempfile
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import psutil
from bench import journey
from bench.peers.harness import child, emit, peak_mb, wait_until
from bench.peers.workload import Workload, warm_up

SERVICES = 5
PACKAGES = ("sqlalchemy", "asyncpg", "faststream", "aio-pika", "pydantic", "fastapi", "uvloop")


async def measure(workload: Workload, url: str, key: str, stack: psutil.Process) -> None:
    def peak() -> float:
        return peak_mb(*(service.pid for service in stack.children()))

    async with httpx.AsyncClient(base_url=url, headers={"Authorization": f"Bearer {key}"}, timeout=60) as client:
        for graph in (warm_up(workload.tasks), workload.graph()):
            clock, most = await journey.run(client, graph, peak)
    emit(workload, clock, cpu=clock.machine, peak=most, packages=PACKAGES)


def free_ports(count: int) -> int:
    """The first of so many ports in a row that nobody listens on just now."""
    while True:
        first = 20_000 + secrets.randbelow(12_000)
        with ExitStack() as sockets:
            try:
                for port in range(first, first + count):
                    sockets.enter_context(socket.socket()).bind(("127.0.0.1", port))
            except OSError:
                continue
            return first


@contextmanager
def stack(home: Path) -> Generator[tuple[str, str, psutil.Process]]:
    """The five processes: the gateway's address, a key, and their parent."""
    port = free_ports(SERVICES)
    key = f"ork_bench_{secrets.token_hex(8)}_{secrets.token_urlsafe(32)}"
    log = home / "stack.log"
    command = [sys.executable, "-m", "orchestra.cli.main", "stack", "--home", str(home), "--port", str(port)]
    with child(command, log, os.environ | {"ORCHESTRA_BOOTSTRAP_KEY": key}) as process:
        wait_until(lambda: "is ready" in log.read_text() or process.poll() is not None, "the stack is not ready")
        if process.poll() is not None:
            raise SystemExit(log.read_text())
        yield f"http://127.0.0.1:{port}", key, psutil.Process(process.pid)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--shape", choices=("fan", "chain", "dag"), required=True)
    parser.add_argument("--tasks", type=int, required=True)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as home, stack(Path(home)) as (url, key, process):
        asyncio.run(measure(Workload(given.shape, given.tasks), url, key, process))


if __name__ == "__main__":
    main()
