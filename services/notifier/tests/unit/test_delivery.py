"""What an outcome makes of a delivery and of its webhook."""

from dataclasses import replace
from datetime import timedelta

import pytest
from services.notifier.tests.events import AT, a_webhook, run_changed

from orchestra.notifier.domain.channel import MOST_GIVEN_UP
from orchestra.notifier.domain.delivery import PAUSES, TRIES, Delivery, Outcome, pause_after, settled
from orchestra.notifier.domain.notice import of_run
from orchestra.notifier.domain.webhook import Webhook

WEBHOOK = a_webhook()
[NOTICE] = of_run(run_changed(), AT)
PENDING = replace(Delivery.of(NOTICE, WEBHOOK, "dlv_1", AT), lease="lse_1", leased_until=AT)
HOUR = timedelta(hours=1)


def answered(status: int | None, retry_after: timedelta | None = None) -> Outcome:
    return Outcome(status, "", 5, retry_after=retry_after)


def after(
    outcome: Outcome, delivery: Delivery = PENDING, webhook: Webhook = WEBHOOK, fraction: float = 0
) -> tuple[Delivery, Webhook]:
    return settled(delivery, webhook, outcome, now=AT, fraction=fraction)


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_any_2xx_is_taken_and_clears_what_was_given_up(status: int) -> None:
    delivery, webhook = after(answered(status), webhook=replace(WEBHOOK, given_up=4))

    assert (delivery.status, delivery.tries, delivery.ended_at, delivery.lease) == ("delivered", 1, AT, None)
    assert webhook.given_up == 0


@pytest.mark.parametrize("status", [None, 100, 199, 300, 301, 302, 304, 307, 400, 401, 404, 418, 429, 500, 503, 599])
def test_anything_else_is_tried_again(status: int | None) -> None:
    delivery, webhook = after(answered(status))

    assert (delivery.status, delivery.due_at, delivery.lease) == ("pending", AT + PAUSES[0], None)
    assert webhook == WEBHOOK


def test_the_pauses_grow_over_three_days_and_jitter_only_lengthens_them() -> None:
    assert list(PAUSES) == sorted(PAUSES)
    assert sum(PAUSES, timedelta()) == timedelta(hours=75, minutes=35, seconds=5)
    assert [pause_after(tries, 0) for tries in range(1, TRIES)] == list(PAUSES)
    assert pause_after(1, 1.0) == timedelta(seconds=6)


def test_the_tenth_failure_is_the_last() -> None:
    delivery, webhook = after(answered(500), replace(PENDING, tries=TRIES - 1))

    assert (delivery.status, delivery.tries, delivery.ended_at) == ("exhausted", 10, AT)
    assert (webhook.enabled, webhook.given_up) == (True, 1)


def test_five_exhausted_in_a_row_disable_the_webhook_with_the_reason() -> None:
    last = replace(PENDING, tries=TRIES - 1)
    _, webhook = after(Outcome(None, "no answer within 15 s", 15000), last, replace(WEBHOOK, given_up=4))

    assert (webhook.enabled, webhook.disabled_at, webhook.given_up) == (False, AT, MOST_GIVEN_UP)
    assert webhook.disabled_reason.endswith("no answer within 15 s")


def test_a_failure_for_good_ends_the_delivery_at_once_and_counts_as_given_up() -> None:
    delivery, webhook = after(Outcome(None, "no public address", 5, permanent=True))

    assert (delivery.status, delivery.tries, webhook.enabled, webhook.given_up) == ("exhausted", 1, True, 1)


def test_410_disables_at_once() -> None:
    delivery, webhook = after(answered(410))

    assert (delivery.status, webhook.enabled, webhook.disabled_reason) == (
        "cancelled",
        False,
        "the endpoint answered 410 Gone",
    )


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize(
    ("wish", "pause"),
    [
        (timedelta(), PAUSES[0]),
        (timedelta(seconds=3), PAUSES[0]),
        (HOUR, HOUR),
        (timedelta(days=365), timedelta(hours=24)),
    ],
)
def test_retry_after_is_honoured_up_to_a_day_and_never_hurries(status: int, wish: timedelta, pause: timedelta) -> None:
    delivery, webhook = after(answered(status, wish))

    assert delivery.due_at == AT + pause
    assert webhook.paused_until == AT + min(wish, timedelta(hours=24))


@pytest.mark.parametrize("status", [302, 404, 500])
def test_retry_after_means_nothing_on_other_answers(status: int) -> None:
    delivery, webhook = after(answered(status, HOUR))

    assert (delivery.due_at, webhook.paused_until) == (AT + PAUSES[0], None)


@pytest.mark.parametrize(
    ("delivery", "webhook"),
    [
        (PENDING, WEBHOOK.disabled("by another delivery", AT)),
        (replace(PENDING, status="cancelled"), WEBHOOK.disabled("by another delivery", AT)),
        (replace(PENDING, status="cancelled"), WEBHOOK),
    ],
)
def test_a_try_that_fails_after_the_webhook_was_disabled_is_the_last(delivery: Delivery, webhook: Webhook) -> None:
    for status in (500, 410, 429):
        assert after(answered(status), delivery, replace(webhook))[0].status == "cancelled"
    assert after(answered(200), delivery, webhook)[0].status == "delivered"


@pytest.mark.parametrize("status", ["delivered", "exhausted", "cancelled"])
def test_a_replay_begins_anew_under_the_same_id(status: str) -> None:
    ended = replace(PENDING, status=status, tries=10, ended_at=AT)

    replayed = ended.replayed(AT + HOUR)

    assert replayed == replace(PENDING, due_at=AT + HOUR, lease=None, leased_until=None)


def test_a_replay_of_a_pending_delivery_only_hurries_it() -> None:
    waiting = replace(PENDING, tries=3, due_at=AT + 9 * HOUR)

    assert waiting.replayed(AT + HOUR) == replace(waiting, due_at=AT + HOUR)


def test_an_enabled_webhook_begins_with_a_clean_slate() -> None:
    disabled = replace(WEBHOOK, given_up=5, paused_until=AT).disabled("why", AT)

    assert disabled.reenabled() == WEBHOOK
