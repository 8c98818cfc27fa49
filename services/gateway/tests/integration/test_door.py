"""The inbound door on the databases: what is recorded, what is shown, what survives trouble."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
from services.gateway.tests.harness import ON_SQLITE, Gateway
from services.gateway.tests.letters import KEY, letter, plan_data
from sqlalchemy import select

from orchestra.chassis.database.tables import OUTBOX
from orchestra.chassis.errors import Transient, Unavailable
from orchestra.chassis.messaging.message import decode
from orchestra.chassis.messaging.transport import InboundMessage

USERS = "/api/v1/inbound/users"
KINDS = {"kinds": [KEY]}


async def arrive(gateway: Gateway, body: bytes, user: str | None = "partner", routing_key: str = KEY) -> None:
    inbound = gateway.running.room.inbound
    assert inbound is not None
    await inbound(InboundMessage(user, routing_key, body))


async def shown(gateway: Gateway, key: str | None = None) -> list[dict[str, Any]]:
    client = gateway.client(key) if key else gateway.client()
    return (await client.get("/api/v1/inbound")).json()["data"]


@pytest.fixture
async def open_door(gateway: Gateway) -> Gateway:
    assert (await gateway.client().put(f"{USERS}/partner", json=KINDS)).json() == {"name": "partner", **KINDS}
    return gateway


async def test_a_message_is_accepted_and_its_plan_can_be_followed(open_door: Gateway) -> None:
    trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    await arrive(open_door, letter(traceparent=trace))

    [message] = await shown(open_door)
    assert (message["verdict"], message["user"], message["reason"]) == ("accepted", "partner", None)
    assert (message["source"], message["event_id"], message["kind"]) == ("/partner/orders", "order-1", KEY)
    plan = (await open_door.client().get(f"/api/v1/plans/{message['plan_id']}")).json()
    assert plan["status"] == "requested"
    async with open_door.database.read() as view:
        [body] = (await view.connection.execute(select(OUTBOX.c.body))).scalars().all()
    [envelope] = decode(body)
    assert envelope.cloud.correlationid == "order-1"
    assert envelope.cloud.causationid == "order-1"
    assert envelope.cloud.traceparent is not None
    assert envelope.cloud.traceparent.split("-")[1] == trace.split("-")[1]


async def test_of_a_message_that_comes_many_times_at_once_one_is_accepted(open_door: Gateway) -> None:
    await asyncio.gather(*(arrive(open_door, letter()) for _ in range(20)))

    assert len(await open_door.plan_requests()) == 1
    assert len(await shown(open_door)) == 1


async def test_of_two_messages_with_one_id_at_once_one_is_accepted_and_one_refused(open_door: Gateway) -> None:
    await asyncio.gather(arrive(open_door, letter()), arrive(open_door, letter(plan_data(document="Other."))))

    assert len(await open_door.plan_requests()) == 1
    assert sorted(str(message["reason"]) for message in await shown(open_door)) == ["None", "reused-id"]


async def test_a_refused_message_that_comes_again_is_counted_and_can_be_accepted_later(gateway: Gateway) -> None:
    for _ in range(3):
        await arrive(gateway, letter())
    [message] = await shown(gateway)
    assert (message["reason"], message["times"]) == ("unknown-user", 3)

    await gateway.client().put(f"{USERS}/partner", json=KINDS)
    await arrive(gateway, letter())

    [message] = await shown(gateway)
    assert (message["verdict"], message["reason"], message["times"]) == ("accepted", None, 4)


async def test_what_was_accepted_stays_so_when_it_comes_again_after_the_user_was_dismissed(open_door: Gateway) -> None:
    await arrive(open_door, letter())
    assert (await open_door.client().delete(f"{USERS}/partner")).status_code == 204
    await arrive(open_door, letter())

    [message] = await shown(open_door)
    assert message["verdict"] == "accepted"


async def test_refusals_are_shown_to_the_workspace_of_the_user_and_the_rest_to_operators(open_door: Gateway) -> None:
    await open_door.client(await open_door.key(workspace="other")).put(f"{USERS}/stranger", json=KINDS)
    await arrive(open_door, letter(workspaceid="wsp_forged"))
    await arrive(open_door, letter(workspaceid="wsp_forged"), user="stranger")
    await arrive(open_door, letter(), user=None)

    def reasons(messages: list[dict[str, Any]]) -> list[tuple[str, str]]:
        return [(message["user"], message["reason"]) for message in messages]

    assert reasons(await shown(open_door)) == [(None, "anonymous"), ("partner", "forged-workspace")]
    assert reasons(await shown(open_door, await open_door.key("read"))) == [("partner", "forged-workspace")]
    other = await open_door.key("read", workspace="other")
    assert reasons(await shown(open_door, other)) == [("stranger", "forged-workspace")]
    assert not await open_door.published()


HOSTILE = {
    "empty": b"",
    "nul": b"\x00" * 10,
    "nothing": b"{}",
    "deep": b"[" * 100_000,
    "nul in the id": letter(id="a\x00b"),
    "nul in a name": letter(plan_data(**{"no\x00ne": 1})),
    "nul in the type": letter(type="\x00"),
}


@pytest.mark.parametrize("body", HOSTILE.values(), ids=HOSTILE.keys())
async def test_whatever_the_bytes_are_the_message_becomes_a_row(open_door: Gateway, body: bytes) -> None:
    await arrive(open_door, body, routing_key="plan.\x00.v1" if not body else KEY)

    [message] = await shown(open_door)
    assert message["verdict"] == "refused"
    assert message["detail"]


async def test_a_service_that_is_away_keeps_the_message(open_door: Gateway) -> None:
    tasks = [{"id": "a", "title": "A", "command": {"argv": ["wc"], "tools": ["wc"]}}]
    open_door["executor"].says("POST", "/policy/check", {"code": "unavailable"}, 503)
    with pytest.raises(Unavailable):
        await arrive(open_door, letter(plan_data(tasks=tasks)))

    assert await shown(open_door) == []

    open_door["executor"].says("POST", "/policy/check", {"refusals": []})
    await arrive(open_door, letter(plan_data(tasks=tasks)))
    [message] = await shown(open_door)
    assert message["verdict"] == "accepted"
    [asked, _] = open_door["executor"].asked("POST", "/policy/check")
    assert asked.caller is not None
    assert asked.caller.workspace_id == await open_door.workspace()


async def test_a_database_that_is_busy_keeps_the_message(open_door: Gateway) -> None:
    @asynccontextmanager
    async def busy() -> AsyncIterator[Any]:
        raise Transient("the database is busy")
        yield

    inbound: Any = open_door.running.room.inbound
    inbound._door = replace(inbound._door, begin=busy)

    with pytest.raises(Unavailable, match="busy"):
        await arrive(open_door, letter())


async def test_a_broker_user_stands_for_one_workspace_only(open_door: Gateway) -> None:
    other = open_door.client(await open_door.key(workspace="other"))

    taken = await other.put(f"{USERS}/partner", json=KINDS)
    gone = await other.delete(f"{USERS}/partner")

    assert (taken.status_code, taken.json()["code"]) == (409, "broker-user-taken")
    assert gone.status_code == 404
    assert (await other.get(USERS)).json()["data"] == []
    assert (await open_door.client().get(USERS)).json()["data"] == [{"name": "partner", **KINDS}]


@ON_SQLITE
@pytest.mark.parametrize("body", [{"kinds": []}, {"kinds": ["task.completed.v1"]}, {}, {**KINDS, "workspace": "x"}])
async def test_a_user_is_let_in_for_known_kinds_only(gateway: Gateway, body: dict[str, Any]) -> None:
    assert (await gateway.client().put(f"{USERS}/partner", json=body)).status_code == 422


async def test_messages_come_in_pages_the_newest_first(open_door: Gateway) -> None:
    for n in range(5):
        await arrive(open_door, letter(id=f"order-{n}"))
    first = (await open_door.client().get("/api/v1/inbound?limit=3")).json()
    second = (await open_door.client().get(f"/api/v1/inbound?limit=3&cursor={first['next_cursor']}")).json()

    ids = [message["event_id"] for page in (first, second) for message in page["data"]]
    assert ids == [f"order-{n}" for n in (4, 3, 2, 1, 0)]
