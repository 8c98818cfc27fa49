"""Results are counted once each, and an agent stands by them, on both databases."""

import asyncio
from dataclasses import dataclass

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from services.executor.tests.integration.agents.bench import Bench

from orchestra.executor.application.agents.registry_ports import Learned
from orchestra.executor.domain.agents.outcomes import Outcome
from orchestra.executor.domain.agents.registry import Results, standing

OUTCOMES: list[Outcome] = ["done", "partial", "failed", "gaps"]


async def results(bench: Bench, name: str = "house") -> Results:
    report = await bench.report(name)
    assert report
    return report.results


@dataclass
class Measured:
    """What should come of results, by a few lines of arithmetic."""

    count: int = 0
    judged: int = 0
    success: float = 0.0
    quality: float = 0.0
    degraded: bool = False

    def add(self, outcome: Outcome) -> None:
        value = {"done": 1.0, "partial": 0.5}.get(outcome, 0.0)
        self.count += 1
        self.success += (value - self.success) * max(0.1, 1 / self.count)
        if outcome != "failed":
            self.judged += 1
            self.quality += (value - self.quality) * max(0.1, 1 / self.judged)
        if self.count >= 5 and self.success < 0.3:
            self.degraded = True
        elif self.success > 0.5:
            self.degraded = False


def test_whatever_comes_it_is_measured_as_the_arithmetic_says(url: str) -> None:
    @settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(st.lists(st.lists(st.sampled_from(OUTCOMES), min_size=1, max_size=4), max_size=8))
    def check(batches: list[list[Outcome]]) -> None:
        asyncio.run(compare(url, batches))

    check()


async def compare(url: str, batches: list[list[Outcome]]) -> None:
    bench, expected = Bench(url), Measured()
    try:
        for outcomes in batches:
            await bench.learn("house", *outcomes, cost=3, ms=7)
            for outcome in outcomes:
                expected.add(outcome)
        found = await results(bench)
    finally:
        await bench.database.close()
    flat = [outcome for outcomes in batches for outcome in outcomes]
    assert [getattr(found, outcome) for outcome in OUTCOMES] == [flat.count(outcome) for outcome in OUTCOMES]
    assert (found.cost_micros, found.duration_ms) == (3 * len(flat), 7 * len(flat))
    assert found.success == pytest.approx(expected.success)
    assert found.quality == pytest.approx(expected.quality)
    if flat:
        assert found.degraded == expected.degraded


async def test_results_are_counted_by_kind_and_in_all(bench: Bench) -> None:
    await bench.learn("house", "done", "gaps", kind="code", cost=10, ms=5)
    await bench.learn("house", "done", kind="asset", cost=1, ms=1)

    report = await bench.report("house")

    assert report
    assert (report.results.done, report.results.gaps, report.results.cost_micros) == (2, 1, 21)
    assert {kind: (found.done, found.gaps) for kind, found in report.by_kind.items()} == {
        "code": (1, 1),
        "asset": (1, 0),
    }


async def test_many_that_count_at_once_lose_nothing(bench: Bench) -> None:
    """Each counts two agents, in both orders."""
    await bench.set("ada")
    await bench.set("bob")
    await asyncio.gather(*(count(bench, names) for names in [("ada", "bob"), ("bob", "ada")] * 15))

    assert (await results(bench, "ada")).done == (await results(bench, "bob")).done == 30


async def count(bench: Bench, names: tuple[str, ...]) -> None:
    async with bench.database.begin() as work:
        await work.registry.learn(*(Learned(bench.workspace, name, "code", "done", 1, 1) for name in names))


async def test_an_agent_goes_down_and_up_through_its_standings(bench: Bench) -> None:
    async def after(*outcomes: Outcome) -> str:
        await bench.learn("house", *outcomes)
        return standing(await results(bench))

    assert await after(*["done"] * 4) == "newcomer"
    assert await after("done") == "elite"
    assert await after("failed", "failed") == "competent"
    assert await after(*["gaps"] * 4) == "trainee"
    assert await after(*["failed"] * 4) == "degraded"
    assert await after(*["done"] * 2) == "degraded"  # 0.44: above 0.3, and not recovered
    assert await after("done") == "degraded"  # 0.50
    assert await after("done") == "trainee"
    assert await after(*["done"] * 30) == "elite"
