"""The floor of the embedded runtime: a minimal durable scheduler and executor in one process on SQLite.

The scheduler and the executor have a database each, with inbox, state and outbox, as services have, and the journal
settings of the embedded host (WAL, synchronous=NORMAL). A batch costs one transaction on each side. What the other
side has committed leaves the outbox in the next transaction of its own side; after a kill it would be handed over
again, and the inbox would know it.
"""

import argparse
import json
import os
import sqlite3
import tempfile
from collections.abc import Iterable, Sequence
from contextlib import contextmanager
from pathlib import Path

from bench.peers.harness import Clock, emit, peak_mb
from bench.peers.workload import Graph, Workload, check, no_op, warm_up

BATCH = 256
"""As many as the embedded relay hands over at a time."""

SCHEDULER = """
create table task (id integer primary key, state text not null, pending integer not null, result text) strict;
create table edge (parent integer not null, child integer not null, primary key (parent, child)) strict, without rowid;
create table inbox (event_id integer primary key) strict;
create table outbox (event_id integer primary key, body text not null) strict;
"""
EXECUTOR = """
create table attempt (task_id integer primary key, result text not null, at text not null) strict;
create table inbox (event_id integer primary key) strict;
create table outbox (event_id integer primary key, body text not null) strict;
"""

Event = tuple[int, str]
"""Id and body in JSON."""


class Side:
    def __init__(self, path: Path, tables: str) -> None:
        self.database = sqlite3.connect(path, isolation_level=None)
        self.database.executescript(f"pragma journal_mode=WAL; pragma synchronous=NORMAL; {tables}")
        self._delivered: Sequence[Event] = ()

    @contextmanager
    def transaction(self):
        self.database.execute("begin immediate")
        self.database.executemany("delete from outbox where event_id = ?", [(e,) for e, _ in self._delivered])
        yield
        self.database.execute("commit")
        self._delivered = ()

    def fresh(self, events: Sequence[Event]) -> list[Event]:
        """Those of the events that were not handled before."""
        claim = "insert into inbox select value from json_each(?) where true on conflict do nothing returning event_id"
        new = {row[0] for row in self.database.execute(claim, [json.dumps([e for e, _ in events])])}
        return [event for event in events if event[0] in new]

    def send(self, events: Sequence[Event]) -> Sequence[Event]:
        self.database.executemany("insert into outbox values (?, ?)", events)
        return events

    def delivered(self, events: Sequence[Event]) -> None:
        self._delivered = [*self._delivered, *events]


class Executor(Side):
    def handle(self, events: Sequence[Event]) -> Sequence[Event]:
        with self.transaction():
            done: list[tuple[int, int, str]] = []
            for event_id, body in self.fresh(events):
                task = json.loads(body)["task"]
                done.append((event_id, task, json.dumps(no_op(task))))
            attempts = [(task, result) for _, task, result in done]
            self.database.executemany("insert into attempt values (?, ?, datetime('now'))", attempts)
            return self.send([(e + 1, json.dumps({"task": task, "result": result})) for e, task, result in done])


class Scheduler(Side):
    def load(self, graph: Graph) -> None:
        with self.transaction():
            tasks = [(task, "waiting" if after else "queued", len(after)) for task, after in graph.items()]
            self.database.executemany("insert into task (id, state, pending) values (?, ?, ?)", tasks)
            edges = [(parent, task) for task, after in graph.items() for parent in after]
            self.database.executemany("insert into edge values (?, ?)", edges)

    def start(self, graph: Graph) -> Sequence[Event]:
        with self.transaction():
            return self._ready(task for task, after in graph.items() if not after)

    def handle(self, events: Sequence[Event]) -> Sequence[Event]:
        with self.transaction():
            facts = [json.loads(body) for _, body in self.fresh(events)]
            finish = "update task set state = 'done', result = ? where id = ? and state = 'queued'"
            self.database.executemany(finish, [(fact["result"], fact["task"]) for fact in facts])
            count_down = "update task set pending = pending - 1 where id in (select child from edge where parent = ?)"
            self.database.executemany(count_down, [(fact["task"],) for fact in facts])
            released = """update task set state = 'queued' where state = 'waiting' and pending = 0 and id in
                (select child from edge where parent in (select value from json_each(?))) returning id"""
            rows = self.database.execute(released, [json.dumps([fact["task"] for fact in facts])])
            return self._ready([row[0] for row in rows])

    def _ready(self, tasks: Iterable[int]) -> Sequence[Event]:
        return self.send([(2 * task, json.dumps({"task": task})) for task in tasks])


def run(scheduler: Scheduler, executor: Executor, ready: Sequence[Event]) -> None:
    """Hand events to and fro until there are none."""
    waiting = list(ready)
    while waiting:
        batch, waiting = waiting[:BATCH], waiting[BATCH:]
        finished = executor.handle(batch)
        scheduler.delivered(batch)
        waiting += scheduler.handle(finished)
        executor.delivered(finished)


def measure(workload: Workload, home: Path) -> None:
    for name, graph in (("warm", warm_up(workload.tasks)), ("measured", workload.graph())):
        scheduler = Scheduler(home / f"{name}-scheduler.db", SCHEDULER)
        executor = Executor(home / f"{name}-executor.db", EXECUTOR)
        scheduler.load(graph)
        with Clock() as clock:
            run(scheduler, executor, scheduler.start(graph))
        peak = peak_mb(os.getpid())
        done = {row[0] for row in scheduler.database.execute("select id from task where state = 'done'")}
        check(graph, [row[0] for row in executor.database.execute("select task_id from attempt") if row[0] in done])
    emit(workload, clock, cpu=clock.own, peak=peak, packages=())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--shape", choices=("fan", "chain", "dag"), required=True)
    parser.add_argument("--tasks", type=int, required=True)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        measure(Workload(given.shape, given.tasks), Path(home))


if __name__ == "__main__":
    main()
