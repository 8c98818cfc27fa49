"""Whatever is held, settled, released, expired and limited, in whatever order: no budget is overspent, none refuses
what fits, and the counters say what the ledger says.

The model is a few dictionaries; the executor's own parts do everything else, on both databases.
"""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Callable, Coroutine
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from services.executor.tests.integration.money.vault import Vault, entry

from orchestra.contracts.budgets import BudgetExhausted as Exhausted
from orchestra.contracts.budgets import BudgetWarned
from orchestra.executor.application.money.set_limit import top_up
from orchestra.executor.domain.money.amounts import NOTHING, UNITS, Amounts
from orchestra.executor.domain.money.errors import BudgetExhausted, HoldLost, NoLimit
from orchestra.executor.domain.money.hold import Hold
from orchestra.executor.domain.money.scopes import KINDS, PERIODIC, WHOLE, Scope

FEW = st.integers(0, 12)
ASK = st.builds(Amounts, micros=FEW, tokens=FEW, requests=st.integers(0, 2), minutes=st.integers(0, 2))
PLACE = st.tuples(st.sampled_from(["p1", "p2"]), st.sampled_from([None, "r1"]), st.sampled_from([None, "t1", "t2"]))
LIMITS = st.dictionaries(st.sampled_from(UNITS), st.none() | st.integers(0, 60), min_size=1)
NAMES = {"day": [WHOLE], "month": [WHOLE], "project": ["p1", "p2"], "run": ["r1"], "task": ["t1", "t2"]}
SCOPE = st.sampled_from([(kind, name) for kind in KINDS for name in NAMES[kind]])


