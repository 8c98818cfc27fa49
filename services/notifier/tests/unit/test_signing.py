"""Headers of a try, and what is read out of an answer."""

from datetime import timedelta

import pytest
from services.notifier.tests.events import AT, a_webhook, run_changed
from standardwebhooks import Webhook as Verifier

from orchestra.chassis.clock import SystemClock
from orchestra.notifier.adapters.webhook_client import new_secret, retry_after, signed_headers
from orchestra.notifier.domain.delivery import Delivery
from orchestra.notifier.domain.notice import of_run


def test_a_signature_holds_for_the_whole_body_and_the_id() -> None:
    now, secret = SystemClock().now(), new_secret()
    webhook = a_webhook(secret=secret)
    [notice] = of_run(run_changed(cause="Übung, 100 %"), AT)
    delivery = Delivery.of(notice, webhook, "dlv_1", AT)
    headers = signed_headers(delivery, secret, now)

    assert Verifier(secret).verify(delivery.body.encode(), headers)["data"]["cause"] == "Übung, 100 %"
    assert headers["webhook-timestamp"] == str(int(now.timestamp()))
    for body, id_ in ((delivery.body + " ", "dlv_1"), (delivery.body, "dlv_2")):
        with pytest.raises(Exception, match="No matching signature"):
            Verifier(secret).verify(body, {**headers, "webhook-id": id_})


def test_secrets_differ() -> None:
    assert len({new_secret() for _ in range(100)}) == 100


@pytest.mark.parametrize(
    ("value", "wish"),
    [
        (None, None),
        ("", None),
        ("soon", None),
        ("-1", None),
        ("1.5", None),
        ("0", timedelta()),
        (" 120 ", timedelta(seconds=120)),
        ("9" * 40, timedelta(seconds=10**7)),
        ("Fri, 20 Nov 2026 09:31:00 GMT", timedelta(minutes=1)),
        ("Fri, 20 Nov 2026 09:31:00 -0000", timedelta(minutes=1)),
        ("Fri, 20 Nov 2026 09:29:00 GMT", timedelta()),
        ("Fri, 32 Nov 2026 09:29:00 GMT", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(value: str | None, wish: timedelta | None) -> None:
    assert retry_after(value, AT) == wish
