"""Model calls that other services want: from the event to the answer, by the real libraries over a socket."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from services.executor.tests.integration.harness import SEALING_KEY, Executor, envelope, until
from sqlalchemy import func, select, update
from tests.standins import ModelStandIn, Tokens, Turn, calls_tool, overloaded, refuses, says, stalls
from tests.standins.configured import models_toml
from tests.standins.server import KEY

from orchestra.chassis.ids import new_id
from orchestra.chassis.sealing import Sealer
from orchestra.contracts.models import (
    ModelCallCancelled,
    ModelCallFailed,
    ModelCallRequested,
    ModelCallSucceeded,
    Prompt,
    Usage,
)
from orchestra.contracts.models import Turn as Said
from orchestra.executor.adapters.money.tables import HOLD, LEDGER
from orchestra.executor.adapters.tables import MODEL_CALL, RECORDED_ANSWER

Answer = ModelCallSucceeded | ModelCallFailed

SECRET = "the plan of the harbour"
SCHEMA = {
    "type": "object",
    "properties": {"depth": {"type": "integer"}},
    "required": ["depth"],
    "additionalProperties": False,
}


@pytest.fixture
async def provider(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[ModelStandIn]:
    monkeypatch.setenv("STANDIN_KEY", KEY)
    async with ModelStandIn() as standin:
        yield standin


@asynccontextmanager
async def executor_at(
    url: str, folder: Path, provider: ModelStandIn | None, **settings: Any
) -> AsyncIterator[Executor]:
    if provider is not None:
        models = folder / "models.toml"
        models.write_text(models_toml(provider.url))
        settings |= {"models_file": models, "model_calls": "loopback"}
    async with Executor(url, folder, **settings).at_work() as running:
        yield running


def requested(call_id: str = "", *, schema: dict[str, Any] | None = None, **fields: Any) -> list[ModelCallRequested]:
    """In two parts."""
    call_id = call_id or new_id("mdl")
    prompt = Prompt(system="You plan.", turns=(Said(by="user", text=f"How deep is it? {SECRET}"),))
    sealed = Sealer(SEALING_KEY).seal(prompt.model_dump_json(), call_id)
    known = {
        "workspace_id": "wsp_1",
        "project_id": "prj_1",
        "sequence": 1,
        "call_id": call_id,
        "purpose": "plan",
        "kind_of_work": "analysis",
        "difficulty": "complex",
        "max_tokens": 500,
        "deadline": datetime.now(UTC) + timedelta(minutes=5),
        "parts": 2,
    }
    pieces = (sealed[:100], sealed[100:])
    return [
        ModelCallRequested(**known | fields, sealed=piece, part=part, output_schema=(schema or {}) if part == 1 else {})
        for part, piece in enumerate(pieces, start=1)
    ]


async def ask(executor: Executor, *parts: ModelCallRequested) -> None:
    for part in parts:
        await executor.hear(envelope(part))


async def answers(executor: Executor, call_id: str) -> list[Answer]:
    facts = [each.event for each in await executor.published()]
    return [f for f in facts if isinstance(f, ModelCallSucceeded | ModelCallFailed) and f.call_id == call_id]


async def answer(executor: Executor, call_id: str) -> Answer:
    async def there() -> bool:
        return bool(await answers(executor, call_id))

    await until(there, 60)
    [found] = await answers(executor, call_id)
    return found


async def counted(executor: Executor, table: Any) -> int:
    async with executor.database.read() as view:
        return (await view.connection.execute(select(func.count()).select_from(table))).scalar_one()


async def ledger(executor: Executor) -> list[tuple[str, int]]:
    async with executor.database.read() as view:
        rows = await view.connection.execute(select(LEDGER.c.status, LEDGER.c.used_micros).order_by(LEDGER.c.id))
        return [(row.status, row.used_micros) for row in rows]


async def test_a_call_is_answered_sealed_and_paid_for(url: str, tmp_path: Path, provider: ModelStandIn) -> None:
    provider.script(calls_tool("answer", Tokens(100, 20), depth=10))
    async with executor_at(url, tmp_path, provider) as executor:
        first, second = requested("mdl_1", schema=SCHEMA)
        await ask(executor, second, first, first)
        told = await answer(executor, "mdl_1")

        assert isinstance(told, ModelCallSucceeded)
        assert json.loads(Sealer(SEALING_KEY).open(told.sealed, "mdl_1")) == {"depth": 10}
        assert (told.provider, told.usage) == ("anthropic", Usage(input=100, output=20, requests=1))
        assert told.cost_micros == 100 * 3 + 20 * 15
        assert await ledger(executor) == [("settled", 600)]
        assert await counted(executor, HOLD) == 0
        assert "depth" not in told.model_dump_json()
        assert provider.sent(SECRET)


async def test_where_nothing_is_configured_that_is_said_at_once(url: str, tmp_path: Path) -> None:
    async with executor_at(url, tmp_path, None) as executor:
        await ask(executor, *requested("mdl_1"))
        told = await answer(executor, "mdl_1")

    assert isinstance(told, ModelCallFailed)
    assert (told.code, told.retryable, told.cost_micros) == ("no-model", False, 0)


async def test_without_money_nothing_is_asked(url: str, tmp_path: Path, provider: ModelStandIn) -> None:
    async with executor_at(url, tmp_path, provider, budget_project_usd="0.000001") as executor:
        await ask(executor, *requested("mdl_1"))
        told = await answer(executor, "mdl_1")

    assert isinstance(told, ModelCallFailed)
    assert told.code == "budget-exhausted"
    assert not provider.asked


async def test_what_breaks_the_schema_to_the_end_is_told_with_its_faults(
    url: str, tmp_path: Path, provider: ModelStandIn
) -> None:
    provider.otherwise = calls_tool("answer", Tokens(10, 10), depth="deep")
    async with executor_at(url, tmp_path, provider) as executor:
        await ask(executor, *requested("mdl_1", schema=SCHEMA))
        told = await answer(executor, "mdl_1")

        assert isinstance(told, ModelCallFailed)
        assert told.code == "bad-answer"
        assert "/depth" in told.faults[0].detail
        assert told.cost_micros == sum(cost for _, cost in await ledger(executor)) > 0


async def test_a_refused_key_is_no_answer_and_costs_nothing(url: str, tmp_path: Path, provider: ModelStandIn) -> None:
    provider.script(refuses(401))
    async with executor_at(url, tmp_path, provider) as executor:
        await ask(executor, *requested("mdl_1"))
        told = await answer(executor, "mdl_1")

        assert isinstance(told, ModelCallFailed)
        assert (told.code, told.cost_micros) == ("provider", 0)
        assert await ledger(executor) == [("failed", 0)]
        assert KEY not in told.model_dump_json()


async def test_while_the_provider_is_away_the_call_waits(url: str, tmp_path: Path, provider: ModelStandIn) -> None:
    provider.script(overloaded(), overloaded(), says("ten metres", Tokens(1, 1)))
    async with executor_at(url, tmp_path, provider) as executor:
        await ask(executor, *requested("mdl_1"))
        await provider.has_asked(2)

        async def waits() -> bool:
            async with executor.database.begin() as work:
                due = update(MODEL_CALL).where(MODEL_CALL.c.status == "queued", MODEL_CALL.c.not_before.is_not(None))
                return (await work.connection.execute(due.values(not_before=work.now))).rowcount == 1

        await until(waits, 30)
        told = await answer(executor, "mdl_1")

    assert isinstance(told, ModelCallSucceeded)


async def test_a_deadline_that_is_over_ends_the_call_unasked(url: str, tmp_path: Path, provider: ModelStandIn) -> None:
    async with executor_at(url, tmp_path, provider) as executor:
        await ask(executor, *requested("mdl_1", deadline=datetime.now(UTC) - timedelta(seconds=1)))
        told = await answer(executor, "mdl_1")

    assert isinstance(told, ModelCallFailed)
    assert told.code == "timeout"
    assert not provider.asked


async def test_a_deadline_ends_a_call_on_its_way_and_what_was_held_counts(
    url: str, tmp_path: Path, provider: ModelStandIn
) -> None:
    provider.script(says("ten metres", Tokens(1, 1)), stalls())
    async with executor_at(url, tmp_path, provider) as executor:
        await ask(executor, *requested("mdl_0"))
        await answer(executor, "mdl_0")  # the libraries are loaded by now
        await ask(executor, *requested("mdl_1", deadline=datetime.now(UTC) + timedelta(seconds=6)))
        await provider.has_asked(2)
        told = await answer(executor, "mdl_1")

        assert isinstance(told, ModelCallFailed)
        assert told.code == "timeout"
        [_, (status, cost)] = await ledger(executor)
        assert status == "unknown"
        assert told.cost_micros == cost > 0


@pytest.mark.parametrize("first", ["request", "cancellation"])
async def test_a_cancelled_call_is_not_asked_in_whatever_order_it_is_heard(
    url: str, tmp_path: Path, provider: ModelStandIn, first: str
) -> None:
    cancelled = ModelCallCancelled(
        workspace_id="wsp_1", project_id="prj_1", call_id="mdl_1", reason="ana has stopped the plan"
    )
    provider.script(stalls())
    async with executor_at(url, tmp_path, provider) as executor:
        if first == "request":
            await ask(executor, *requested("mdl_1"))
            await provider.has_asked(1)
            await executor.hear(envelope(cancelled))
            told = await answer(executor, "mdl_1")
            assert isinstance(told, ModelCallFailed)
            assert (told.code, told.detail) == ("cancelled", "ana has stopped the plan")
        else:
            await executor.hear(envelope(cancelled))
            await ask(executor, *requested("mdl_1"))
            await ask(executor, *requested("mdl_2", deadline=datetime.now(UTC)))
            await answer(executor, "mdl_2")  # taken after it, if it were taken
            assert not provider.asked
            assert not await answers(executor, "mdl_1")


async def test_a_call_whose_holder_was_killed_is_asked_once_more_and_both_are_paid(
    url: str, tmp_path: Path, provider: ModelStandIn
) -> None:
    provider.script(stalls(), says("ten metres", Tokens(100, 20)))
    async with executor_at(url, tmp_path, provider) as executor:
        await ask(executor, *requested("mdl_1"))
        await provider.has_asked(1)
        async with executor.database.begin() as work:  # as if another process had held it, and were no more
            held = update(MODEL_CALL).where(MODEL_CALL.c.id == "mdl_1")
            await work.connection.execute(held.values(lease_owner="gone", lease_until=work.now - timedelta(seconds=1)))
        told = await answer(executor, "mdl_1")

        assert isinstance(told, ModelCallSucceeded)
        assert Sealer(SEALING_KEY).open(told.sealed, "mdl_1") == "ten metres"
        statuses = [status for status, _ in await ledger(executor)]
        assert sorted(statuses) == ["settled", "unknown"]
        assert told.cost_micros == sum(cost for _, cost in await ledger(executor))
        assert await counted(executor, HOLD) == 0


async def test_an_answer_that_is_recorded_is_not_asked_for_again(
    url: str, tmp_path: Path, provider: ModelStandIn
) -> None:
    provider.script(says("ten metres", Tokens(100, 20)))
    async with executor_at(url, tmp_path, provider) as executor:
        await ask(executor, *requested("mdl_1"))
        await answer(executor, "mdl_1")
        async with executor.database.begin() as work:  # as if it had been killed before it said so
            again = update(MODEL_CALL).where(MODEL_CALL.c.id == "mdl_1")
            await work.connection.execute(again.values(status="queued", lease_owner=None))

        async def twice() -> bool:
            return len(await answers(executor, "mdl_1")) == 2

        await until(twice, 60)
        first, second = await answers(executor, "mdl_1")
        assert isinstance(second, ModelCallSucceeded)
        assert first.cost_micros == second.cost_micros == 600
        assert len(provider.asked) == await counted(executor, RECORDED_ANSWER) == 1


async def test_many_calls_are_asked_side_by_side_up_to_the_slots(
    url: str, tmp_path: Path, provider: ModelStandIn
) -> None:
    provider.otherwise = Turn(text="ten metres", tokens=Tokens(1, 1))
    async with executor_at(url, tmp_path, provider, call_slots=3) as executor:
        calls = [f"mdl_{number}" for number in range(10)]
        await asyncio.gather(*(ask(executor, *requested(call)) for call in calls))
        told = [await answer(executor, call) for call in calls]

        assert all(isinstance(each, ModelCallSucceeded) for each in told)
        assert len(await ledger(executor)) == 10