class Money(RuleBasedStateMachine):
    url = ""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.vault = Vault(self.url)
        self.open: dict[str, Hold] = {}
        self.ended: dict[str, Hold] = {}
        self.held: defaultdict[Scope, Amounts] = defaultdict(lambda: NOTHING)
        self.settled: defaultdict[Scope, Amounts] = defaultdict(lambda: NOTHING)
        self.limits: dict[tuple[str, str, str], int | None] = {}
        self.topped: Counter[tuple[Scope, str]] = Counter()
        self.changes: Counter[tuple[Scope, str]] = Counter()

    def do(self, work: Coroutine[Any, Any, Any]) -> Any:
        return self.loop.run_until_complete(work)

    def limit(self, scope: Scope, unit: Any) -> int | None:
        limit = self.limits.get((scope.kind, scope.name, unit))
        return None if limit is None else limit + self.topped[scope, unit]

    def fits(self, hold: Hold, more: Callable[[Scope], Amounts] = lambda _: NOTHING) -> bool:
        return not any(
            hold.amounts.of(unit)
            and (limit := self.limit(scope, unit)) is not None
            and (self.settled[scope] + self.held[scope] + more(scope) + hold.amounts).of(unit) > limit
            for scope in hold.scopes
            for unit in UNITS
        )

    def admit(self, hold: Hold) -> None:
        self.open[hold.id] = hold
        for scope in hold.scopes:
            self.held[scope] += hold.amounts

    def end(self, hold: Hold, used: Amounts) -> None:
        del self.open[hold.id]
        self.ended[hold.id] = hold
        for scope in hold.scopes:
            self.held[scope] -= hold.amounts
            self.settled[scope] += used

    def pick(self, number: int) -> Hold:
        return list(self.open.values())[number % len(self.open)]

    @initialize()
    def begin_with_limits(self) -> None:
        for kind, limit in (("day", 50), ("project", 30)):
            self.set_limit((kind, NAMES[kind][0]), {"micros": limit, "requests": 8})

    @rule(asks=st.lists(st.tuples(PLACE, ASK), min_size=1, max_size=6), minutes=st.integers(1, 90))
    def hold(self, asks: list[tuple[Any, Amounts]], minutes: int) -> None:
        """Several at once are decided one after the other, in whatever order."""
        until = self.vault.clock.now() + timedelta(minutes=minutes)
        wanted = [(self.vault.spending(*place), ask) for place, ask in asks]

        async def all_at_once() -> list[Any]:
            calls = (self.vault.till.hold(spending, ask, until) for spending, ask in wanted)
            return await asyncio.gather(*calls, return_exceptions=True)

        answers = self.do(all_at_once())
        for answer in answers:
            if isinstance(answer, Hold):
                assert self.fits(answer), "one too many was admitted"
                self.admit(answer)
        for (spending, ask), answer in zip(wanted, answers, strict=True):
            if not isinstance(answer, Hold):
                assert isinstance(answer, BudgetExhausted)
                assert answer.asked + answer.settled + answer.held > answer.limit
                refused = Hold("", spending, ask, self.vault.clock.now(), until)
                assert not self.fits(refused), "what fits was refused"

    @precondition(lambda self: self.open)
    @rule(number=FEW)
    def begin(self, number: int) -> None:
        hold = self.pick(number)
        self.do(self.vault.till.begin(hold))
        self.open[hold.id] = replace(hold, begun=True)

    @precondition(lambda self: self.open)
    @rule(number=FEW, share=st.integers(0, 150), status=st.sampled_from(["settled", "failed"]))
    def settle(self, number: int, share: int, status: Any) -> None:
        """Of what was held up to one and a half times: a provider may count more than it should."""
        hold = self.pick(number)
        used = entry(hold.amounts.micros * share // 100, tokens=hold.amounts.tokens * share // 100, status=status)
        row = self.do(self.vault.till.settle(hold, used))
        again = self.do(self.vault.till.settle(hold, used))
        assert row.amounts == again.amounts == used.amounts
        assert row.exceeds_its_hold == used.amounts.exceeds(hold.amounts)
        self.end(hold, used.amounts)

    @precondition(lambda self: self.open)
    @rule(number=FEW)
    def release(self, number: int) -> None:
        hold = self.pick(number)
        self.do(self.vault.till.release(hold))
        self.end(hold, NOTHING)

    @precondition(lambda self: self.open)
    @rule(number=FEW, minutes=st.integers(1, 200))
    def extend(self, number: int, minutes: int) -> None:
        hold = self.pick(number)
        until = self.vault.clock.now() + timedelta(minutes=minutes)
        self.open[hold.id] = self.do(self.vault.till.extend(hold, until))

    @rule(minutes=st.sampled_from([1, 30, 120, 60 * 24, 60 * 24 * 31]))
    def time_passes(self, minutes: int) -> None:
        self.vault.clock.advance(timedelta(minutes=minutes))
        self.do(self.vault.sweep())
        for hold in [each for each in self.open.values() if each.until < self.vault.clock.now()]:
            self.end(hold, hold.amounts if hold.begun else NOTHING)

    @precondition(lambda self: self.open)
    @rule(token=st.integers(1, 3))
    def the_next_holder_recovers(self, token: int) -> None:
        rows = self.do(self.vault.till.recover(self.vault.holder, token))
        left = list(self.open.values()) if token > 1 else []
        assert {row.hold.id for row in rows} == {hold.id for hold in left if hold.begun}
        for hold in left:
            self.end(hold, hold.amounts if hold.begun else NOTHING)

    @precondition(lambda self: self.open or self.ended)
    @rule(number=FEW, token=st.integers(0, 2))
    def a_late_holder_changes_nothing(self, number: int, token: int) -> None:
        candidates = [*self.ended.values(), *(self.open.values() if token != 1 else ())]
        if not candidates:
            return
        hold = candidates[number % len(candidates)]
        late = replace(hold, spending=replace(hold.spending, token=token))
        unheard_of = entry(3, tokens=2, requests=2, minutes=1, status="failed")
        for call in (
            self.vault.till.begin(late),
            self.vault.till.release(late),
            self.vault.till.settle(late, unheard_of),
            self.vault.till.extend(late, self.vault.clock.now() + timedelta(days=99)),
        ):
            with pytest.raises(HoldLost):
                self.do(call)

    @rule(scope=SCOPE, limits=LIMITS)
    def set_limit(self, scope: tuple[Any, str], limits: dict[Any, Any]) -> None:
        kind, name = scope
        whole = self.vault.scope(kind, name)
        self.do(self.vault.limit(kind, name, **limits))
        for unit, limit in limits.items():
            self.limits[kind, name, unit] = limit
            self.topped[whole, unit] = 0
            self.changes[whole, unit] += 1

    @rule(scope=SCOPE, more=ASK)
    def top_up(self, scope: tuple[Any, str], more: Amounts) -> None:
        named = self.vault.scope(*scope)

        async def top() -> None:
            async with self.vault.database.begin() as work:
                await top_up(work, named, more)

        if any(more.of(unit) and self.limit(named, unit) is None for unit in UNITS):
            with pytest.raises(NoLimit):
                self.do(top())
            return
        self.do(top())
        for unit in UNITS:
            self.topped[named, unit] += more.of(unit)
            self.changes[named, unit] += 1

    @invariant()
    def the_counters_say_what_has_happened(self) -> None:
        scopes = list({*self.held, *self.settled})
        for budget in self.do(self.vault.budgets(*scopes)):
            assert (budget.settled, budget.held) == (self.settled[budget.scope], self.held[budget.scope])
            is_now = budget.scope.kind not in PERIODIC or budget.scope == self.vault.scope(budget.scope.kind)
            if is_now:
                assert [budget.limits.of(unit) for unit in UNITS] == [self.limit(budget.scope, unit) for unit in UNITS]

    def teardown(self) -> None:
        assert self.do(self.vault.wrong()) == []
        events = [each for each in self.do(self.vault.told()) if isinstance(each, BudgetWarned | Exhausted)]
        told = Counter((type(each), each.budget, each.unit) for each in events)
        changed = Counter({(scope.key.partition("/")[2], unit): count for (scope, unit), count in self.changes.items()})
        for (_, budget, unit), times in told.items():
            assert times <= 1 + changed[budget, unit], "told more than once"
        self.do(self.vault.close())
        self.loop.close()


@pytest.mark.timeout(300)
def test_no_order_of_events_overspends_refuses_what_fits_or_leaks(url: str) -> None:
    machine = type("MoneyHere", (Money,), {"url": url})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=25, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
