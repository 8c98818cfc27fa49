"""Prefect: its API server in a process of its own, on PostgreSQL; a flow in this one, with its usual pool of threads.

The clock stops when the flow has returned. Its tasks' states go to the server in the background: how long that took in
all is told on the standard error.
"""

import os
import socket
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

from bench.peers.harness import Clock, child, emit, wait_until
from bench.peers.peer import given
from bench.peers.workload import Workload, check, no_op, warm_up


def settings(home: str) -> dict[str, str]:
    """They are read when the package is imported."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    return {
        "PREFECT_API_URL": f"http://127.0.0.1:{port}/api",
        "PREFECT_SERVER_API_PORT": str(port),
        "PREFECT_API_DATABASE_CONNECTION_URL": os.environ["BENCH_POSTGRES"].replace("://", "+asyncpg://"),
        "PREFECT_HOME": home,
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "DO_NOT_TRACK": "1",
        "PREFECT_SERVER_UI_ENABLED": "false",
        "PREFECT_LOGGING_LEVEL": "ERROR",
        "PREFECT_TASKS_DEFAULT_PERSIST_RESULT": "false",
    }


def measure(workload: Workload) -> None:
    from prefect import flow, task
    from prefect.context import get_run_context

    @task
    def step(number: int) -> dict[str, object]:
        return no_op(number)

    @flow
    def run(graph: dict[int, tuple[int, ...]]) -> tuple[str, list[int]]:
        futures = {}
        for number, parents in graph.items():
            futures[number] = step.submit(number, wait_for=[futures[parent] for parent in parents])
        return str(get_run_context().flow_run.id), [future.result()["id"] for future in futures.values()]

    run(warm_up(50))
    began = time.perf_counter()
    with Clock() as clock:
        flow_run, done = run(workload.graph())
    check(workload.graph(), done)
    wait_until(recorded(flow_run, workload.tasks), "states of the tasks on the server", 300)
    print(f"prefect: every state is recorded after {time.perf_counter() - began:.1f} s", file=sys.stderr)
    emit(workload, clock, cpu=clock.machine, peak=0.0, packages=("prefect", "sqlalchemy", "asyncpg"))


def recorded(flow_run: str, tasks: int) -> Callable[[], bool]:
    from prefect.client.orchestration import get_client

    asked = {
        "flow_runs": {"id": {"any_": [flow_run]}},
        "task_runs": {"state": {"type": {"any_": ["COMPLETED"]}}},
    }

    def all_of_them() -> bool:
        with get_client(sync_client=True) as client:
            return client.request("POST", "/task_runs/count", json=asked).json() >= tasks

    return all_of_them


def main() -> None:
    workload = given()
    with tempfile.TemporaryDirectory() as home:
        os.environ.update(settings(home))
        server = [sys.executable, "-m", "prefect", "server", "start", "--host", "127.0.0.1"]
        with child([*server, "--port", os.environ["PREFECT_SERVER_API_PORT"]], Path(home) / "server.log"):
            wait_until(answers, "Prefect's server")
            measure(workload)


def answers() -> bool:
    try:
        urllib.request.urlopen(f"{os.environ['PREFECT_API_URL']}/health").close()  # noqa: S310 - ours
    except OSError:
        return False
    return True


if __name__ == "__main__":
    main()
