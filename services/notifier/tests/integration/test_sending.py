"""Webhooks over a real socket: what is sent, when, and what is made of the answers."""

import asyncio
import time
from datetime import timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from services.notifier.tests.events import change, run_changed, tasks_changed
from services.notifier.tests.harness import Names, Notifier, notifying
from services.notifier.tests.receiver import Answer, Receiver
from sqlalchemy import select

from orchestra.chassis.http.addresses import LOOPBACK
from orchestra.chassis.http.outward import Outward
from orchestra.notifier.adapters.tables import TABLES
from orchestra.notifier.adapters.vault import KeyVault
from orchestra.notifier.adapters.webhook_client import WebhookClient
from orchestra.notifier.application.announce import announce
from orchestra.notifier.application.claim_due import claim_due
from orchestra.notifier.domain.delivery import PAUSES, TRIES
from orchestra.notifier.domain.notice import of_run
from orchestra.notifier.entrypoints.loops import LEASE

FIRST_PAUSE = PAUSES[0] * 1.2
"""The longest that jitter makes of it."""


async def test_a_finished_run_is_told_once_and_signed(notifier: Notifier, receiver: Receiver) -> None:
    webhook = await notifier.register(receiver.url)

    await notifier.hear(run_changed("running"), run_changed("finished", cause="all tasks are done"))

    [delivery] = await notifier.settled(webhook, "delivered")
    [received] = receiver.received
    content = received.verified(webhook["secret"])
    assert content["type"] == "run.finished"
    assert content["timestamp"] == notifier.clock.now().isoformat().replace("+00:00", "Z")
    assert content["data"] == {
        "workspace_id": "wsp_1",
        "project_id": "prj_1",
        "run_id": "run_1",
        "plan_id": "pln_1",
        "status": "finished",
        "epoch": 1,
        "totals": {"done": 3},
        "cause": "all tasks are done",
    }
    assert received.id == delivery["id"]
    assert received.headers["content-type"] == "application/json"
    assert [(t["status"], t["reason"]) for t in delivery["tries"]] == [(204, "")]
    assert received.forged("whsec_" + "A" * 43 + "=")


async def test_a_failed_and_a_waiting_task_are_told_and_others_are_not(notifier: Notifier, receiver: Receiver) -> None:
    webhook = await notifier.register(receiver.url)

    await notifier.hear(
        tasks_changed(
            change("done", "tsk_1"),
            change("failed", "tsk_2", attempt=2),
            change("waiting", "tsk_3"),
            change("assigned", "tsk_4", assignee="mem_1"),
        )
    )

    await notifier.settled(webhook, "delivered", "delivered", "delivered")
    told = {(c["type"], c["data"]["task_id"], c["data"]["status"]) for c in map(_content(webhook), receiver.received)}
    assert told == {
        ("task.failed", "tsk_2", "failed"),
        ("task.waiting", "tsk_3", "waiting"),
        ("task.waiting", "tsk_4", "assigned"),
    }


async def test_a_failed_try_is_repeated_after_a_pause_under_the_same_id(notifier: Notifier, receiver: Receiver) -> None:
    receiver.answers.extend([Answer(500), Answer(302, {"location": receiver.url})])
    webhook = await notifier.register(receiver.url)
    await notifier.hear(run_changed())
    await notifier.tried(webhook, 1)

    notifier.pass_time(PAUSES[0] - timedelta(seconds=1))
    await _idle(notifier)
    assert len(receiver.received) == 1, "the pause was cut short"
    notifier.pass_time(FIRST_PAUSE)
    await notifier.tried(webhook, 2)
    notifier.pass_time(PAUSES[1] * 1.2)

    [delivery] = await notifier.settled(webhook, "delivered")
    assert [t["status"] for t in delivery["tries"]] == [500, 302, 204]
    assert {received.id for received in receiver.received} == {delivery["id"]}
    assert len({received.headers["webhook-timestamp"] for received in receiver.received}) == 3
    assert not receiver.received[1].forged(webhook["secret"])


