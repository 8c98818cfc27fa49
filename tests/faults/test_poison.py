"""Messages that nobody can handle among good ones: kept with their reason, in nobody's way, replayed when mended."""

import json
from pathlib import Path
from typing import Any

import aio_pika
import pytest
from tests.faults.forms import LONG, LONGEST_S, seeded
from tests.journeys.shell import at_gateway
from tests.system import System, eventually

from orchestra.chassis.ids import new_id
from orchestra.cli.api import Api
from orchestra.contracts.scheduling import RunChanged

QUEUE = "gateway.run.changed.v1.q1"
GOOD, POISON = (9000, 1000) if LONG else (300, 30)

EVENT: dict[str, Any] = {
    "specversion": "1.0",
    "id": "evt_poison",
    "source": "/test",
    "type": "orchestra.run.changed.v1",
    "subject": "run_1",
    "time": "2026-11-20T09:30:00Z",
    "data": {},
}
KINDS = (
    b"\xff\xfe\x00",
    b"not JSON at all",
    b"{}",
    b"[[]]",
    b"[" * 100_000,
    json.dumps(EVENT | {"time": "yesterday"}).encode(),
    json.dumps(EVENT | {"id": "x" * 1000}).encode(),
    json.dumps(EVENT).encode(),
    json.dumps(EVENT | {"data": {"status": "flying"}}).encode(),
    json.dumps(EVENT | {"type": "orchestra.run.vanished.v1"}).encode(),
)


def poison(number: int) -> bytes:
    """Each of a kind of its own, or with an id of its own: what is the same twice is kept once."""
    return KINDS[number % len(KINDS)].replace(b"evt_poison", f"evt_poison_{number}".encode())


def changed(workspace_id: str) -> RunChanged:
    told = {"run_id": new_id("run"), "plan_id": new_id("pln"), "status": "running", "epoch": 1, "totals": {}}
    return RunChanged.model_validate({"workspace_id": workspace_id, "project_id": "prj_1", "sequence": 1, **told})


@pytest.fixture
def system(apart: System) -> System:
    return apart


async def told(api: Api) -> set[str]:
    """Runs that the feed knows of."""
    return {item["run_id"] for item in await api.all("/feed", after=0) if item["kind"] == RunChanged.kind}


async def test_poison_is_kept_with_its_reason_good_messages_pass_and_what_was_mended_is_replayed(
    system: System, api: Api, tmp_path: Path
) -> None:
    workspace_id = (await api.get("/me"))["workspace"]["id"]
    good = [changed(workspace_id) for _ in range(GOOD)]
    too_early = changed(new_id("wsp"))  # of a workspace that the gateway does not know yet
    batches = [good[n : n + GOOD // POISON] for n in range(0, GOOD, GOOD // POISON)]
    numbers = list(range(POISON))
    seeded().shuffle(numbers)

    url = system.programs["gateway"].environment["ORCHESTRA_RABBITMQ_URL"]
    async with await aio_pika.connect(url) as connection, system.database("scheduler") as database:
        channel = await connection.channel()
        for number, batch in zip(numbers, batches, strict=True):
            async with database.begin() as work:  # the good ones take the way that all events take
                work.publish(*batch)
            message = aio_pika.Message(poison(number), message_id=f"poison-{number}")
            await channel.default_exchange.publish(message, routing_key=QUEUE)
        async with database.begin() as work:
            work.publish(too_early)

    async def letters() -> list[dict[str, Any]]:
        found = await api.all("/dead-letters", service="gateway")
        return found if len(found) > POISON else []

    async def passed() -> bool:
        return {event.run_id for event in good} <= await told(api)

    await eventually(passed, LONGEST_S)
    found = await eventually(letters, LONGEST_S)
    assert len(found) == POISON + 1
    assert all(letter["reason"] for letter in found)
    unread = [letter["body"] for letter in found if letter["body"].startswith("not")]
    assert unread == ["not JSON at all"] * (POISON // len(KINDS))

    shell = at_gateway(tmp_path, system)
    listed = {letter["id"]: letter for letter in json.loads(shell.orchestra("dead", "ls", "--json").stdout)}
    [early] = [letter for letter in listed.values() if too_early.run_id in letter["body"]]
    [broken, *_] = [letter for letter in listed.values() if letter["body"].startswith("not")]
    assert "UnknownWorkspace" in json.loads(shell.orchestra("dead", "show", early["id"]).stdout)["reason"]
    assert "it failed again" in shell.orchestra("dead", "replay", early["id"], code=1).stdout
    shell.orchestra("dead", "replay", broken["id"], code=7)

    async with system.database("gateway") as database, database.begin() as work:
        await work.workspaces.add(too_early.workspace_id, too_early.workspace_id)
    assert "it was handled" in shell.orchestra("dead", "replay", early["id"]).stdout

    feed = await system.rows("gateway", "feed")
    assert [row["run_id"] for row in feed if row["workspace_id"] == too_early.workspace_id] == [too_early.run_id]
    assert early["id"] not in {letter["id"] for letter in await api.all("/dead-letters")}
