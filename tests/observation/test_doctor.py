"""`orchestra doctor` names what is not well, each condition made for real on the five processes."""

import asyncio
import json
import os
import subprocess
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import aio_pika
from tests.observation.conftest import Watched
from tests.system import CLI, System, clean_environment, eventually

from orchestra.chassis.database.tables import OUTBOX
from orchestra.chassis.ids import new_id
from orchestra.executor.adapters.tables import ATTEMPT

LONG_AGO = datetime.now(UTC) - timedelta(hours=1)
LATER = datetime.now(UTC) + timedelta(hours=1)


def doctor(system: System) -> tuple[int, list[dict[str, str]]]:
    """Its exit code and its findings."""
    environment = clean_environment() | {"ORCHESTRA_API_KEY": system.key}
    command = [*CLI, "doctor", "--json", "--gateway", system.url]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=250)
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout)["findings"]


def named(system: System, alert: str, *words: str) -> Callable[[], Awaitable[bool]]:
    async def look() -> bool:
        code, findings = await asyncio.to_thread(doctor, system)
        found = [f for f in findings if f["alert"] == alert and all(word in f["problem"] for word in words)]
        return bool(found) and code == 8 and all(finding["step"] for finding in found)

    return look


async def plant(system: System, service: str, statement: Any) -> None:
    async with system.database(service) as database, database.begin() as work:
        await work.connection.execute(statement)


async def test_a_system_that_is_well_is_called_so(five_processes: Watched) -> None:
    async def well() -> bool:
        code, findings = await asyncio.to_thread(doctor, five_processes.system)
        return code == 0 and all(finding["severity"] == "note" for finding in findings)

    await eventually(well)


async def test_a_lease_that_ran_out_is_named(five_processes: Watched) -> None:
    system, attempt = five_processes.system, new_id("att")
    row = {
        "id": attempt,
        "workspace_id": "wsp_1",
        "project_id": "prj_1",
        "task_id": "tsk_1",
        "dry_run": False,
        "status": "running",
        "lease_owner": "nobody",
        "lease_until": LONG_AGO,
        "accepted_at": LONG_AGO,
    }
    await plant(system, "executor", ATTEMPT.insert().values(**row))
    try:
        await eventually(named(system, "OrchestraLeasesStuck", "1 leases"))
    finally:
        await plant(system, "executor", ATTEMPT.delete().where(ATTEMPT.c.id == attempt))


async def test_an_outbox_that_is_not_emptied_is_named_with_its_count_and_age(five_processes: Watched) -> None:
    """As a relay leaves it that cannot publish: postponed."""
    system = five_processes.system
    rows = [
        {"event_id": new_id("evt"), "kind": "plan.applied.v1", "body": "{}", "created_at": LONG_AGO, "due_at": LATER}
        for _ in range(3)
    ]
    await plant(system, "scheduler", OUTBOX.insert().values(rows))
    try:
        await eventually(named(system, "OrchestraOutboxGrows", "scheduler", "3 events"))
    finally:
        await plant(system, "scheduler", OUTBOX.delete().where(OUTBOX.c.event_id.in_([r["event_id"] for r in rows])))


async def test_a_consumer_that_is_gone_is_named_with_its_queue(five_processes: Watched) -> None:
    system = five_processes.system
    notifier = system.programs["notifier"]
    notifier.terminate()
    await asyncio.to_thread(notifier.ended)
    try:
        await eventually(named(system, "OrchestraConsumerMissing", "notifier.run.changed.v1"))
        await eventually(named(system, "OrchestraServiceDown", "notifier"))
    finally:
        await notifier.start()


async def test_an_event_that_is_poison_is_named_as_a_dead_letter(five_processes: Watched) -> None:
    system = five_processes.system
    url = system.programs["planner"].environment["ORCHESTRA_RABBITMQ_URL"]
    connection = await aio_pika.connect(url)
    async with connection:
        exchange = await (await connection.channel()).get_exchange("orchestra.events")
        await exchange.publish(aio_pika.Message(os.urandom(8), message_id=new_id("evt")), "plan.approved.v1")

    await eventually(named(system, "OrchestraDeadLetters", "gateway", "1 events"))