async def test_gone_disables_the_webhook_and_nothing_is_sent_after(notifier: Notifier, receiver: Receiver) -> None:
    receiver.answers.extend([Answer(500), Answer(410)])
    webhook = await notifier.register(receiver.url)
    await notifier.hear(run_changed())
    await notifier.tried(webhook, 1)

    await notifier.hear(tasks_changed(change("failed")))
    await notifier.settled(webhook, "cancelled", "cancelled")
    await notifier.hear(tasks_changed(change("failed", "tsk_2")))
    notifier.pass_time(timedelta(days=4))
    await _idle(notifier)

    assert len(receiver.received) == 2
    shown = await notifier.show(webhook)
    assert (shown["status"], shown["disabled_reason"]) == ("disabled", "the endpoint answered 410 Gone")
    enabled = await notifier.client().post(f"/webhooks/{webhook['id']}/enable")
    assert (enabled.status_code, enabled.json()["status"], enabled.json()["disabled_reason"]) == (200, "enabled", None)
    await notifier.hear(tasks_changed(change("failed", "tsk_3")))
    await notifier.settled(webhook, "delivered", "cancelled", "cancelled")


@pytest.mark.parametrize("status", [429, 503])
async def test_retry_after_holds_back_everything_for_that_endpoint(
    status: int, notifier: Notifier, receiver: Receiver
) -> None:
    receiver.answers.append(Answer(status, {"retry-after": "60"}))
    webhook = await notifier.register(receiver.url)
    await notifier.hear(run_changed())
    await notifier.tried(webhook, 1)

    await notifier.hear(tasks_changed(change("failed")))
    notifier.pass_time(timedelta(seconds=59))
    await _idle(notifier)
    assert len(receiver.received) == 1
    notifier.pass_time(timedelta(seconds=1))

    await notifier.settled(webhook, "delivered", "delivered")


async def test_retry_after_may_be_a_date(notifier: Notifier, receiver: Receiver) -> None:
    until = notifier.clock.now() + timedelta(minutes=2)
    receiver.answers.append(Answer(429, {"retry-after": format_datetime(until, usegmt=True)}))
    webhook = await notifier.register(receiver.url)
    await notifier.hear(run_changed())

    wanted = until.replace(microsecond=0).isoformat().replace("+00:00", "Z")

    async def is_held_back() -> bool:
        return [each["next_try_at"] for each in await notifier.deliveries(webhook)] == [wanted]

    await notifier.until(is_held_back)


async def test_an_endpoint_that_says_nothing_is_given_up_for_this_try(database_url: str, receiver: Receiver) -> None:
    receiver.answers.append(Answer(when=asyncio.Event()))
    async with notifying(database_url, timeout_s=1) as notifier:
        webhook = await notifier.register(receiver.url)
        await notifier.hear(run_changed())

        delivery = await notifier.tried(webhook, 1)

    [first] = delivery["tries"]
    assert (delivery["status"], first["status"], first["reason"]) == ("pending", None, "no answer within 1 s")
    assert 1000 <= first["took_ms"] < 10_000


async def test_an_endpoint_that_is_not_there_is_tried_again(notifier: Notifier) -> None:
    webhook = await notifier.register("http://127.0.0.1:9/nobody")
    await notifier.hear(run_changed())

    delivery = await notifier.tried(webhook, 1)

    assert (delivery["status"], delivery["tries"][0]["status"]) == ("pending", None)
    assert "ConnectError" in delivery["tries"][0]["reason"]


async def test_an_address_that_has_moved_inside_since_ends_the_delivery_with_its_reason(
    database_url: str, receiver: Receiver
) -> None:
    names = Names({"hooks.test": "127.0.0.1"})
    url = receiver.url.replace("127.0.0.1", "hooks.test")
    async with notifying(database_url, names=names) as notifier:
        webhook = await notifier.register(url)
        names.addresses["hooks.test"] = "10.0.0.1"
        await notifier.hear(run_changed())

        [delivery] = await notifier.settled(webhook, "exhausted")

    assert [t["reason"] for t in delivery["tries"]] == ["hooks.test (10.0.0.1) is no public address: private"]
    assert receiver.received == []


