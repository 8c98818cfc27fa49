"""What size costs: plans of a thousand to a hundred thousand tasks, one to two hundred runs at a time.

`python -m bench.growth [--runtime embedded|distributed] [--tasks 1000 10000 100000] [--runs 1 20 200] [--gate]`. Each
size is a program of its own; what it prints is compared with the first. What the figures mean stands in
bench/README.md.
"""

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager, nullcontext
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import psutil
from bench import distributed, journey
from bench.embedded import hosted
from bench.peers.harness import Clock, peak_mb
from bench.peers.workload import Graph, Workload, warm_up
from bench.servers import own_servers

from orchestra.cli.api import Api
from orchestra.cli.inputs import Inputs
from orchestra.cli.journey import ENDED, ask, propose

STEADY = 1000
"""Tasks that are counted for the rate, however many there are."""
OF_A_RUN = 100
"""Tasks, where the number of runs grows."""
AT_ONCE = 20
"""Requests of the client."""
READY_LIMIT_S = 10.0
PEAK_LIMIT_MB = 1024
LIMIT_S = 900

Row = dict[str, Any]


async def plan_of_size(client: httpx.AsyncClient, tasks: int) -> Row:
    """From the request to a plan that is proposed, approved, applied and scheduled; then its first tasks."""
    api, graph = Api(client), Workload("dag", tasks).graph()
    async with journey.feed(client) as happened:
        with Clock() as clock:
            times, plan = await _stands(api, happened, graph)
        project = plan["project_id"]
        wanted = {"plan_id": plan["id"], "hash": plan["hash"], "dry_run": True}
        began, count = time.perf_counter(), min(tasks, STEADY)
        await api.post(f"/projects/{project}/runs", wanted)
        await happened.until(project, first := journey.Done(1))
        times["first_s"] = time.perf_counter() - began
        if count + first.left > 1:
            await happened.until(project, journey.Done(count + first.left - 1))
        rate = count / (time.perf_counter() - began)
    shown = {name: round(value, 2) for name, value in times.items()}
    return shown | {"cpu_s": round(clock.machine, 1), "tasks_per_s": round(rate, 1)}


async def _stands(api: Api, happened: journey.Feed, graph: Graph) -> tuple[Row, dict[str, Any]]:
    """The plan, and when it was what."""
    began = time.perf_counter()
    asked = await ask(api, Inputs("bench", journey.DOCUMENT, journey.TEAM, journey.plan_of(graph)))
    times = {"accepted_s": time.perf_counter() - began}
    await happened.until(asked["project_id"], lambda item: item["kind"] == "plan.proposed.v1")
    # By its hash, without its tasks: whoever wants those reads them beside.
    [plan] = (await api.get(f"/projects/{asked['project_id']}/plans"))["data"]
    times["proposed_s"] = time.perf_counter() - began
    await api.post(f"/plans/{plan['id']}/approve", {"hash": plan["hash"]})
    for name, kind in (("applied_s", "plan.applied.v1"), ("scheduled_s", "schedule.recalculated.v1")):
        await happened.until(plan["project_id"], lambda item, kind=kind: item["kind"] == kind)
        times[name] = time.perf_counter() - began
    return times, plan


async def floor(tasks: int) -> float:
    """Seconds for the least that must be done with such a plan: its JSON is read, its rows are copied."""
    graph = Workload("dag", tasks).graph()
    text = json.dumps(journey.plan_of(graph))
    connection = await asyncpg.connect(os.environ["BENCH_POSTGRES"])
    try:
        await connection.execute(
            "CREATE TABLE t (id text PRIMARY KEY, title text, minutes int, argv text);"
            "CREATE TABLE e (successor text, predecessor text, PRIMARY KEY (successor, predecessor))"
        )
        began = time.perf_counter()
        rows = json.loads(text)["tasks"]
        edges = [(row["id"], before) for row in rows for before in row["after"]]
        rows = [(row["id"], row["title"], row["minutes"], json.dumps(row["command"])) for row in rows]
        async with connection.transaction():
            await connection.copy_records_to_table("t", records=rows)
            await connection.copy_records_to_table("e", records=edges)
        return time.perf_counter() - began
    finally:
        await connection.close()


