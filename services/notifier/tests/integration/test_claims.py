"""Claims: exclusive, fair between webhooks, and void once the lease has ended."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest
from services.notifier.tests.events import run_changed

from orchestra.chassis.database.unit_of_work import Database
from orchestra.chassis.testing.fakes import HeldClock
from orchestra.notifier.adapters.deliveries import AT_A_TIME
from orchestra.notifier.adapters.vault import KeyVault
from orchestra.notifier.adapters.work import NotifyingWork
from orchestra.notifier.application.announce import announce
from orchestra.notifier.application.claim_due import Claim, claim_due
from orchestra.notifier.application.record_outcome import record_outcome
from orchestra.notifier.application.register_webhook import register_webhook
from orchestra.notifier.domain.delivery import Outcome
from orchestra.notifier.domain.notice import of_run
from orchestra.notifier.domain.webhook import JudgedUrl, Webhook

LASTING = timedelta(seconds=60)
TAKEN = Outcome(200, "", 1)


@pytest.fixture
async def clock() -> HeldClock:
    return HeldClock()


@pytest.fixture
async def database(database_url: str, clock: HeldClock) -> AsyncIterator[Database[NotifyingWork]]:
    database = Database(database_url, "notifier", NotifyingWork, clock=clock, pool_size=5)
    yield database
    await database.close()


async def due(database: Database[NotifyingWork], webhooks: int, each: int) -> None:
    async with database.begin() as work:
        for _ in range(webhooks):
            more = {
                "url": JudgedUrl("https://example.com"),
                "kinds": ["run.finished"],
                "description": "",
                "secret": "whsec_x",
            }
            await register_webhook(work, "wsp_1", KeyVault({}), **more)
        for number in range(each):
            await announce(work, of_run(run_changed(run_id=f"run_{number}"), work.now))


async def claim(database: Database[NotifyingWork], limit: int = 1000) -> list[Claim[Webhook]]:
    async with database.begin() as work:
        return await claim_due(work, "webhook", limit=limit, lasting=LASTING)


async def record(database: Database[NotifyingWork], claimed: Claim[Webhook], outcome: Outcome = TAKEN) -> None:
    async with database.begin() as work:
        await record_outcome(work, claimed, outcome, fraction=0)


async def test_a_webhook_gets_a_few_at_a_time_the_longest_due_first(database: Database[NotifyingWork]) -> None:
    await due(database, webhooks=3, each=20)

    claims = await claim(database)

    assert list(Counter(each.channel.id for each in claims).values()) == [AT_A_TIME] * 3
    assert {each.delivery.fact for each in claims} == {f"run.finished:run_{n}:1" for n in range(AT_A_TIME)}
    assert await claim(database) == []
    await record(database, claims[0])
    [next_one] = await claim(database)
    assert next_one.channel == claims[0].channel


async def test_nothing_of_a_disabled_webhook_is_claimed(database: Database[NotifyingWork]) -> None:
    await due(database, webhooks=2, each=1)
    async with database.begin() as work:
        first, second = await work.webhooks.page("wsp_1", after=None, limit=10)
        await work.webhooks.save(first.disabled("announced at the same moment", work.now))

    assert [each.channel for each in await claim(database)] == [second]


async def test_two_senders_never_claim_the_same(database: Database[NotifyingWork]) -> None:
    await due(database, webhooks=25, each=2)

    rounds = await asyncio.gather(*(claim(database, limit=5) for _ in range(20)))
    rest = await claim(database)

    ids = [each.delivery.id for claims in (*rounds, rest) for each in claims]
    assert len(ids) == len(set(ids)) == 50


async def test_a_late_holder_changes_nothing(database: Database[NotifyingWork], clock: HeldClock) -> None:
    await due(database, webhooks=1, each=1)
    [late] = await claim(database)
    clock.advance(LASTING)
    [holder] = await claim(database)

    await record(database, late)
    async with database.read() as view:
        assert (await view.deliveries("webhook").find(late.channel.id, late.delivery.id)) == holder.delivery
    await record(database, holder)

    async with database.read() as view:
        delivery = await view.deliveries("webhook").find(late.channel.id, late.delivery.id)
        log = await view.deliveries("webhook").logs([delivery])
    assert (delivery.status, delivery.tries, len(log[delivery.id])) == ("delivered", 1, 1)


async def test_an_outcome_is_recorded_once(database: Database[NotifyingWork]) -> None:
    await due(database, webhooks=1, each=1)
    [claimed] = await claim(database)

    await asyncio.gather(*(record(database, claimed, replace(TAKEN, status=500)) for _ in range(5)))

    async with database.read() as view:
        assert (await view.deliveries("webhook").find(claimed.channel.id, claimed.delivery.id)).tries == 1


async def test_outcomes_announcements_and_a_removal_at_once_do_not_deadlock(
    database: Database[NotifyingWork],
) -> None:
    await due(database, webhooks=4, each=4)
    claims = await claim(database)

    async def announce_more(number: int) -> None:
        async with database.begin() as work:
            await announce(work, of_run(run_changed(run_id=f"more_{number}"), work.now))

    async def remove() -> None:
        async with database.begin() as work:
            webhook = await work.webhooks.find("wsp_1", claims[0].channel.id, hold=True)
            await work.webhooks.remove(webhook.id)

    gone = Outcome(410, "HTTP 410", 1)
    await asyncio.gather(
        remove(),
        *(record(database, each, gone if each is claims[-1] else TAKEN) for each in claims),
        *(announce_more(number) for number in range(10)),
    )

    async with database.read() as view:
        left = await view.webhooks.page("wsp_1", after=None, limit=10)
    assert [webhook.enabled for webhook in left].count(False) == 1
    assert len(left) == 3
