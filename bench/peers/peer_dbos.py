"""DBOS: a library in one process, its system database in PostgreSQL. Tasks are steps of one workflow, each committed.

A dag is a gather for each layer, since steps must start in an order that is always the same: a barrier, which is
stronger than three parents.
"""

import asyncio
import os

from bench.peers.harness import Clock, emit
from bench.peers.peer import given, rank
from bench.peers.workload import Workload, check, no_op
from dbos import DBOS

DBOS(
    config={
        "name": "bench",
        "system_database_url": os.environ["BENCH_POSTGRES"],
        "log_level": "ERROR",
        "application_version": "1",
    }
)


@DBOS.step()
async def step(task: int) -> dict[str, object]:
    return no_op(task)


@DBOS.workflow()
async def workflow(shape: str, tasks: int) -> list[dict[str, object]]:
    if shape == "chain":
        return [await step(n) for n in range(tasks)]
    done: list[dict[str, object]] = []
    for rank_ in rank(Workload(shape, tasks)):
        done += await asyncio.gather(*(step(n) for n in rank_))
    return done


async def main() -> None:
    workload = given()
    DBOS.launch()
    await (await DBOS.start_workflow_async(workflow, "fan", 50)).get_result()
    with Clock() as clock:
        done = await (await DBOS.start_workflow_async(workflow, workload.shape, workload.tasks)).get_result()
    check(workload.graph(), [each["id"] for each in done])
    emit(workload, clock, cpu=clock.machine, peak=0.0, packages=("dbos", "sqlalchemy", "psycopg"))
    DBOS.destroy()


if __name__ == "__main__":
    asyncio.run(main())
