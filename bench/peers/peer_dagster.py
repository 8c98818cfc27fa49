"""Dagster: a job in one process, one op after the other, every event in PostgreSQL.

Its usual executor starts a process for each op, which takes seconds.
"""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from bench.peers.harness import Clock, emit
from bench.peers.peer import given
from bench.peers.workload import Workload, check, no_op
from dagster import (
    DagsterInstance,
    DependencyDefinition,
    GraphDefinition,
    In,
    JobDefinition,
    MultiDependencyDefinition,
    Nothing,
    OpDefinition,
    OpExecutionContext,
    Out,
    Output,
)

SETTINGS = """
telemetry: {{enabled: false}}
storage: {{postgres: {{postgres_url: "{url}"}}}}
"""
QUIET = {"loggers": {"console": {"config": {"log_level": "ERROR"}}}}


def op(number: int, *, waits: bool) -> OpDefinition:
    def compute(_: OpExecutionContext, __: object) -> Iterator[Output[dict[str, object]]]:
        yield Output(no_op(number), "result")

    after = {"after": In(Nothing)} if waits else {}
    return OpDefinition(name=f"t{number}", ins=after, outs={"result": Out(dict)}, compute_fn=compute)


def job(workload: Workload) -> JobDefinition:
    graph = workload.graph()
    wiring = {
        f"t{number}": {"after": MultiDependencyDefinition([DependencyDefinition(f"t{p}", "result") for p in parents])}
        for number, parents in graph.items()
        if parents
    }
    ops = [op(number, waits=bool(parents)) for number, parents in graph.items()]
    return GraphDefinition(name=workload.shape, node_defs=ops, dependencies=wiring).to_job()


def main() -> None:
    workload = given()
    url = os.environ["BENCH_POSTGRES"].replace("://", "+psycopg2://")  # the driver that it installs
    with tempfile.TemporaryDirectory() as home:
        Path(home, "dagster.yaml").write_text(SETTINGS.format(url=url))
        os.environ["DAGSTER_HOME"] = home
        with DagsterInstance.from_config(home) as instance:
            job(Workload("fan", 20)).execute_in_process(QUIET, instance=instance)
            made = job(workload)
            with Clock() as clock:
                ended = made.execute_in_process(QUIET, instance=instance)
            check(workload.graph(), [ended.output_for_node(f"t{n}")["id"] for n in workload.graph()])
    emit(workload, clock, cpu=clock.machine, peak=0.0, packages=("dagster", "dagster-postgres", "sqlalchemy"))


if __name__ == "__main__":
    main()
