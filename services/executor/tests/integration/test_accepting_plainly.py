"""The plain way and the general way of a dispatch are one: both leave the same, or the first leaves nothing."""

import asyncio
import json
import re
from collections.abc import Iterator
from contextlib import suppress
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from services.executor.tests.dispatches import AT, cancelled, dispatched, withdrawn
from sqlalchemy import select
from tests.servers import Postgres

from orchestra.chassis.database.migrations import migrate
from orchestra.chassis.database.unit_of_work import Database
from orchestra.chassis.ids import new_id
from orchestra.chassis.messaging import inbox
from orchestra.chassis.messaging.consume import consume
from orchestra.chassis.messaging.message import Envelope, decode, wrap
from orchestra.chassis.messaging.traces import processing
from orchestra.chassis.testing.fakes import HeldClock
from orchestra.contracts.planning import Command, Input
from orchestra.contracts.scheduling import TaskDispatched
from orchestra.executor.adapters.tables import metadata
from orchestra.executor.adapters.work import ExecutorWork
from orchestra.executor.application.accept_dispatches import accept_plainly
from orchestra.executor.domain.policy import Policy
from orchestra.executor.service import service

SUBSCRIPTION = service.subscriptions.by_name()["executor:task.dispatched.v1"]
EVENT_ID = re.compile(r"\bevt_[0-9a-f]{32}\b")
SPAN = re.compile(r"\b(00-[0-9a-f]{32})-[0-9a-f]{16}-")
TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
KNOWN, UNKNOWN = "a" * 64, "b" * 64
BEFORE = ("nothing", "the event", "the attempt", "a withdrawal", "the end of its run", "the end of another run")


class Undone(Exception):
    pass


class Scene:
    def __init__(self, database: Database[ExecutorWork]) -> None:
        self.database = database
        self.before: set[str] = set()

    async def deliver(self, *events: Any) -> None:
        for event in events:
            envelope = wrap(event, event_id=new_id("evt"), source="/test", time=AT)
            await consume(service.subscriptions.by_name()[f"executor:{event.kind}"], [envelope], self.database)

    async def left(self, work: ExecutorWork) -> dict[str, Any]:
        """All rows; ids of events that were not there before are left out."""
        found: dict[str, Any] = {"woken": sorted(work.wakes), "handed over": [out.kind for out in work.fresh]}
        for table in metadata.sorted_tables:
            rows = (await work.connection.execute(select(table).order_by(*table.primary_key))).mappings()
            found[table.name] = [self._shown(dict(row)) for row in rows]
        return found

    def _shown(self, row: dict[str, Any]) -> str:
        row.pop("position", None)
        for name in ("body", "dispatch"):
            if row.get(name):
                row[name] = decode(row[name])[0].cloud if name == "body" else json.loads(row[name])
        text = SPAN.sub(r"\1-", json.dumps(row, default=str, sort_keys=True))
        return EVENT_ID.sub(lambda match: match[0] if match[0] in self.before else "new", text)

    async def undone(self, envelope: Envelope, *, plain: bool) -> tuple[bool, dict[str, Any]]:
        done = False
        with suppress(Undone):
            async with self.database.begin() as work:
                work.delivery, work.cause = [envelope], envelope
                if plain:
                    event = envelope.event
                    assert isinstance(event, TaskDispatched)
                    done = await accept_plainly(work, event, envelope.cloud.traceparent)
                    work.wakes = work.wakes if done else set()
                elif await inbox.claim(work, SUBSCRIPTION.name, [envelope.id]):
                    await SUBSCRIPTION.handle([envelope], work)
                await work.flush() if not plain else None
                left = await self.left(work)
                raise Undone
        return done, left


@pytest.fixture(scope="module")
def scene(postgres: Postgres) -> Iterator[tuple[asyncio.Runner, Scene]]:
    with asyncio.Runner() as runner:

        async def prepare() -> Scene:
            told = SimpleNamespace(policy=Policy())
            url = await postgres.create()
            database = Database(url, "executor", ExecutorWork, clock=HeldClock(), settings=told)
            await migrate(database, service.migrations)
            database.handover.is_open = True
            return Scene(database)

        scene = runner.run(prepare())
        yield runner, scene
        runner.run(scene.database.close())


async def _play(scene: Scene, event: TaskDispatched, before: str) -> bool:
    """Whether it went the plain way."""
    async with scene.database.begin() as work:
        for table in reversed(metadata.sorted_tables):
            await work.connection.execute(table.delete())
        await work.register.add({(event.workspace_id, KNOWN): 1, ("wsp_2", UNKNOWN): 1})
    envelope = wrap(event, event_id=new_id("evt"), source="/test", time=AT, traceparent=TRACE)
    match before:
        case "the event":
            await consume(SUBSCRIPTION, [envelope], scene.database)
        case "the attempt":
            await scene.deliver(event)
        case "a withdrawal":
            await scene.deliver(withdrawn(event))
        case "the end of its run":
            await scene.deliver(cancelled(event))
        case "the end of another run":
            await scene.deliver(cancelled(event.model_copy(update={"run_id": "run_2"})))
        case _:
            pass
    async with scene.database.read() as view:
        stood = await scene.left(view)
        scene.before = set(EVENT_ID.findall(json.dumps(stood))) | {envelope.id}
        stood = await scene.left(view)
    with processing("executor", event.kind, [envelope]):
        done, plainly = await scene.undone(envelope, plain=True)
        _, generally = await scene.undone(envelope, plain=False)
    assert plainly == (generally if done else stood)
    scene.database.handover.take(100)
    await consume(SUBSCRIPTION, [envelope], scene.database)
    async with scene.database.read() as view:
        told = {"woken": generally["woken"], "handed over": generally["handed over"]}
        assert {**await scene.left(view), **told} == generally
    assert [out.kind for out in scene.database.handover.take(100)] == generally["handed over"]
    return done


contents = st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from([KNOWN, KNOWN, UNKNOWN])), max_size=2)


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    dry_run=st.booleans(),
    tool=st.sampled_from(["true", "true", "mkfs"]),
    inputs=contents,
    handed_on=contents,
    left_out=st.sampled_from([0, 0, 0, 2]),
    before=st.sampled_from(BEFORE),
)
def test_both_ways_of_a_dispatch_leave_the_same(
    scene: tuple[asyncio.Runner, Scene],
    dry_run: bool,
    tool: str,
    inputs: list[tuple[str, str]],
    handed_on: list[tuple[str, str]],
    left_out: int,
    before: str,
) -> None:
    runner, scened = scene
    named = [tuple(Input(path=path, sha256=sha256) for path, sha256 in each) for each in (inputs, handed_on)]
    command = Command(argv=(tool,), tools=(tool,), inputs=named[0])
    event = dispatched(command, dry_run=dry_run, handed_on=named[1], left_out=left_out)
    done = runner.run(_play(scened, event, before))
    lacks = dry_run and UNKNOWN in {each.sha256 for each in wanted(event)}
    assert done == (before in ("nothing", "the end of another run") and not lacks)


def wanted(event: TaskDispatched) -> list[Input]:
    return list({each.path: each for each in (*event.command.inputs, *event.handed_on)}.values())