async def test_a_name_that_is_gone_for_a_while_is_tried_again(database_url: str, receiver: Receiver) -> None:
    names = Names({"hooks.test": "127.0.0.1"})
    url = receiver.url.replace("127.0.0.1", "hooks.test")
    async with notifying(database_url, names=names) as notifier:
        webhook = await notifier.register(url)
        del names.addresses["hooks.test"]
        await notifier.hear(run_changed())
        await notifier.tried(webhook, 1)
        names.addresses["hooks.test"] = "127.0.0.1"
        notifier.pass_time(FIRST_PAUSE)

        await notifier.settled(webhook, "delivered")

    assert receiver.received[0].headers["host"].startswith("hooks.test:")


async def test_ten_tries_and_no_more(notifier: Notifier, receiver: Receiver) -> None:
    receiver.always = Answer(500)
    webhook = await notifier.register(receiver.url)
    begun = notifier.clock.now()
    await notifier.hear(run_changed())
    for tries in range(1, TRIES):
        await notifier.tried(webhook, tries)
        notifier.pass_time(PAUSES[tries - 1] * 1.2)

    [delivery] = await notifier.settled(webhook, "exhausted")
    notifier.pass_time(timedelta(days=4))
    await _idle(notifier)

    assert len(delivery["tries"]) == len(receiver.received) == 10
    assert notifier.clock.now() - timedelta(days=4) - begun > timedelta(days=3)
    assert (await notifier.show(webhook))["status"] == "enabled"


async def test_a_webhook_that_fails_for_days_is_disabled_with_the_reason(
    notifier: Notifier, receiver: Receiver
) -> None:
    receiver.always = Answer(500)
    webhook = await notifier.register(receiver.url)
    for number in range(5):
        await notifier.hear(run_changed(run_id=f"run_{number}"))

    for tries in range(1, TRIES + 1):
        await receiver.until(lambda received, tries=tries: len(received) == 5 * tries)

        async def recorded(tries: int = tries) -> bool:
            return all(len(delivery["tries"]) == tries for delivery in await notifier.deliveries(webhook))

        await notifier.until(recorded)
        notifier.pass_time(timedelta(hours=30))

    shown = await notifier.show(webhook)
    assert shown["status"] == "disabled"
    assert shown["disabled_reason"] == "5 deliveries in a row were given up: HTTP 500"


async def test_a_slow_endpoint_does_not_hold_up_the_others(
    notifier: Notifier, receiver: Receiver, other_receiver: Receiver
) -> None:
    receiver.always = Answer(when=(wake_up := asyncio.Event()))
    slow = await notifier.register(receiver.url, "task.failed")
    quick = await notifier.register(other_receiver.url, "run.finished")
    await notifier.hear(tasks_changed(*(change("failed", f"tsk_{number}") for number in range(30))))
    await receiver.until(lambda received: len(received) == 4)

    delays = list[float]()
    for number in range(5):
        started = time.perf_counter()
        await notifier.hear(run_changed(run_id=f"run_{number}"))
        await other_receiver.until(lambda received, number=number: len(received) > number)
        delays.append(time.perf_counter() - started)

    assert sorted(delays)[2] < 1.0
    await notifier.settled(quick, *["delivered"] * 5)
    assert all(not delivery["tries"] for delivery in await notifier.deliveries(slow))
    wake_up.set()
    await notifier.settled(slow, *["delivered"] * 30)


async def test_a_sender_killed_before_it_recorded_is_succeeded_under_the_same_id(
    notifier: Notifier, receiver: Receiver
) -> None:
    webhook = await notifier.register(receiver.url)
    client = WebhookClient(15, notifier.clock, Outward(LOOPBACK), KeyVault({}))
    async with notifier.running.database.begin() as work:
        await announce(work, of_run(run_changed(), work.now))
        [claim] = await claim_due(work, "webhook", limit=1, lasting=LEASE)
    assert (await client.send(claim.delivery, claim.channel)).taken
    await client.close()

    notifier.pass_time(LEASE - timedelta(seconds=1))
    async with notifier.running.database.begin() as work:
        assert await claim_due(work, "webhook", limit=1, lasting=LEASE) == []
    notifier.pass_time(timedelta(seconds=1))

    [delivery] = await notifier.settled(webhook, "delivered")
    assert [received.id for received in receiver.received] == [claim.delivery.id] * 2 == [delivery["id"]] * 2
    assert len(delivery["tries"]) == 1


