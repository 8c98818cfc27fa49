"""The floor of the distributed runtime: a minimal durable scheduler and executor.

Two processes over two durable queues; each keeps inbox, state and outbox in PostgreSQL. No API, no retries, no
authentication, no telemetry: everything a real product adds comes on top.

scheduler  task.finished -> one statement: inbox, mark done, count down what comes after, newly ready tasks into the
           outbox; then publish task.ready
executor   task.ready -> run the no-op -> one statement: inbox, the attempt with its result, outbox; then publish
           task.finished

Each side commits first, then publishes with confirms, then deletes the outbox rows; what came in is acknowledged
after the commit. BENCH_POSTGRES and BENCH_RABBITMQ name an empty database and an empty virtual host.
"""

import argparse
import asyncio
import os
import subprocess
import sys
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import aio_pika
import asyncpg
import msgspec
import uvloop
from aio_pika.abc import AbstractIncomingMessage
from bench.peers.batcher import Batcher
from bench.peers.harness import Clock, child, emit, peak_mb
from bench.peers.workload import Graph, Workload, check, no_op, warm_up

PACKAGES = ("aio-pika", "asyncpg", "uvloop", "msgspec")
READY, FINISHED = "floor.ready", "floor.finished"
PREFETCH, BATCH, FORGOTTEN = 512, 128, 512

TABLES = """
create table fe_task (id int primary key, state text not null, pending int not null, result jsonb)
  with (fillfactor = 50);
create table fe_edge (parent int not null, child int not null, primary key (parent, child));
create table fe_inbox (event_id bigint primary key);
create table fe_outbox (event_id bigint primary key, task_id int not null);
create table fx_inbox (event_id bigint primary key);
create table fx_attempt (task_id int primary key, result jsonb not null, at timestamptz not null default now());
create table fx_outbox (event_id bigint primary key, body bytea not null);
"""
EMPTY = "truncate fe_task, fe_edge, fe_inbox, fe_outbox, fx_inbox, fx_attempt, fx_outbox"
FINISH = """
with f as (insert into fe_inbox select unnest($1::bigint[]) on conflict do nothing returning event_id),
     x as (select * from unnest($1::bigint[], $2::int[], $3::jsonb[]) as x(e, id, result)),
     d as (update fe_task t set state = 'done', result = x.result from x join f on f.event_id = x.e
           where t.id = x.id and t.state = 'queued' returning t.id),
     c as (select g.child, count(*) n from fe_edge g join d on d.id = g.parent group by g.child),
     r as (update fe_task t set pending = t.pending - c.n,
                  state = case when t.pending = c.n then 'queued' else t.state end
           from c where t.id = c.child returning t.id, t.pending),
     o as (insert into fe_outbox select 2 * id, id from r where pending = 0 returning task_id)
select (select count(*) from d), (select array_agg(task_id) from o)
"""
ATTEMPT = """
with f as (insert into fx_inbox select unnest($1::bigint[]) on conflict do nothing returning event_id),
     x as (select * from unnest($1::bigint[], $2::int[], $3::jsonb[], $4::bytea[]) as x(e, id, result, body)),
     a as (insert into fx_attempt select x.id, x.result from x join f on f.event_id = x.e)
insert into fx_outbox select x.e + 1, x.body from x join f on f.event_id = x.e returning event_id
"""


class Ready(msgspec.Struct):
    event_id: int
    task_id: int


class Finished(msgspec.Struct):
    event_id: int
    task_id: int
    result: msgspec.Raw


encode = msgspec.json.Encoder().encode
decode_ready = msgspec.json.Decoder(Ready).decode
decode_finished = msgspec.json.Decoder(Finished).decode


class Side(ABC):
    """A process with its inbound queue, its tables and its outbox."""

    forget: str
    """The statement that deletes delivered events from the outbox."""

    @abstractmethod
    async def handle(self, messages: list[AbstractIncomingMessage]) -> None:
        """Commit what these messages mean, post what follows, acknowledge."""

    async def open(self, inbound: str, outbound: str) -> None:
        self.database = await asyncpg.connect(os.environ["BENCH_POSTGRES"])
        self._forgetting = await asyncpg.connect(os.environ["BENCH_POSTGRES"])
        self.broker = await aio_pika.connect_robust(os.environ["BENCH_RABBITMQ"])
        publishing, consuming = await self.broker.channel(), await self.broker.channel()
        await consuming.set_qos(prefetch_count=PREFETCH)
        quorum: dict[str, Any] = {"x-queue-type": "quorum"}
        queue = await consuming.declare_queue(inbound, durable=True, arguments=quorum)
        await publishing.declare_queue(outbound, durable=True, arguments=quorum)
        self._exchange, self._outbound = publishing.default_exchange, outbound
        self._inbox, self._sent = Batcher(self.handle, BATCH), Batcher(self._forget, FORGOTTEN)
        self._publishing: set[asyncio.Task[None]] = set()
        await queue.consume(self._arrived)

    async def _arrived(self, message: AbstractIncomingMessage) -> None:
        self._inbox.add(message)

    async def _forget(self, event_ids: list[int]) -> None:
        await self._forgetting.execute(self.forget, event_ids)

    async def _publish(self, event_id: int, body: bytes) -> None:
        message = aio_pika.Message(body, delivery_mode=aio_pika.DeliveryMode.PERSISTENT)
        await self._exchange.publish(message, self._outbound)
        self._sent.add(event_id)

    def post(self, event_id: int, body: bytes) -> None:
        task = asyncio.create_task(self._publish(event_id, body))
        self._publishing.add(task)
        task.add_done_callback(self._publishing.discard)


