"""Attempts as they are stored: taken once, written by their holder only, ended once."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta

import pytest
from services.executor.tests.dispatches import dispatched, python, withdrawn
from sqlalchemy import select

from orchestra.chassis.database.unit_of_work import Database
from orchestra.chassis.testing.fakes import HeldClock
from orchestra.contracts.execution import Artifact, Evidence
from orchestra.contracts.scheduling import TaskDispatched
from orchestra.executor.adapters.attempts import CLAIM
from orchestra.executor.adapters.tables import ATTEMPT
from orchestra.executor.adapters.work import ExecutorWork
from orchestra.executor.application.attempts import AttemptView, Lease
from orchestra.executor.domain.attempt import EndedAttempt, Failed, HeldAttempt, Succeeded
from orchestra.executor.domain.verdict import REHEARSED

EVIDENCE = Evidence(sandbox_level="L3", duration_ms=12, exit_code=0, tail="done\n")
OUTPUT = Artifact(path="out.txt", sha256="a" * 64, size=3)
LEASE = timedelta(seconds=15)


class Store:
    """The database of an executor, with a held clock."""

    def __init__(self, url: str) -> None:
        self.clock = HeldClock()
        self.database: Database[ExecutorWork] = Database(url, "executor", ExecutorWork, clock=self.clock, pool_size=4)

    async def accept(self, *events: TaskDispatched) -> None:
        async with self.database.begin() as work:
            await work.attempts.accept([(event, None) for event in events])

    async def claim(self, owner: str, slots: int = 10) -> list[HeldAttempt]:
        async with self.database.begin() as work:
            return await work.attempts.claim(Lease(owner, work.now + LEASE), slots=slots)

    async def end(self, *ended: EndedAttempt) -> list[EndedAttempt]:
        async with self.database.begin() as work:
            return await work.attempts.end(ended)

    async def start(self, *attempts: HeldAttempt) -> list[HeldAttempt]:
        async with self.database.begin() as work:
            return await work.attempts.start(attempts)

    async def lose_expired(self) -> list[EndedAttempt]:
        async with self.database.begin() as work:
            return await work.attempts.lose_expired("Its lease ran out.")

    async def show(self, event: TaskDispatched) -> AttemptView:
        async with self.database.read() as view:
            found = await view.attempts.find(event.workspace_id, event.attempt_id)
        assert found
        return found

    async def statuses(self, events: Sequence[TaskDispatched]) -> list[str]:
        return [(await self.show(event)).status for event in events]


@pytest.fixture
async def store(url: str) -> AsyncIterator[Store]:
    store = Store(url)
    yield store
    await store.database.close()


def dispatches(count: int, **fields: object) -> list[TaskDispatched]:
    return [dispatched(python("print(1)"), **fields) for _ in range(count)]


async def test_a_claim_takes_the_oldest_up_to_the_free_slots(store: Store) -> None:
    events = dispatches(5)
    await store.accept(*events)

    first, second = await store.claim("a", slots=3), await store.claim("a", slots=3)

    assert [attempt.dispatch for attempt in first] == events[:3]
    assert [attempt.dispatch for attempt in second] == events[3:]
    assert all(attempt.owner == "a" and attempt.started_at == store.clock.now() for attempt in first)


async def test_workspaces_take_turns_whoever_has_queued_more(store: Store) -> None:
    many, few, late = dispatches(20, workspace_id="wsp_m"), dispatches(3, workspace_id="wsp_f"), dispatches(1)
    await store.accept(*many, *few, *late)

    first = await store.claim("a", slots=6)
    assert [attempt.dispatch for attempt in first] == sorted([*many[:3], *few[:2], *late], key=lambda e: e.attempt_id)
    # What each has under lease counts: two of the few's and three of the many's are at it.
    second = await store.claim("b", slots=2)
    assert [attempt.dispatch for attempt in second] == sorted([few[2], many[3]], key=lambda e: e.attempt_id)


async def test_what_another_claim_holds_is_passed_over_and_the_next_ones_are_taken(store: Store) -> None:
    events = dispatches(8, workspace_id="wsp_m")
    await store.accept(*events)
    if store.database.dialect.single_writer:
        return
    async with store.database.begin() as work:
        held = await work.attempts.claim(Lease("a", work.now + LEASE), slots=2)
        taken = await asyncio.wait_for(store.claim("b", slots=2), 5)
    assert [attempt.dispatch for attempt in (*held, *taken)] == events[:4]


async def test_a_dry_run_is_never_claimed(store: Store) -> None:
    real, dry = dispatches(1), dispatches(2, dry_run=True)
    await store.accept(*dry, *real)

    assert [attempt.dispatch for attempt in await store.claim("a")] == real


async def test_a_dry_run_has_its_end_at_once_and_once(store: Store) -> None:
    first, second = dispatches(2, dry_run=True)
    ends = [
        EndedAttempt(HeldAttempt(each, "", store.clock.now(), None), Succeeded(REHEARSED)) for each in (first, second)
    ]

    async def rehearse(*ended: EndedAttempt) -> list[EndedAttempt]:
        async with store.database.begin() as work:
            return await work.attempts.rehearse(ended)

    assert await rehearse(ends[0]) == [ends[0]]
    assert await rehearse(*ends) == [ends[1]]


async def test_claims_at_the_same_time_never_take_the_same_attempt(store: Store) -> None:
    events = dispatches(60)
    await store.accept(*events)

    claims = await asyncio.gather(*(store.claim(f"owner {n}", slots=7) for n in range(12)))

    taken = [attempt.id for claim in claims for attempt in claim]
    assert sorted(taken) == sorted(set(taken))
    rest = await store.claim("the last", slots=60)
    assert {*taken, *(attempt.id for attempt in rest)} == {event.attempt_id for event in events}
    assert len(taken) + len(rest) == 60


async def test_an_attempt_is_accepted_once(store: Store) -> None:
    [event] = dispatches(1)
    await store.accept(event)
    [attempt] = await store.claim("a")
    await store.end(EndedAttempt(attempt, Succeeded(EVIDENCE, (OUTPUT,))))

    await store.accept(event, event)

    assert await store.statuses([event]) == ["succeeded"]
    assert not await store.claim("a")


async def test_what_became_of_an_attempt_is_kept(store: Store) -> None:
    good, bad = dispatches(2)
    await store.accept(good, bad)
    first, second = await store.claim("a")

    await store.end(
        EndedAttempt(first, Succeeded(EVIDENCE, (OUTPUT,))), EndedAttempt(second, Failed("timeout", "It was slow."))
    )

    shown = await store.show(good)
    assert (shown.status, shown.failure, shown.reason, list(shown.outputs)) == ("succeeded", None, None, [OUTPUT])
    assert shown.evidence == EVIDENCE
    assert shown.ended_at == store.clock.now()
    shown = await store.show(bad)
    assert (shown.status, shown.failure, shown.reason) == ("failed", "timeout", "It was slow.")
    assert shown.evidence is None


async def test_an_attempt_ends_once(store: Store) -> None:
    [event] = dispatches(1)
    await store.accept(event)
    [attempt] = await store.claim("a")
    ended = EndedAttempt(attempt, Succeeded(EVIDENCE))

    assert await store.end(ended) == [ended]
    assert await store.end(EndedAttempt(attempt, Failed("lost", "No."))) == []
    assert await store.statuses([event]) == ["succeeded"]


async def test_a_late_holder_cannot_write(store: Store) -> None:
    late, punctual = dispatches(2)
    await store.accept(late, punctual)
    first, second = await store.claim("a")
    await _hand_over(store, late, lease_owner="b")

    ended = [EndedAttempt(attempt, Succeeded(EVIDENCE)) for attempt in (first, second)]

    assert await store.start(first) == []
    assert await store.end(*ended) == ended[1:]
    assert await store.statuses([late, punctual]) == ["leased", "succeeded"]


async def test_a_holder_with_another_token_cannot_write(store: Store) -> None:
    [event] = dispatches(1)
    await store.accept(event)
    [attempt] = await store.claim("a")
    await _hand_over(store, event, token=event.token + 1)

    assert await store.end(EndedAttempt(attempt, Succeeded(EVIDENCE))) == []
    assert await store.statuses([event]) == ["leased"]


async def _hand_over(store: Store, event: TaskDispatched, **values: object) -> None:
    async with store.database.begin() as work:
        await work.connection.execute(ATTEMPT.update().where(ATTEMPT.c.id == event.attempt_id).values(**values))


async def test_a_start_is_told_once_and_not_after_the_end(store: Store) -> None:
    events = dispatches(2)
    await store.accept(*events)
    first, second = await store.claim("a")
    await store.end(EndedAttempt(second, Succeeded(EVIDENCE)))

    assert await store.start(first, second) == [first]
    assert await store.start(first) == []
    assert await store.statuses(events) == ["running", "succeeded"]


async def test_a_lease_that_ran_out_is_lost_exactly_once(store: Store) -> None:
    events = dispatches(2)
    await store.accept(*events)
    first, second = await store.claim("a")
    await store.start(first)
    store.clock.advance(LEASE + timedelta(seconds=1))
    await store.accept(*(later := dispatches(1)))
    await store.claim("b")

    rounds = await asyncio.gather(*(store.lose_expired() for _ in range(3)))

    assert sorted(ended.attempt.id for each in rounds for ended in each) == [first.id, second.id]
    assert await store.statuses([*events, *later]) == ["failed", "failed", "leased"]
    assert (await store.show(events[0])).failure == "lost"
    assert await store.end(EndedAttempt(first, Succeeded(EVIDENCE))) == []


async def test_a_renewed_lease_is_not_lost(store: Store) -> None:
    mine, other = dispatches(2)
    await store.accept(mine, other)
    await store.claim("a", slots=1)
    await store.claim("b", slots=1)
    store.clock.advance(LEASE - timedelta(seconds=1))
    async with store.database.begin() as work:
        kept = await work.attempts.renew(Lease("a", work.now + LEASE), [mine.attempt_id, other.attempt_id, "att_gone"])
    store.clock.advance(timedelta(seconds=2))

    lost = await store.lose_expired()

    assert kept == {mine.attempt_id: None}
    assert [ended.attempt.dispatch for ended in lost] == [other]


async def test_what_a_dead_owner_held_is_lost_at_once(store: Store) -> None:
    mine, other = dispatches(2)
    await store.accept(mine, other)
    await store.claim("a", slots=1)
    await store.claim("b", slots=1)

    async with store.database.begin() as work:
        assert sorted(await work.attempts.owners()) == ["a", "b"]
        lost = await work.attempts.lose_of(["b"], "It was killed.")

    assert [ended.attempt.dispatch for ended in lost] == [other]
    async with store.database.read() as view:
        assert await view.attempts.owners() == ["a"]
        assert await view.attempts.held_among([mine.attempt_id, other.attempt_id]) == {mine.attempt_id}


async def test_a_queued_attempt_is_withdrawn(store: Store) -> None:
    [event] = dispatches(1)
    await store.accept(event)

    async with store.database.begin() as work:
        await work.attempts.withdraw(withdrawn(event))

    assert await store.statuses([event]) == ["withdrawn"]
    assert (await store.show(event)).reason == "The run was cancelled."
    assert not await store.claim("a")


async def test_a_withdrawal_that_comes_first_keeps_its_dispatch_away(store: Store) -> None:
    gone, other = dispatches(2)
    async with store.database.begin() as work:
        await work.attempts.withdraw(withdrawn(gone))
        await work.attempts.withdraw(withdrawn(gone))

    await store.accept(gone, other)

    assert [attempt.dispatch for attempt in await store.claim("a")] == [other]
    async with store.database.read() as view:
        assert await view.attempts.find(gone.workspace_id, gone.attempt_id) is None


async def test_the_holder_learns_of_a_withdrawal_when_it_renews(store: Store) -> None:
    [event] = dispatches(1)
    await store.accept(event)
    [attempt] = await store.claim("a")

    async with store.database.begin() as work:
        await work.attempts.withdraw(withdrawn(event, "Too late."))
        kept = await work.attempts.renew(Lease("a", work.now + LEASE), [attempt.id])

    assert kept == {attempt.id: "Too late."}
    assert await store.statuses([event]) == ["leased"]


async def test_a_withdrawal_after_the_end_changes_nothing(store: Store) -> None:
    [event] = dispatches(1)
    await store.accept(event)
    [attempt] = await store.claim("a")
    await store.end(EndedAttempt(attempt, Succeeded(EVIDENCE)))

    async with store.database.begin() as work:
        await work.attempts.withdraw(withdrawn(event))

    shown = await store.show(event)
    assert (shown.status, shown.reason) == ("succeeded", None)


async def test_only_ones_own_workspace_sees_an_attempt(store: Store) -> None:
    mine, others = dispatched(python("")), dispatched(python(""), workspace_id="wsp_2")
    await store.accept(mine, others)

    async with store.database.read() as view:
        assert await view.attempts.find("wsp_1", others.attempt_id) is None
        page = await view.attempts.page("wsp_1", run_id="run_1", task_id=None, after=None, limit=10)

    assert [attempt.id for attempt in page] == [mine.attempt_id]


async def test_content_is_known_to_the_workspaces_that_have_it(store: Store) -> None:
    async with store.database.begin() as work:
        await work.register.add({("wsp_1", "a" * 64): 3, ("wsp_2", "b" * 64): 4})
        await work.register.add({("wsp_1", "a" * 64): 3})
        wanted = [("wsp_1", "a" * 64), ("wsp_1", "b" * 64), ("wsp_2", "b" * 64)]
        wanted += [("wsp_1", f"{n:064x}") for n in range(2500)]

        assert await work.register.known(wanted) == {("wsp_1", "a" * 64), ("wsp_2", "b" * 64)}
        assert await work.register.size_of("wsp_1", "a" * 64) == 3
        assert await work.register.size_of("wsp_1", "b" * 64) is None


async def test_the_queue_is_found_by_its_own_index(store: Store) -> None:
    """Without it each claim would read all attempts there ever were."""
    await store.accept(*dispatches(3))
    async with store.database.begin() as work:
        if not work.dialect.single_writer:
            await work.connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
        explain = "EXPLAIN QUERY PLAN " if work.dialect.single_writer else "EXPLAIN "
        claim = CLAIM.on(work.dialect, work.connection.dialect)
        values = claim.parameters({"limit": 5, "kind": "command", "owner": "a", "until": work.now, "now": work.now})
        rows = await work.dialect.fetch(await work.reach(), explain + claim.text, values)
        plan = [tuple(row) for row in rows]
        held = (await work.connection.execute(select(ATTEMPT.c.id))).all()

    assert len(held) == 3
    assert "attempt_queued" in str(plan)
