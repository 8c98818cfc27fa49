"""Messages that are late, repeated, out of order or broken: nothing is lost, nothing counts twice."""

import asyncio
import json
import subprocess
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import aio_pika
import pytest
from tests.faults.checker import Outline, outline, settled, violations
from tests.faults.workload import NOTES, Run, begin, seeded
from tests.servers import RabbitMQ
from tests.system import CLI, SERVICES, System, clean_environment, eventually, service
from tests.tcp_proxy import TcpProxy

from orchestra.chassis.database.tables import DEAD_LETTER, OUTBOX, add_chassis_tables
from orchestra.chassis.ids import new_id
from orchestra.chassis.messaging.message import wrap
from orchestra.cli.api import Api
from orchestra.contracts.event import REGISTRY
from orchestra.contracts.planning import PlanProposed

EVENTS, PACKED = "orchestra.events", "orchestra.packed"


def broker_of(system: System) -> str:
    return system.programs["scheduler"].environment["ORCHESTRA_RABBITMQ_URL"]


async def unsent(system: System, name: str) -> int:
    async with system.database(name) as database, database.read() as view:
        rows = await view.connection.execute(OUTBOX.select().where(OUTBOX.c.sent_at.is_(None)))
        return len(rows.all())


@pytest.mark.timeout(400)
async def test_what_was_committed_and_not_yet_published_goes_out_after_a_kill(
    system: System, api: Api, clean: Outline
) -> None:
    scheduler = system.programs["scheduler"]
    proxy = await TcpProxy.before(broker_of(system))
    run = await begin(system, api)
    await run.reached(5)
    scheduler.kill()
    await scheduler.start(ORCHESTRA_RABBITMQ_URL=proxy.url(broker_of(system)))
    await run.reached(15)

    proxy.swallow()  # what is committed from now on cannot be published
    await run.complete(NOTES[0])
    assert await unsent(system, "scheduler") > 0
    scheduler.kill()
    await proxy.close()
    await scheduler.start()

    await _ends_like(run, clean, NOTES[1:])


async def _ends_like(run: Run, clean: Outline, notes: Sequence[str]) -> None:
    for note in notes:
        await run.complete(note)
    await run.people_are_waited_for()
    assert await outline(run.system, run.id) == clean
    await run.finish()
    assert violations(await settled(run.system, run.id)) == []


@pytest.mark.timeout(400)
async def test_every_event_again_three_times_and_shuffled_changes_nothing(
    system: System, api: Api, rabbitmq: RabbitMQ
) -> None:
    chance = seeded()
    run = await begin(system, api)
    for note in NOTES:
        await run.complete(note)
    await run.people_are_waited_for()
    await run.finish()
    await settled(system, run.id)
    before = await state(system)
    again = 3 * [
        (row["kind"], row["body"], row["event_id"]) for name in SERVICES for row in await system.rows(name, "outbox")
    ]
    chance.shuffle(again)

    connection = await aio_pika.connect(broker_of(system))
    async with connection:
        channel = await connection.channel()
        exchanges = {name: await channel.get_exchange(name) for name in (EVENTS, PACKED)}
        for kind, body, event_id in again:
            message = aio_pika.Message(body.encode(), message_id=event_id, delivery_mode=2)
            await exchanges[PACKED if REGISTRY[kind].packed else EVENTS].publish(message, kind)

    await drained(system, rabbitmq)
    assert await state(system) == before
    assert violations(await settled(system, run.id)) == []


async def state(system: System) -> dict[tuple[str, str], Any]:
    """All that the services know, but for what the chassis keeps about messages themselves."""
    from sqlalchemy import MetaData

    chassis = MetaData()
    add_chassis_tables(chassis)
    return {
        (name, table): [dict(row) for row in await system.rows(name, table)]
        for name in SERVICES
        for table in service(name).metadata.tables
        if table not in chassis.tables
    }


async def drained(system: System, rabbitmq: RabbitMQ) -> None:
    """No queue has a message that waits or that somebody holds, twice in a row: the broker's counters lag."""
    host = broker_of(system).rpartition("/")[2]
    empty = 0

    async def quiet() -> bool:
        nonlocal empty
        lines = (await rabbitmq.ctl("list_queues", "-p", host, "name", "messages")).splitlines()
        counts = [line.split("\t")[1] for line in lines if line.count("\t") == 1 and not line.startswith("name")]
        empty = empty + 1 if counts and set(counts) == {"0"} else 0
        await asyncio.sleep(3)
        return empty >= 3

    await eventually(quiet)


@pytest.mark.timeout(300)
async def test_poison_among_good_messages_is_kept_with_its_reason_and_can_be_replayed(system: System, api: Api) -> None:
    me = await api.get("/me")
    workspace = me["workspace"]["id"]
    good = [proposed(workspace, f"pln_good_{n}") for n in range(300)]
    bad = [(f"evt_bad_{new_id('n')}", b"{ this is no event") for _ in range(30)]
    messages = [*good, *bad]
    seeded().shuffle(messages)

    connection = await aio_pika.connect(broker_of(system))
    async with connection:
        channel = await connection.channel()
        exchange = await channel.get_exchange(EVENTS)
        for event_id, body in messages:
            message = aio_pika.Message(body, message_id=event_id, delivery_mode=2)
            await exchange.publish(message, PlanProposed.kind)

    async def all_there() -> bool:
        told = {item["data"]["plan_id"] for item in await api.all("/feed") if item["kind"] == PlanProposed.kind}
        kept = {letter["event_id"] for letter in await api.all("/dead-letters", service="gateway")}
        return {f"pln_good_{n}" for n in range(300)} <= told and {event_id for event_id, _ in bad} <= kept

    await eventually(all_there)
    letters = {letter["event_id"]: letter for letter in await api.all("/dead-letters", service="gateway")}
    letter = letters[bad[0][0]]
    assert "gateway.plan.proposed.v1.q1" in letter["reason"]

    assert letter["id"] in shell(system, "dead", "ls", "--json").stdout
    assert json.loads(shell(system, "dead", "show", letter["id"]).stdout)["body"] == "{ this is no event"
    refused = shell(system, "dead", "replay", letter["id"])
    assert (refused.returncode, "cannot be decoded" in refused.stderr) == (7, True)
    mended = proposed(workspace, "pln_mended")[1].decode()
    async with system.database("gateway") as database, database.begin() as work:
        found = DEAD_LETTER.update().where(DEAD_LETTER.c.id == letter["id"])
        await work.connection.execute(found.values(body=mended))
    assert shell(system, "dead", "replay", letter["id"]).returncode == 0
    assert "pln_mended" in {item["data"].get("plan_id") for item in await api.all("/feed")}
    assert letter["id"] not in {each["id"] for each in await api.all("/dead-letters", service="gateway")}


def proposed(workspace: str, plan_id: str) -> tuple[str, bytes]:
    event = PlanProposed(
        workspace_id=workspace,
        project_id="prj_elsewhere",
        sequence=1,
        plan_id=plan_id,
        version=1,
        hash="0" * 64,
        requirements=1,
        tasks=1,
        gaps=(),
    )
    event_id = new_id("evt")
    body = wrap(event, event_id=event_id, source="/elsewhere", time=datetime.now(UTC)).to_json()
    return event_id, body.encode()


def shell(system: System, *words: str) -> subprocess.CompletedProcess[str]:
    told: Mapping[str, str] = clean_environment() | {"ORCHESTRA_API_KEY": system.key}
    command = [*CLI, *words, "--gateway", system.url]
    return subprocess.run(command, env=dict(told), capture_output=True, text=True, timeout=120, check=False)
