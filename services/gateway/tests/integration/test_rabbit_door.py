"""The inbound door on a real broker: its users, its permissions, and a script of another system."""

import asyncio
import json
import os
import shlex
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import aio_pika
import aiormq
import pytest
from services.gateway.tests.harness import Gateway, gateway_running, settings_for, until
from services.gateway.tests.letters import KEY, letter, plan_data
from tests.servers import BrokerUser, Postgres, RabbitMQ

from orchestra.chassis.messaging.message import decode, wrap
from orchestra.chassis.runtime import on_rabbit
from orchestra.contracts.planning import PlanProposed, PlanRequested
from orchestra.gateway.service import service

PLANNER = "planner.plan.requested.v1.q1"
"""The queue in which the planner's requests wait."""

ROOT = Path(__file__).parents[4]
SCRIPT = ROOT / "examples" / "publish_plan" / "publish_plan.py"
DOCUMENT = ROOT / "docs" / "how-to" / "publish-events.md"


@pytest.fixture(scope="module")
def broker(rabbitmq: RabbitMQ) -> Iterator[str]:
    with rabbitmq.host() as url:
        yield url


@pytest.fixture(scope="module")
def partner(rabbitmq: RabbitMQ, broker: str) -> BrokerUser:
    """With the permissions that the document gives it."""
    user = asyncio.run(rabbitmq.user("partner", at=broker))
    given = [line for line in DOCUMENT.read_text().splitlines() if line.startswith("rabbitmqctl set_")]
    assert len(given) == 3
    for line in given:
        words = [word.replace("partner", user.name) for word in shlex.split(line)[1:]]
        words[words.index("-p") + 1] = broker.rpartition("/")[2]
        rabbitmq.ctl_now(*words)
    return user


@pytest.fixture
async def gateway(postgres: Postgres, broker: str, partner: BrokerUser) -> AsyncIterator[Gateway]:
    settings = settings_for(await postgres.create())
    async with gateway_running(settings, on_rabbit(service, broker)) as running:

        async def is_ready() -> bool:
            return (await running.client(None).get("/readyz")).json()["ready"]

        await until(is_ready, 30)
        await running.client().put(f"/api/v1/inbound/users/{partner.name}", json={"kinds": [KEY]})
        yield running
    async with await aio_pika.connect(broker) as connection:
        await (await (await connection.channel()).get_queue(PLANNER)).purge()


async def publish(url: str, body: bytes, *, user: str | None, key: str = KEY) -> None:
    async with await aio_pika.connect(url) as connection:
        exchange = await (await connection.channel()).get_exchange("orchestra.inbound", ensure=False)
        await exchange.publish(aio_pika.Message(body, user_id=user), key, timeout=10)


async def shown(gateway: Gateway, count: int) -> list[dict[str, Any]]:
    async def are_there() -> bool:
        return len((await gateway.client().get("/api/v1/inbound")).json()["data"]) >= count

    await until(are_there)
    return (await gateway.client().get("/api/v1/inbound")).json()["data"]


async def test_a_message_of_a_limited_user_becomes_a_plan_request_for_the_planner(
    gateway: Gateway, broker: str, partner: BrokerUser
) -> None:
    await publish(partner.url, letter(), user=partner.name)

    async with await aio_pika.connect(broker) as connection, asyncio.timeout(60):
        queue = await (await connection.channel()).get_queue(PLANNER)
        while (message := await queue.get(no_ack=True, fail=False)) is None:
            await asyncio.sleep(0.05)
        [envelope] = decode(message.body)
    request = envelope.event
    assert isinstance(request, PlanRequested)
    assert (request.project_name, request.requested_by) == ("Billing", f"broker:{partner.name}")
    [shown_message] = await shown(gateway, 1)
    assert (shown_message["verdict"], shown_message["plan_id"]) == ("accepted", request.plan_id)


async def test_the_broker_itself_refuses_a_forged_user(gateway: Gateway, partner: BrokerUser) -> None:
    with pytest.raises(aiormq.exceptions.ChannelPreconditionFailed, match="user_id"):
        await publish(partner.url, letter(), user="guest")


async def test_the_broker_itself_refuses_a_routing_key_that_was_not_granted(
    gateway: Gateway, partner: BrokerUser
) -> None:
    with pytest.raises(aiormq.exceptions.ChannelAccessRefused):
        await publish(partner.url, letter(), user=partner.name, key="task.completed.v1")


async def test_the_broker_shows_a_limited_user_only_what_was_granted(gateway: Gateway, partner: BrokerUser) -> None:
    async with await aio_pika.connect(partner.url) as connection:
        channel = await connection.channel()
        queue = await channel.declare_queue(f"{partner.name}.mine", exclusive=True)
        await queue.bind("orchestra.events", "plan.proposed.v1")
        with pytest.raises(aiormq.exceptions.ChannelAccessRefused):
            await queue.bind("orchestra.events", "run.changed.v1")
    async with await aio_pika.connect(partner.url) as connection:
        queue = await (await connection.channel()).get_queue("gateway.plan.proposed.v1.q1")
        with pytest.raises(aiormq.exceptions.ChannelAccessRefused):
            await queue.get(fail=False)