class Executor(Side):
    forget = "delete from fx_outbox where event_id = any($1::bigint[])"

    async def handle(self, messages: list[AbstractIncomingMessage]) -> None:
        wanted = [decode_ready(message.body) for message in messages]
        results = [encode(no_op(ready.task_id)) for ready in wanted]
        bodies = {
            ready.event_id + 1: encode(Finished(ready.event_id + 1, ready.task_id, msgspec.Raw(result)))
            for ready, result in zip(wanted, results, strict=True)
        }
        rows = await self.database.fetch(
            ATTEMPT,
            [ready.event_id for ready in wanted],
            [ready.task_id for ready in wanted],
            [result.decode() for result in results],
            list(bodies.values()),
        )
        for (event_id,) in rows:
            self.post(event_id, bodies[event_id])
        await messages[-1].ack(multiple=True)


class Scheduler(Side):
    forget = "delete from fe_outbox where event_id = any($1::bigint[])"

    async def load(self, graph: Graph) -> None:
        self._left, self.done = len(graph), asyncio.Event()
        await self.database.execute(EMPTY)
        await self._copy("fe_task", ((t, "waiting" if after else "queued", len(after)) for t, after in graph.items()))
        await self._copy("fe_edge", ((parent, task) for task, after in graph.items() for parent in after))
        await self.database.execute("analyze fe_task, fe_edge")

    async def start(self, graph: Graph) -> None:
        roots = [task for task, after in graph.items() if not after]
        await self._copy("fe_outbox", ((2 * task, task) for task in roots))
        self._ready(roots)

    async def _copy(self, table: str, records: Iterable[Sequence[Any]]) -> None:
        columns = ("id", "state", "pending") if table == "fe_task" else None
        await self.database.copy_records_to_table(table, columns=columns, records=records)

    def _ready(self, tasks: Iterable[int]) -> None:
        for task in tasks:
            self.post(2 * task, encode(Ready(2 * task, task)))

    async def handle(self, messages: list[AbstractIncomingMessage]) -> None:
        facts = [decode_finished(message.body) for message in messages]
        results = [bytes(fact.result).decode() for fact in facts]
        row = await self.database.fetchrow(FINISH, [f.event_id for f in facts], [f.task_id for f in facts], results)
        assert row is not None
        self._ready(row[1] or ())
        await messages[-1].ack(multiple=True)
        self._left -= row[0]
        if self._left == 0:
            self.done.set()


async def execute() -> None:
    executor = Executor()
    await executor.open(READY, FINISHED)
    await asyncio.Event().wait()


async def measure(workload: Workload) -> None:
    scheduler = Scheduler()
    await scheduler.open(FINISHED, READY)
    await scheduler.database.execute(TABLES)
    command = [sys.executable, "-m", "bench.peers.floor_engine", "--execute"]
    with tempfile.TemporaryDirectory() as home, child(command, Path(home) / "executor.log") as executor:
        await _run(scheduler, workload, executor)
    await scheduler.broker.close()


async def _run(scheduler: Scheduler, workload: Workload, executor: subprocess.Popen[bytes]) -> None:
    for graph in (warm_up(workload.tasks), workload.graph()):
        await scheduler.load(graph)
        with Clock() as clock:
            await scheduler.start(graph)
            await asyncio.wait_for(scheduler.done.wait(), 120)
        peak = peak_mb(os.getpid(), executor.pid)
        unsent = "select exists (select from fe_outbox) or exists (select from fx_outbox)"
        while await scheduler.database.fetchval(unsent):  # noqa: ASYNC110 - the database tells nobody
            await asyncio.sleep(0.05)
        joined = "select t.id from fe_task t join fx_attempt a on a.task_id = t.id where state = 'done'"
        check(graph, [row[0] for row in await scheduler.database.fetch(joined)])
    emit(workload, clock, cpu=clock.machine, peak=peak, packages=PACKAGES)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--shape", choices=("fan", "chain", "dag"))
    parser.add_argument("--tasks", type=int)
    parser.add_argument("--execute", action="store_true", help="be the executor")
    given = parser.parse_args()
    uvloop.run(execute() if given.execute else measure(Workload(given.shape, given.tasks)))


if __name__ == "__main__":
    main()
