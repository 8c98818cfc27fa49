"""One measurement of the embedded runtime, in this process: prints a row."""

import argparse
import asyncio
import os
import tempfile
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
from bench import journey
from bench.peers.harness import emit, peak_mb
from bench.peers.workload import Workload, warm_up

from orchestra.chassis.http.in_process import InProcessHttp
from orchestra.chassis.telemetry.logging import configure_logging
from orchestra.embedded.host import HostOptions, host


@asynccontextmanager
async def hosted(home: Path) -> AsyncGenerator[httpx.AsyncClient]:
    """A client of a host in this process."""
    configure_logging("warning")
    async with host(HostOptions(home)) as made:
        headers = {"Authorization": f"Bearer {made.key}"}
        async with httpx.AsyncClient(
            transport=InProcessHttp(made.app), base_url="http://gateway", headers=headers, timeout=120
        ) as client:
            yield client


async def measure(workload: Workload, home: Path) -> None:
    async with hosted(home) as client:
        for graph in (warm_up(workload.tasks), workload.graph()):
            clock, peak = await journey.run(client, graph, lambda: peak_mb(os.getpid()))
    emit(workload, clock, cpu=clock.own, peak=peak, packages=("sqlalchemy", "pydantic", "fastapi"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shape", choices=("fan", "chain", "dag"), required=True)
    parser.add_argument("--tasks", type=int, required=True)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        asyncio.run(measure(Workload(given.shape, given.tasks), Path(home)))


if __name__ == "__main__":
    main()