async def test_what_is_on_its_way_when_the_service_stops_is_finished(notifier: Notifier, receiver: Receiver) -> None:
    open_door = asyncio.Event()
    receiver.always = Answer(when=open_door)
    webhook = await notifier.register(receiver.url)
    await notifier.hear(run_changed())
    await receiver.until(lambda received: len(received) == 1)

    stopping = asyncio.create_task(notifier.running.stop())
    open_door.set()
    await stopping

    assert [delivery["status"] for delivery in await notifier.deliveries(webhook)] == ["delivered"]


async def test_a_replay_sends_the_same_message_again(notifier: Notifier, receiver: Receiver) -> None:
    webhook = await notifier.register(receiver.url)
    await notifier.hear(run_changed())
    [delivery] = await notifier.settled(webhook, "delivered")

    path = f"/webhooks/{webhook['id']}/deliveries/{delivery['id']}/replay"
    replayed = await notifier.client().post(path)

    assert (replayed.status_code, replayed.json()["status"]) == (200, "pending")
    await notifier.tried(webhook, 2)
    first, second = receiver.received
    assert (first.id, first.body) == (second.id, second.body)


async def test_a_disabled_webhook_replays_nothing(notifier: Notifier, receiver: Receiver) -> None:
    receiver.always = Answer(410)
    webhook = await notifier.register(receiver.url)
    await notifier.hear(run_changed())
    [delivery] = await notifier.settled(webhook, "cancelled")

    refused = await notifier.client().post(f"/webhooks/{webhook['id']}/deliveries/{delivery['id']}/replay")

    assert (refused.status_code, refused.json()["code"]) == (409, "webhook-disabled")
    assert len(receiver.received) == 1


async def test_a_removed_webhook_hears_nothing_more(notifier: Notifier, receiver: Receiver) -> None:
    receiver.answers.append(Answer(500))
    webhook = await notifier.register(receiver.url)
    await notifier.hear(run_changed())
    await notifier.tried(webhook, 1)

    removed = await notifier.client().delete(f"/webhooks/{webhook['id']}")
    await notifier.hear(tasks_changed(change("failed")))
    notifier.pass_time(timedelta(days=1))
    await _idle(notifier)

    assert removed.status_code == 204
    assert len(receiver.received) == 1
    assert (await notifier.client().get(f"/webhooks/{webhook['id']}")).status_code == 404


async def test_secrets_stay_out_of_logs_and_of_what_can_be_read(
    notifier: Notifier, receiver: Receiver, capfd: pytest.CaptureFixture[str]
) -> None:
    receiver.answers.extend([Answer(500), Answer(410)])
    webhook = await notifier.register(receiver.url)
    unreachable = await notifier.register("http://127.0.0.1:9/hook")
    await notifier.hear(run_changed())
    await notifier.tried(webhook, 1)
    await notifier.tried(unreachable, 1)
    notifier.pass_time(FIRST_PAUSE)
    await notifier.settled(webhook, "cancelled")

    read = [await notifier.show(webhook), await notifier.deliveries(webhook), await notifier.deliveries(unreachable)]
    written = "".join(capfd.readouterr())
    assert "webhook sent" in written
    for secret in (webhook["secret"], unreachable["secret"]):
        assert secret.removeprefix("whsec_") not in written + str(read)


async def test_the_log_forgets_old_deliveries(notifier: Notifier, receiver: Receiver) -> None:
    webhook = await notifier.register(receiver.url)
    await notifier.hear(run_changed())
    await notifier.settled(webhook, "delivered")

    notifier.clock.advance(timedelta(days=31))
    notifier.running.wakeups.wake("old deliveries")

    await notifier.settled(webhook)


def _content(webhook: dict[str, Any]) -> Any:
    return lambda received: received.verified(webhook["secret"])


async def _idle(notifier: Notifier) -> None:
    """Until nothing is on its way; then nothing may be due either."""

    async def nothing_on_its_way() -> bool:
        async with notifier.running.database.read() as view:
            table = TABLES["webhook"].delivery
            return not (await view.connection.execute(select(table.c.id).where(table.c.lease.is_not(None)))).all()

    await notifier.until(nothing_on_its_way)
    async with notifier.running.database.begin() as work:
        assert await claim_due(work, "webhook", limit=100, lasting=timedelta()) == []
