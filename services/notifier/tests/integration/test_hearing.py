"""Events in: once for each fact, in whichever order and however often they come."""

from datetime import datetime, timedelta
from typing import Any

from services.notifier.tests.events import (
    AT,
    budget_exhausted,
    budget_raised,
    budget_warned,
    change,
    checkpoint_raised,
    checkpoint_resolved,
    run_changed,
    tasks_changed,
)
from services.notifier.tests.harness import Notifier
from services.notifier.tests.receiver import Receiver

from orchestra.contracts import catalog
from orchestra.notifier.service import service


async def test_the_subscriptions_are_those_of_the_catalog() -> None:
    assert set(service.subscriptions.kinds()) == {entry.event.kind for entry in catalog.consumed_by("notifier")}


async def test_a_second_delivery_of_an_event_says_nothing_new(notifier: Notifier, receiver: Receiver) -> None:
    webhook = await notifier.register(receiver.url)
    envelope = notifier.envelope(run_changed())

    await notifier.deliver(envelope)
    await notifier.deliver(envelope, envelope)

    await notifier.settled(webhook, "delivered")
    assert len(receiver.received) == 1


async def test_the_end_of_an_epoch_is_told_once_even_in_events_of_their_own(
    notifier: Notifier, receiver: Receiver
) -> None:
    webhook = await notifier.register(receiver.url)

    await notifier.hear(run_changed("failed"), run_changed("failed"), run_changed("running", epoch=2))
    await notifier.settled(webhook, "delivered")
    await notifier.hear(run_changed("finished", epoch=2), run_changed("failed"))

    await notifier.settled(webhook, "delivered", "delivered")
    contents = [received.verified(webhook["secret"])["data"] for received in receiver.received]
    assert [(content["epoch"], content["status"]) for content in contents] == [(1, "failed"), (2, "finished")]


async def test_events_in_reverse_order_tell_the_same(notifier: Notifier, receiver: Receiver) -> None:
    webhook = await notifier.register(receiver.url)
    events = [
        run_changed("running", sequence=1),
        tasks_changed(change("assigned", at=AT), sequence=1),
        tasks_changed(change("failed", at=AT + timedelta(seconds=1)), sequence=2),
        run_changed("failed", sequence=2),
        run_changed("running", epoch=2, sequence=3),
        run_changed("cancelled", epoch=2, sequence=4),
    ]

    await notifier.hear(*reversed(events))

    await notifier.settled(webhook, *["delivered"] * 4)
    contents = [received.verified(webhook["secret"]) for received in receiver.received]
    assert {(content["type"], content["data"]["status"]) for content in contents} == {
        ("task.waiting", "assigned"),
        ("task.failed", "failed"),
        ("run.finished", "failed"),
        ("run.finished", "cancelled"),
    }


async def test_a_task_that_fails_again_is_told_again(notifier: Notifier, receiver: Receiver) -> None:
    webhook = await notifier.register(receiver.url, "task.failed")
    first, second = change("failed", attempt=1), change("failed", attempt=2, at=AT + timedelta(minutes=1))

    await notifier.hear(tasks_changed(first), tasks_changed(first, second))

    await notifier.settled(webhook, "delivered", "delivered")
    attempts = {received.verified(webhook["secret"])["data"]["attempt"] for received in receiver.received}
    assert attempts == {1, 2}


async def test_only_the_kinds_that_were_asked_for_are_told(
    notifier: Notifier, receiver: Receiver, other_receiver: Receiver
) -> None:
    runs = await notifier.register(receiver.url, "run.finished")
    tasks = await notifier.register(other_receiver.url, "task.failed", "task.waiting")

    await notifier.hear(run_changed(), tasks_changed(change("failed"), change("waiting", "tsk_2")))

    await notifier.settled(runs, "delivered")
    await notifier.settled(tasks, "delivered", "delivered")
    assert (len(receiver.received), len(other_receiver.received)) == (1, 2)


async def test_a_checkpoint_is_told_to_those_who_asked_for_it_once_each_time(
    notifier: Notifier, receiver: Receiver, other_receiver: Receiver
) -> None:
    all_of_it = await notifier.register(
        receiver.url, "checkpoint.raised", "checkpoint.escalated", "checkpoint.resolved"
    )
    late = await notifier.register(other_receiver.url, "checkpoint.escalated")
    raised, again = checkpoint_raised(sequence=1), checkpoint_raised(sequence=2, escalated=True)

    await notifier.hear(raised, again, again, checkpoint_resolved(sequence=3))

    await notifier.settled(all_of_it, "delivered", "delivered", "delivered")
    await notifier.settled(late, "delivered")
    told = {r.verified(all_of_it["secret"])["type"] for r in receiver.received}
    assert told == {"checkpoint.raised", "checkpoint.escalated", "checkpoint.resolved"}


async def test_a_budget_is_told_to_those_who_asked_for_it(notifier: Notifier, receiver: Receiver) -> None:
    webhook = await notifier.register(receiver.url, "budget.warned", "budget.exhausted", "budget.raised")

    await notifier.hear(budget_warned(), budget_exhausted(), budget_raised(), budget_warned())

    await notifier.settled(webhook, *["delivered"] * 4)
    told = sorted(r.verified(webhook["secret"])["type"] for r in receiver.received)
    assert told == ["budget.exhausted", "budget.raised", "budget.warned", "budget.warned"]


async def test_another_workspace_hears_nothing(notifier: Notifier, receiver: Receiver) -> None:
    webhook = await notifier.register(receiver.url)

    await notifier.hear(run_changed(workspace_id="wsp_2", run_id="run_2"), run_changed())

    await notifier.settled(webhook, "delivered")
    assert [received.verified(webhook["secret"])["data"]["run_id"] for received in receiver.received] == ["run_1"]


async def test_what_happened_before_a_webhook_was_made_is_not_told(notifier: Notifier, receiver: Receiver) -> None:
    await notifier.hear(run_changed())
    webhook = await notifier.register(receiver.url)

    await notifier.hear(run_changed(run_id="run_2"))

    await notifier.settled(webhook, "delivered")
    assert [received.verified(webhook["secret"])["data"]["run_id"] for received in receiver.received] == ["run_2"]


async def test_events_of_one_delivery_each_keep_their_own_time(notifier: Notifier, receiver: Receiver) -> None:
    webhook = await notifier.register(receiver.url)
    first = notifier.envelope(run_changed())
    notifier.clock.advance(timedelta(seconds=7))
    second = notifier.envelope(run_changed(run_id="run_2"))

    await notifier.deliver(first, second)

    await notifier.settled(webhook, "delivered", "delivered")
    told = {content["data"]["run_id"]: content["timestamp"] for content in _contents(webhook, receiver)}
    assert told == {"run_1": _text(first.cloud.time), "run_2": _text(second.cloud.time)}


def _contents(webhook: dict[str, Any], receiver: Receiver) -> list[Any]:
    return [received.verified(webhook["secret"]) for received in receiver.received]


def _text(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")