async def runs_at_a_time(client: httpx.AsyncClient, runs: int) -> Row:
    """All are started at once, once their schedules stand, and are waited for."""
    api, graph, turn = Api(client), Workload("dag", OF_A_RUN).graph(), asyncio.Semaphore(AT_ONCE)
    inputs = Inputs("bench", journey.DOCUMENT, journey.TEAM, journey.plan_of(graph))

    async def planned() -> dict[str, Any]:
        async with turn:
            plan = await propose(api, inputs)
            return await api.post(f"/plans/{plan['id']}/approve", {"hash": plan["hash"]}) | plan

    async def start(plan: dict[str, Any]) -> None:
        async with turn:
            wanted = {"plan_id": plan["id"], "hash": plan["hash"], "dry_run": True}
            await api.post(f"/projects/{plan['project_id']}/runs", wanted)

    async with journey.feed(client) as happened:
        plans = await asyncio.gather(*(planned() for _ in range(runs)))
        await happened.until(None, journey.Each("schedule.recalculated.v1", [plan["project_id"] for plan in plans]))
        with Clock() as clock:
            ended = journey.Each("run.changed.v1", [plan["project_id"] for plan in plans], ENDED)
            await asyncio.gather(happened.until(None, ended), *map(start, plans))
    tasks = runs * OF_A_RUN
    return {"cpu_ms_per_task": round(1000 * clock.machine / tasks, 2), "tasks_per_s": round(tasks / clock.wall, 1)}


@asynccontextmanager
async def system(runtime: str) -> AsyncGenerator[tuple[httpx.AsyncClient, Any]]:
    """A client, and what tells the memory of its largest process."""
    with tempfile.TemporaryDirectory() as home:
        if runtime == "embedded":
            async with hosted(Path(home)) as client:
                yield client, lambda: _largest(psutil.Process())
            return
        with distributed.stack(Path(home)) as (url, key, process):
            headers = {"Authorization": f"Bearer {key}"}
            async with httpx.AsyncClient(base_url=url, headers=headers, timeout=120) as client:
                yield client, lambda: max(map(_largest, process.children()))


def _largest(service: psutil.Process) -> float:
    """Of a service and the processes that it has just now: one that calculated has not ended yet."""
    return max(peak_mb(each.pid) for each in (service, *service.children(recursive=True)))


async def measure(runtime: str, tasks: int, runs: int) -> None:
    async with system(runtime) as (client, peak):
        await journey.run(client, warm_up(200), peak)
        row = await plan_of_size(client, tasks) if tasks else await runs_at_a_time(client, runs)
        row["peak_mb"] = round(peak())
    if tasks and runtime == "distributed":
        row["ratio"] = round(row["scheduled_s"] / await floor(tasks), 1)
    print(json.dumps(row))


def measured(runtime: str, what: str, size: int) -> Row:
    command = [sys.executable, "-m", "bench.growth", "--row", "--runtime", runtime, f"--{what}", str(size)]
    with own_servers() if runtime == "distributed" else nullcontext({}) as environment:
        done = subprocess.run(
            command, stdout=subprocess.PIPE, text=True, check=True, timeout=LIMIT_S, env=os.environ | environment
        )
    return json.loads(done.stdout.splitlines()[-1])


def show(title: str, sizes: Sequence[int], rows: Sequence[Row]) -> None:
    print(f"\n{title}")
    print("".join(f"{name:>17}" for name in ("size", *rows[0], "rate/first")))
    for size, row in zip(sizes, rows, strict=True):
        ratio = row["tasks_per_s"] / rows[0]["tasks_per_s"]
        print("".join(f"{value:17,}" for value in (size, *row.values())) + f"{ratio:17.2f}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--runtime", choices=("embedded", "distributed"), help="both without it")
    parser.add_argument("--tasks", type=int, nargs="*", help="of one plan; 1000 10000 100000 without numbers")
    parser.add_argument("--runs", type=int, nargs="*", help=f"of {OF_A_RUN} tasks each; 1 20 200 without numbers")
    parser.add_argument("--gate", action="store_true", help="exit 1 when the largest plan takes too long or too much")
    parser.add_argument("--row", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    both = given.tasks is None and given.runs is None
    tasks = (1000, 10_000, 100_000) if both or given.tasks == [] else given.tasks or ()
    runs = (1, 20, 200) if both or given.runs == [] else given.runs or ()
    if given.row:
        asyncio.run(measure(given.runtime, *(tasks or (0,)), *(runs or (0,))))
        return
    late = False
    for runtime in [given.runtime] if given.runtime else ("embedded", "distributed"):
        if tasks:
            rows = [measured(runtime, "tasks", size) for size in tasks]
            show(f"{runtime}: plans by their tasks", tasks, rows)
            late |= rows[-1]["scheduled_s"] > READY_LIMIT_S or rows[-1]["peak_mb"] > PEAK_LIMIT_MB
        if runs:
            show(f"{runtime}: runs at a time", runs, [measured(runtime, "runs", size) for size in runs])
    sys.exit(1 if given.gate and late else 0)


if __name__ == "__main__":
    main()