async def test_what_is_refused_is_shown_with_its_reason_and_stops_nothing(
    gateway: Gateway, broker: str, partner: BrokerUser
) -> None:
    await publish(partner.url, letter(plan_data(workspace_id="wsp_other")), user=partner.name)
    await publish(partner.url, letter(type="orchestra.task.completed.v1"), user=partner.name)
    await publish(partner.url, b"{", user=partner.name)
    await publish(partner.url, letter(), user=None)
    await publish(broker, letter(), user="guest")
    await publish(partner.url, letter(), user=partner.name)

    messages = await shown(gateway, 6)

    found = {(message["verdict"], message["reason"]) for message in messages}
    assert found == {
        ("refused", "forged-workspace"),
        ("refused", "unauthorised-type"),
        ("refused", "malformed"),
        ("refused", "anonymous"),
        ("refused", "unknown-user"),
        ("accepted", None),
    }
    assert len(await gateway.plan_requests()) == 1


async def test_a_message_waits_while_the_executor_is_away(gateway: Gateway, partner: BrokerUser) -> None:
    tasks = [{"id": "a", "title": "A", "command": {"argv": ["wc"], "tools": ["wc"]}}]
    gateway["executor"].says("POST", "/policy/check", {"code": "unavailable"}, 503)
    await publish(partner.url, letter(plan_data(tasks=tasks)), user=partner.name)

    async def was_asked() -> bool:
        return len(gateway["executor"].asked("POST", "/policy/check")) >= 2

    await until(was_asked)
    assert not (await gateway.client().get("/api/v1/inbound")).json()["data"]
    gateway["executor"].says("POST", "/policy/check", {"refusals": []})
    [message] = await shown(gateway, 1)
    assert message["verdict"] == "accepted"


async def propose(broker: str) -> None:
    """What the planner does: a proposal, in the trace of the request."""
    async with await aio_pika.connect(broker) as connection:
        channel = await connection.channel()
        queue = await channel.get_queue(PLANNER)
        async with queue.iterator() as messages:
            message = await anext(messages)
            [envelope] = decode(message.body)
            await message.ack()
        request = envelope.event
        assert isinstance(request, PlanRequested)
        proposed = PlanProposed(
            workspace_id=request.workspace_id,
            project_id=request.project_id,
            plan_id=request.plan_id,
            version=1,
            hash="0" * 64,
            requirements=1,
            tasks=1,
            gaps=(),
        )
        answer = wrap(
            proposed,
            event_id="evt_1",
            source="/tests",
            time=envelope.cloud.time,
            traceparent=envelope.cloud.traceparent,
        )
        exchange = await channel.get_exchange("orchestra.events", ensure=False)
        await exchange.publish(aio_pika.Message(answer.to_json().encode()), "plan.proposed.v1")


async def run_script(url: str, document: Path, *arguments: str) -> tuple[int | None, str, str]:
    script = await asyncio.create_subprocess_exec(
        sys.executable,
        str(SCRIPT),
        str(document),
        *arguments,
        env={**os.environ, "ORCHESTRA_BROKER": url},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await script.communicate()
    return script.returncode, out.decode(), err.decode()


async def test_the_script_of_another_system_gets_its_plan(
    gateway: Gateway, broker: str, partner: BrokerUser, tmp_path: Path
) -> None:
    document = tmp_path / "billing.md"
    document.write_text("- It bills.\n")

    async with asyncio.timeout(40):
        (code, out, err), _ = await asyncio.gather(
            run_script(partner.url, document, "--project", "Billing"), propose(broker)
        )

    assert (code, err) == (0, "")
    published, told = out.splitlines()
    [message] = await shown(gateway, 1)
    assert published == f"published {message['event_id']}"
    kind, _, data = told.partition(" ")
    assert kind == "plan.proposed.v1"
    assert json.loads(data)["plan_id"] == message["plan_id"]

    async def is_in_the_feed() -> bool:
        return bool((await gateway.client().get("/api/v1/feed")).json()["data"])

    await until(is_in_the_feed)


async def test_the_script_says_when_nothing_comes_back(gateway: Gateway, partner: BrokerUser, tmp_path: Path) -> None:
    await gateway.client().delete(f"/api/v1/inbound/users/{partner.name}")
    document = tmp_path / "billing.md"
    document.write_text("- It bills.\n")

    code, _, err = await run_script(partner.url, document, "--project", "Billing", "--wait", "1")

    assert code == 124
    assert "nothing was heard" in err
    [message] = await shown(gateway, 1)
    assert message["reason"] == "unknown-user"
