"""Webhooks over HTTP."""

from typing import Any

import pytest
from services.notifier.tests.events import run_changed
from services.notifier.tests.harness import Names, Notifier, notifying
from services.notifier.tests.receiver import Answer, Receiver

GOOD: dict[str, Any] = {"url": "https://example.com/hook", "kinds": ["run.finished"], "description": "ours"}


async def test_the_secret_is_shown_on_creation_and_never_again(notifier: Notifier) -> None:
    client = notifier.client()
    made = await client.post("/webhooks", json=GOOD)
    webhook = made.json()

    assert made.status_code == 201
    assert made.headers["location"] == f"/webhooks/{webhook['id']}"
    assert webhook["id"].startswith("whk_")
    assert webhook["secret"].startswith("whsec_")
    assert len(webhook["secret"]) == len("whsec_") + 44
    for path in ("/webhooks", f"/webhooks/{webhook['id']}"):
        assert "whsec_" not in (await client.get(path)).text
    assert (await client.get(f"/webhooks/{webhook['id']}")).json() == {
        **{key: value for key, value in webhook.items() if key != "secret"},
        "status": "enabled",
        "disabled_at": None,
        "disabled_reason": None,
        "paused_until": None,
    }


async def test_one_key_makes_one_webhook(notifier: Notifier) -> None:
    client = notifier.client()
    answers = [await client.post("/webhooks", json=GOOD, headers={"idempotency-key": "k"}) for _ in range(3)]

    assert len({answer.json()["id"] for answer in answers}) == 1
    assert len((await client.get("/webhooks")).json()["data"]) == 1


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("https://10.0.0.1/hook", "refused-address"),
        ("http://169.254.169.254/latest/meta-data/", "refused-address"),
        ("https://intern.example.org/hook", "refused-address"),
        ("https://[::ffff:127.0.0.1]/hook", "refused-address"),
        ("https://nowhere.example.org/hook", "unresolvable-host"),
        ("https://2130706433/hook", "invalid-url"),
        ("https://example.com:25/hook", "invalid-url"),
    ],
)
async def test_an_address_that_is_not_public_is_refused_at_its_place(url: str, code: str, database_url: str) -> None:
    async with notifying(database_url, names=Names({"intern.example.org": "192.168.7.7"})) as notifier:
        refused = await notifier.client().post("/webhooks", json={**GOOD, "url": url})

        assert (refused.status_code, refused.json()["code"]) == (422, code)
        assert [(fault["pointer"], fault["code"]) for fault in refused.json()["errors"]] == [("/url", code)]
        assert (await notifier.client().get("/webhooks")).json()["data"] == []


async def test_a_repeated_request_gets_the_same_answer_even_where_the_name_has_moved(database_url: str) -> None:
    names = Names({"moves.example.org": "93.184.215.14"})
    async with notifying(database_url, names=names) as notifier:
        request = {"json": {**GOOD, "url": "https://moves.example.org/"}, "headers": {"idempotency-key": "k"}}
        made = await notifier.client().post("/webhooks", **request)
        names.addresses["moves.example.org"] = "10.0.0.1"

        assert (await notifier.client().post("/webhooks", **request)).json() == made.json()
        request["headers"]["idempotency-key"] = "another"
        assert (await notifier.client().post("/webhooks", **request)).status_code == 422


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"url": "http://example.com/"}, "/url"),
        ({"url": "https://me:secret@example.com/"}, "/url"),
        ({"url": "ftp://example.com/"}, "/url"),
        ({"url": "https://example.com/" + "a" * 2000}, "/url"),
        ({"kinds": []}, "/kinds"),
        ({"kinds": ["run.started"]}, "/kinds/0"),
        ({"colour": "red"}, "/colour"),
        ({"description": "a\0b"}, "/description"),
    ],
)
async def test_a_wrong_request_is_refused_where_it_is_wrong(
    change: dict[str, Any], pointer: str, notifier: Notifier
) -> None:
    refused = await notifier.client().post("/webhooks", json={**GOOD, **change})

    assert refused.status_code == 422
    assert refused.headers["content-type"] == "application/problem+json"
    assert [fault["pointer"] for fault in refused.json()["errors"]] == [pointer]
    assert (await notifier.client().get("/webhooks")).json()["data"] == []


