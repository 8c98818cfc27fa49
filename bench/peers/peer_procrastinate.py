"""Procrastinate: PostgreSQL alone, one worker process. A chain's job defers its successor; it knows no dag.

The driver asks for the end every 20 ms, which is part of what is measured.
"""

import asyncio
import os
import sys
import tempfile
from pathlib import Path

import procrastinate
import psycopg
from bench.peers.harness import Clock, child, emit
from bench.peers.peer import given
from bench.peers.workload import check, no_op

URL = os.environ["BENCH_POSTGRES"]
app = procrastinate.App(connector=procrastinate.PsycopgConnector(conninfo=URL))


@app.task(name="no_op", queue="bench")
async def job(task: int, left: int = 0) -> dict[str, object]:
    if left:
        await job.defer_async(task=task + 1, left=left - 1)
    return no_op(task)


async def finished(connection: psycopg.AsyncConnection, count: int) -> list[int]:
    query = "SELECT (args->>'task')::int FROM procrastinate_jobs WHERE status = 'succeeded'"
    async with asyncio.timeout(120):
        while len(rows := await (await connection.execute(query)).fetchall()) < count:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    return [row[0] for row in rows]


async def measure() -> None:
    workload = given()
    connection = await psycopg.AsyncConnection.connect(URL, autocommit=True)
    async with app.open_async():
        await app.schema_manager.apply_schema_async()
        with tempfile.TemporaryDirectory() as home:
            concurrency = "1" if workload.shape == "chain" else "16"
            worker = [sys.executable, "-m", "bench.peers.peer_procrastinate", "--worker", concurrency]
            with child(worker, Path(home) / "worker.log"):
                await job.batch_defer_async(*({"task": n} for n in range(50)))
                await finished(connection, 50)
                await connection.execute("TRUNCATE procrastinate_jobs RESTART IDENTITY CASCADE")
                with Clock() as clock:
                    if workload.shape == "chain":
                        await job.defer_async(task=0, left=workload.tasks - 1)
                    else:
                        await job.batch_defer_async(*({"task": n} for n in range(workload.tasks)))
                    done = await finished(connection, workload.tasks)
    await connection.close()
    check(workload.graph(), done)
    emit(workload, clock, cpu=clock.machine, peak=0.0, packages=("procrastinate", "psycopg"))


async def work(concurrency: int) -> None:
    async with app.open_async():
        await app.run_worker_async(queues=["bench"], concurrency=concurrency)


if __name__ == "__main__":
    asyncio.run(work(int(sys.argv[2])) if "--worker" in sys.argv else measure())
