"""Mail over a real socket: what is sent, and what is made of the server's answers."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import trustme
from services.notifier.tests.events import change, run_changed, tasks_changed
from services.notifier.tests.harness import Notifier, notifying
from services.notifier.tests.mailbox import LOGIN, Mailbox, mailbox
from services.notifier.tests.receiver import Answer, Receiver

from orchestra.notifier.adapters.mail_client import MailClient
from orchestra.notifier.adapters.mail_message import MailWriter
from orchestra.notifier.application.announce import announce
from orchestra.notifier.application.claim_due import claim_due
from orchestra.notifier.domain.delivery import PAUSES
from orchestra.notifier.domain.notice import of_run
from orchestra.notifier.entrypoints import loops
from orchestra.notifier.entrypoints.loops import LEASE
from orchestra.notifier.settings import NotifierSettings

FIRST_PAUSE = PAUSES[0] * 1.2
ANA = {"address": "ana@example.org", "kinds": ["run.finished", "task.failed", "task.waiting"]}


def smtp(server: Mailbox, **more: Any) -> dict[str, Any]:
    plain = {"smtp_host": "127.0.0.1", "smtp_port": server.port, "smtp_security": "none"}
    return {**plain, "smtp_from": "orchestra@example.org", "public_url": "https://work.example.org/", **more}


@pytest.fixture
async def server() -> AsyncIterator[Mailbox]:
    async with mailbox() as running:
        yield running


@pytest.fixture
async def by_mail(database_url: str, server: Mailbox) -> AsyncIterator[Notifier]:
    async with notifying(database_url, **smtp(server)) as running:
        yield running


async def test_a_finished_run_is_told_by_text_and_html(by_mail: Notifier, server: Mailbox) -> None:
    subscription = await by_mail.subscribe(**ANA)

    await by_mail.hear(run_changed("failed", cause="T1 <b>failed</b> & more", totals={"failed": 1, "done": 2}))

    [delivery] = await by_mail.settled(subscription, "delivered")
    [received] = server.received
    message = received.message
    assert (received.sender, received.recipients) == ("orchestra@example.org", ["ana@example.org"])
    assert message.get_content_type() == "multipart/alternative"
    assert message["Subject"] == "[Orchestra] Run run_1 failed"
    assert (message["From"], message["To"]) == ("Orchestra <orchestra@example.org>", "ana@example.org")
    assert message["Message-ID"] == f"<{delivery['id']}@example.org>"
    assert message["Date"].datetime == by_mail.clock.now().replace(microsecond=0)
    assert message["Auto-Submitted"] == "auto-generated"
    wish = f"<mailto:orchestra@example.org?subject=unsubscribe%20{subscription['id']}>"
    assert message["List-Unsubscribe"] == wish
    text, html = (message.get_body((kind,)).get_content() for kind in ("plain", "html"))
    assert "Cause: T1 <b>failed</b> & more" in text
    assert "Tasks: 2 done, 1 failed" in text
    assert "https://work.example.org/api/v1/runs/run_1" in text
    assert "T1 &lt;b&gt;failed&lt;/b&gt; &amp; more" in html
    assert 'href="https://work.example.org/api/v1/runs/run_1"' in html
    assert [(t["status"], t["reason"]) for t in delivery["tries"]] == [(250, "")]


async def test_only_what_was_asked_for_is_told(by_mail: Notifier, server: Mailbox) -> None:
    waits = await by_mail.subscribe(address="waits@example.org", kinds=["task.waiting"])
    project = await by_mail.subscribe(address="project@example.org", kinds=["run.finished"], project_id="prj_2")

    await by_mail.hear(run_changed(), tasks_changed(change("failed"), change("waiting", "tsk_2")))
    await by_mail.hear(run_changed(project_id="prj_2", run_id="run_2"), run_changed(workspace_id="wsp_2"))

    await by_mail.settled(waits, "delivered")
    await by_mail.settled(project, "delivered")
    told = {(received.recipients[0], received.message["Subject"]) for received in server.received}
    assert told == {
        ("waits@example.org", "[Orchestra] Decision needed: T1 Write it"),
        ("project@example.org", "[Orchestra] Run run_2 finished"),
    }


async def test_what_is_refused_for_now_is_tried_again_as_the_same_message(by_mail: Notifier, server: Mailbox) -> None:
    server.to_recipients.append("451 4.7.1 greylisted")
    server.to_messages.append("452 4.3.1 no space")
    subscription = await by_mail.subscribe(**ANA)
    await by_mail.hear(run_changed())
    await by_mail.tried(subscription, 1)
    by_mail.pass_time(FIRST_PAUSE)
    await by_mail.tried(subscription, 2)
    by_mail.pass_time(PAUSES[1] * 1.2)

    [delivery] = await by_mail.settled(subscription, "delivered")

    assert [t["reason"] for t in delivery["tries"]] == ["SMTP 451 4.7.1 greylisted", "SMTP 452 4.3.1 no space", ""]
    first, second = server.received
    assert first.message.as_bytes() == second.message.as_bytes()


@pytest.mark.parametrize("where", ["to_recipients", "to_messages"])
async def test_what_is_refused_for_good_is_not_tried_again(where: str, by_mail: Notifier, server: Mailbox) -> None:
    getattr(server, where).append("550 5.1.1 no such mailbox")
    subscription = await by_mail.subscribe(**ANA)
    await by_mail.hear(run_changed())

    [delivery] = await by_mail.settled(subscription, "exhausted")

    assert [(t["status"], t["reason"]) for t in delivery["tries"]] == [(550, "SMTP 550 5.1.1 no such mailbox")]
    replayed = await by_mail.client().post(f"{by_mail.path(subscription)}/deliveries/{delivery['id']}/replay")
    assert replayed.status_code == 200
    await by_mail.settled(subscription, "delivered")


async def test_a_mailbox_that_is_gone_ends_the_subscription_with_the_reason(by_mail: Notifier, server: Mailbox) -> None:
    server.to_recipients.extend(["550 gone"] * 5)
    subscription = await by_mail.subscribe(**ANA)
    await by_mail.hear(*(run_changed(run_id=f"run_{number}") for number in range(5)))
    await by_mail.settled(subscription, *["exhausted"] * 5)

    shown = await by_mail.show(subscription)
    assert shown["disabled_reason"] == "5 deliveries in a row were given up: SMTP 550 gone"
    refused = await by_mail.client().post(f"{by_mail.path(subscription)}/test")
    assert (refused.status_code, refused.json()["code"]) == (409, "mail-subscription-disabled")
    assert (await by_mail.client().post(f"{by_mail.path(subscription)}/enable")).json()["status"] == "enabled"
    sent = await by_mail.client().post(f"{by_mail.path(subscription)}/test")
    assert (sent.status_code, sent.json()["kind"]) == (202, "test")
    await by_mail.settled(subscription, "delivered", *["exhausted"] * 5)
    assert server.received[0].message["Subject"] == "[Orchestra] A test"


async def test_a_server_that_hangs_costs_one_try_and_holds_up_no_webhook(
    database_url: str, server: Mailbox, receiver: Receiver
) -> None:
    server.hangs = asyncio.Event()
    receiver.always = Answer(204)
    async with notifying(database_url, **smtp(server, smtp_timeout_s=1, mail_slots=1)) as notifier:
        subscription, webhook = await notifier.subscribe(**ANA), await notifier.register(receiver.url)
        await notifier.hear(run_changed())

        await server.until(lambda: server.asked == 1)
        await notifier.settled(webhook, "delivered")
        delivery = await notifier.tried(subscription, 1)
        server.hangs.set()

    assert (delivery["status"], delivery["tries"][0]["reason"]) == ("pending", "no answer within 1 s")


async def test_a_server_that_is_away_is_tried_again(database_url: str) -> None:
    async with notifying(database_url, **smtp(Mailbox(port=9))) as notifier:
        subscription = await notifier.subscribe(**ANA)
        await notifier.hear(run_changed())

        delivery = await notifier.tried(subscription, 1)

    assert (delivery["status"], delivery["tries"][0]["status"]) == ("pending", None)


@pytest.fixture
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def context(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    return context


Asked = Callable[..., dict[str, Any]]


@pytest.fixture
def secured(authority: trustme.CA, tmp_path: Path) -> Asked:
    authority.cert_pem.write_to_path(str(tmp_path / "authority.pem"))
    user, password = LOGIN
    more = {"smtp_security": "starttls", "smtp_ca_file": tmp_path / "authority.pem"}
    return lambda server, **other: smtp(server, **{**more, "smtp_user": user, "smtp_password": password, **other})


async def test_starttls_and_a_login(database_url: str, context: ssl.SSLContext, secured: Asked) -> None:
    async with mailbox(context, login=True) as server, notifying(database_url, **secured(server)) as notifier:
        subscription = await notifier.subscribe(**ANA)
        await notifier.hear(run_changed())
        await notifier.settled(subscription, "delivered")

    assert [(received.encrypted, received.user) for received in server.received] == [(True, "ana")]


async def test_a_wrong_password_waits_for_the_operator_and_is_shown_nowhere(
    database_url: str, context: ssl.SSLContext, secured: Asked, capfd: pytest.CaptureFixture[str]
) -> None:
    wrong = "another-secret-password"
    async with (
        mailbox(context, login=True) as server,
        notifying(database_url, **secured(server, smtp_password=wrong)) as notifier,
    ):
        subscription = await notifier.subscribe(**ANA)
        await notifier.hear(run_changed())
        delivery = await notifier.tried(subscription, 1)
        shown = str([delivery, await notifier.show(subscription), repr(notifier.running.room.settings)])

    assert (delivery["status"], delivery["tries"][0]["status"]) == ("pending", 535)
    assert wrong not in shown + "".join(capfd.readouterr())


async def test_no_mail_goes_out_in_the_clear_where_tls_was_asked_for(
    database_url: str, server: Mailbox, secured: Asked, context: ssl.SSLContext
) -> None:
    settings = secured(server, smtp_user=None, smtp_password=None)
    async with notifying(database_url, **settings) as notifier:
        subscription = await notifier.subscribe(**ANA)
        await notifier.hear(run_changed())
        await notifier.tried(subscription, 1)
    assert server.received == []

    async with (
        mailbox(context) as unknown,
        notifying(database_url, **smtp(unknown, smtp_security="starttls")) as notifier,
    ):
        notifier.pass_time(timedelta(minutes=1))
        delivery = await notifier.tried(subscription, 2)

    assert "certificate" in delivery["tries"][1]["reason"].lower()
    assert unknown.received == []


async def test_a_sender_killed_before_it_recorded_is_succeeded_by_the_same_message(
    by_mail: Notifier, server: Mailbox
) -> None:
    subscription = await by_mail.subscribe(**ANA)
    writer = MailWriter("orchestra@example.org", "https://work.example.org/")
    client = MailClient("127.0.0.1", server.port, "none", writer, timeout_s=30)
    async with by_mail.running.database.begin() as work:
        await announce(work, of_run(run_changed(), work.now))
        [claim] = await claim_due(work, "mail", limit=1, lasting=LEASE)
    assert (await client.send(claim.delivery, claim.channel)).taken

    by_mail.pass_time(LEASE)

    await by_mail.settled(subscription, "delivered")
    first, second = (received.message for received in server.received)
    assert first["Message-ID"] == second["Message-ID"] == f"<{claim.delivery.id}@example.org>"


async def test_a_stop_hands_back_what_it_cannot_finish(
    database_url: str, server: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loops, "GRACE_S", 0.05)
    server.hangs = asyncio.Event()
    async with (
        asyncio.timeout(25),  # it waits for no farewell either, which would take all that a try may take
        notifying(database_url, **smtp(server, smtp_timeout_s=50)) as notifier,
    ):
        subscription = await notifier.subscribe(**ANA)
        await notifier.hear(run_changed())
        await server.until(lambda: server.asked == 1)
    server.hangs.set()

    async with notifying(database_url, **smtp(server)) as again:  # no time has passed: the lease would still hold
        [delivery] = await again.settled(subscription, "delivered")

    assert len(delivery["tries"]) == 1


@pytest.mark.parametrize(
    "address",
    [
        *("", "ana", "@example.org", "ana@", "ana@@example.org", "ana@exa mple.org", "a" * 65 + "@example.org"),
        *("ana@example.org\n", "ana@example.org\r\nBcc: all@example.org", "Ana <ana@example.org>", "a,b@example.org"),
        *("ana@example.org,bob@example.org", '"a b"@example.org', "ana@[127.0.0.1]", "änä@example.org", "ana@-x.org"),
    ],
)
async def test_what_is_no_address_is_refused_at_its_place(address: str, by_mail: Notifier) -> None:
    refused = await by_mail.client().post("/mail-subscriptions", json={**ANA, "address": address})

    assert refused.status_code == 422
    assert [fault["pointer"] for fault in refused.json()["errors"]] == ["/address"]


async def test_without_a_server_nobody_can_subscribe(notifier: Notifier) -> None:
    refused = await notifier.client().post("/mail-subscriptions", json=ANA)

    assert (refused.status_code, refused.json()["code"]) == (409, "mail-not-configured")


async def test_a_subscription_of_another_workspace_does_not_exist(by_mail: Notifier) -> None:
    subscription = await by_mail.subscribe(**ANA)
    stranger, path = by_mail.client("wsp_2"), by_mail.path(subscription)

    answers = [await stranger.get(path), await stranger.delete(path), await stranger.post(f"{path}/test")]

    assert {(answer.status_code, answer.json()["code"]) for answer in answers} == {(404, "unknown-mail-subscription")}
    assert (await by_mail.client().delete(path)).status_code == 204
    assert (await by_mail.client().get("/mail-subscriptions")).json()["data"] == []


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"smtp_host": "mail.example.org"}, "ORCHESTRA_SMTP_FROM"),
        ({"smtp_security": "none", "smtp_host": "mail.example.org"}, "SECURITY=none"),
        ({"smtp_user": "ana"}, "belong together"),
        ({"smtp_from": "orchestra@example.org\nBcc: x@example.org"}, "smtp_from"),
    ],
)
def test_settings_that_would_send_nothing_or_leak_are_refused(settings: dict[str, Any], said: str) -> None:
    given = {"smtp_host": "localhost", "smtp_from": "o@example.org", **settings}
    if said == "ORCHESTRA_SMTP_FROM":
        del given["smtp_from"]
    with pytest.raises(ValueError, match=said):
        NotifierSettings(database_url="sqlite+aiosqlite://", internal_public_key="A" * 43 + "=", **given)