async def test_a_webhook_of_another_workspace_does_not_exist(notifier: Notifier, receiver: Receiver) -> None:
    webhook = await notifier.register(receiver.url)
    await notifier.hear(run_changed())
    [delivery] = await notifier.settled(webhook, "delivered")
    stranger, path = notifier.client("wsp_2"), f"/webhooks/{webhook['id']}"

    answers = [
        await stranger.get(path),
        await stranger.delete(path),
        await stranger.post(f"{path}/enable"),
        await stranger.get(f"{path}/deliveries"),
        await stranger.post(f"{path}/deliveries/{delivery['id']}/replay"),
    ]

    assert {(answer.status_code, answer.json()["code"]) for answer in answers} == {(404, "unknown-webhook")}
    assert (await stranger.get("/webhooks")).json() == {"data": [], "next_cursor": None}
    assert (await notifier.show(webhook))["status"] == "enabled"
    assert len(receiver.received) == 1


async def test_a_delivery_of_another_webhook_does_not_exist(notifier: Notifier, receiver: Receiver) -> None:
    webhook, other = await notifier.register(receiver.url), await notifier.register(receiver.url, "task.failed")
    await notifier.hear(run_changed())
    [delivery] = await notifier.settled(webhook, "delivered")

    refused = await notifier.client().post(f"/webhooks/{other['id']}/deliveries/{delivery['id']}/replay")

    assert (refused.status_code, refused.json()["code"]) == (404, "unknown-delivery")


async def test_lists_come_in_pages(notifier: Notifier, receiver: Receiver) -> None:
    receiver.always = Answer(200)
    webhooks = [await notifier.register(receiver.url, "run.finished") for _ in range(3)]
    for number in range(3):
        await notifier.hear(run_changed(run_id=f"run_{number}"))
    deliveries = await notifier.settled(webhooks[0], *["delivered"] * 3)

    assert await _all_pages(notifier, "/webhooks") == [webhook["id"] for webhook in webhooks]
    assert await _all_pages(notifier, f"/webhooks/{webhooks[0]['id']}/deliveries") == [d["id"] for d in deliveries]
    assert [delivery["id"] for delivery in deliveries] == sorted((d["id"] for d in deliveries), reverse=True)


async def _all_pages(notifier: Notifier, path: str) -> list[str]:
    client, ids, cursor = notifier.client(), [], ""
    while True:
        page = (await client.get(path, params={"limit": 2, **({"cursor": cursor} if cursor else {})})).json()
        ids += [item["id"] for item in page["data"]]
        cursor = page["next_cursor"]
        if cursor is None:
            return ids


async def test_secrets_are_sealed_once_the_operator_gives_a_key(database_url: str, receiver: Receiver) -> None:
    async with notifying(database_url) as notifier:
        webhook = await notifier.register(receiver.url)
    async with notifying(database_url, webhook_secret_keys={"1": b"k" * 32}) as notifier:
        later = await notifier.register(receiver.url)
        async with notifier.running.database.read() as view:
            stored = [each.secret for each in await view.webhooks.page("wsp_1", after=None, limit=10)]
        await notifier.hear(run_changed())
        await notifier.settled(webhook, "delivered")
        await notifier.settled(later, "delivered")

    assert [secret.split(":")[:2] for secret in stored] == [["sealed", "1"]] * 2
    for made in (webhook, later):
        assert [received.forged(made["secret"]) for received in receiver.received].count(False) == 1
    async with notifying(database_url) as without:
        await without.hear(run_changed(run_id="run_2"))

        async def tried() -> bool:
            return [len(delivery["tries"]) for delivery in await without.deliveries(webhook)] == [1, 1]

        await without.until(tried)
        [newest, _] = await without.deliveries(webhook)
        assert (newest["status"], len(receiver.received)) == ("pending", 2)
        assert "ORCHESTRA_WEBHOOK_SECRET_KEYS" in newest["tries"][0]["reason"]
