"""Celery, durable: RabbitMQ with publisher confirms and late acknowledgements, two worker processes, results in Redis.

It knows no dependencies of tasks: a dag is a chord for each layer, sent by the driver when the one before has returned.
"""

import os
import sys
import tempfile
from pathlib import Path

from bench.peers.harness import Clock, child, emit
from bench.peers.peer import given, rank
from bench.peers.workload import check, no_op
from celery import Celery, chain, chord, group

QUEUE = "durable"
app = Celery("bench.peers.peer_celery", broker=os.environ["BENCH_RABBITMQ"], backend=os.environ["BENCH_REDIS"])
app.conf.update(
    worker_hijack_root_logger=False,
    broker_connection_retry_on_startup=True,
    task_default_queue=QUEUE,
    task_acks_late=True,
    broker_transport_options={"confirm_publish": True},
    result_expires=300,
)


@app.task(name="no_op")
def task(number: int) -> dict[str, object]:
    return no_op(number)


@app.task(name="barrier")
def barrier(results: list[dict[str, object]]) -> list[dict[str, object]]:
    return results


def main() -> None:
    workload = given()
    with tempfile.TemporaryDirectory() as home:
        worker = [sys.executable, "-m", "celery", "-A", "bench.peers.peer_celery", "worker", "-c", "2", "-Q", QUEUE]
        with child([*worker, "--loglevel", "WARNING"], Path(home) / "worker.log"):
            group(task.si(n) for n in range(100))().get(timeout=60)
            with Clock() as clock:
                done: list[int] = []
                if workload.shape == "chain":
                    last = chain(*(task.si(n) for n in range(workload.tasks)))()
                    last.get(timeout=300)
                elif workload.shape == "fan":
                    done = [r["id"] for r in group(task.si(n) for n in range(workload.tasks))().get(timeout=300)]
                else:
                    for layer in rank(workload):
                        results = chord([task.si(n) for n in layer])(barrier.s()).get(timeout=300)
                        done += [result["id"] for result in results]
            while workload.shape == "chain" and last is not None:
                done.append(last.get(timeout=5)["id"])
                last = last.parent
    check(workload.graph(), done)
    emit(workload, clock, cpu=clock.machine, peak=0.0, packages=("celery", "kombu", "amqp", "redis"))


if __name__ == "__main__":
    main()
