"""Drafts of a local model, at providers that stand in: of no other tier, and never paid for twice."""

from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from services.executor.tests.integration.agents.reaching import KEY, assignment_at
from services.executor.tests.integration.models.bench import Bench, NoMoney, bench_of, catalogue_of, provider_at
from tests.standins import ModelStandIn, overloaded, refuses, says

from orchestra.executor.adapters.agents.local_model import LocalModel, LocalModelToolbox
from orchestra.executor.application.agents.ports import ToolAway
from orchestra.executor.application.models.ports import Models
from orchestra.executor.domain.agents.calls import ToolResult
from orchestra.executor.domain.models.routing import Routes, Tier


class TwoModels:
    """A local one, which is Ollama's, and a dear one; each with a server of its own."""

    def __init__(self) -> None:
        self.local, self.dear = ModelStandIn(keys=()), ModelStandIn()
        self._opened = AsyncExitStack()
        self.bench: Bench

    async def __aenter__(self) -> "TwoModels":
        for each in (self.local, self.dear):
            each.otherwise = says("from the dear one") if each is self.dear else None
            await self._opened.enter_async_context(each)
        local = provider_at(self.local.url, "ollama", "small", tries=1)
        self.bench = bench_of(catalogue_of(local, provider_at(self.dear.url, "anthropic", "dear")))
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.bench.models.clients.close()
        await self._opened.aclose()

    async def models(self) -> Models:
        return self.bench.models

    def tool(self, **fields: Any) -> LocalModel:
        return LocalModel(assignment_at(Path("workspace"), "local_model", **fields), self.models)


async def test_the_local_model_answers() -> None:
    async with TwoModels() as two:
        two.local.script(says("a draft"))
        result = await two.tool().perform({"prompt": "shorten this", "max_tokens": 77}, KEY)
        [(request, _)] = two.bench.meter.begun

    assert result == ToolResult("a draft")
    assert two.local.asked[0].body["messages"][-1]["content"] == "shorten this"
    assert 77 in (two.local.asked[0].body.get("max_tokens"), two.local.asked[0].body.get("max_completion_tokens"))
    assert (request.caller.purpose, request.caller.replay) == ("draft", f"cnv_1/{KEY}")
    assert (request.caller.attempt_id, request.caller.token, request.caller.task_id) == ("att_1", 1, "tsk_1")


async def test_the_same_call_is_asked_once() -> None:
    async with TwoModels() as two:
        two.local.script(says("a draft"))
        first, again = [await two.tool().perform({"prompt": "shorten this"}, KEY) for _ in range(2)]

    assert (first.text, again.text) == ("a draft", "a draft")
    assert len(two.local.asked) == 1


async def test_no_other_tier_stands_in() -> None:
    async with TwoModels() as two:
        two.local.script(overloaded())

        with pytest.raises(ToolAway) as away:
            await two.tool().perform({"prompt": "shorten this"}, KEY)

    assert away.value.name == "local_model"
    assert two.dear.asked == []


async def test_one_that_is_known_to_be_away_is_waited_for() -> None:
    async with TwoModels() as two:
        two.bench.monitor.away = {"small"}

        with pytest.raises(ToolAway):
            await two.tool().perform({"prompt": "shorten this"}, KEY)

    assert two.local.asked + two.dear.asked == []


async def test_what_it_refuses_is_told() -> None:
    async with TwoModels() as two:
        two.local.script(refuses(400))
        result = await two.tool().perform({"prompt": "shorten this"}, KEY)

    assert result.failed
    assert result.text.startswith("No local model can be asked: small: ")


async def test_what_money_refuses_with_is_not_swallowed() -> None:
    async with TwoModels() as two:
        two.bench.meter.refuse = True

        with pytest.raises(NoMoney):
            await two.tool().perform({"prompt": "shorten this"}, KEY)


async def test_a_long_draft_is_cut() -> None:
    async with TwoModels() as two:
        two.local.script(says("x" * 30_000))
        result = await two.tool().perform({"prompt": "tell me all", "max_tokens": 8192}, KEY)

    assert len(result.text) <= 20_000


async def test_it_is_offered_where_there_is_a_local_model() -> None:
    async with TwoModels() as two:
        routes = two.bench.catalogue.routes
        own = assignment_at(Path("workspace"), "local_model")
        [tool] = await LocalModelToolbox(two.models, routes).tools(own, ["local_model", "fetch"])
        dear = Routes(tuple(model for model in routes.models if model.tier is not Tier.local))

        assert (tool.spec.name, tool.spec.effect) == ("local_model", "none")
        assert tool.refusal({"prompt": "  \n"}) == "The prompt is empty."
        assert await LocalModelToolbox(two.models, dear).tools(own, ["local_model"]) == []
        assert await LocalModelToolbox(two.models, routes).tools(own, ["fetch"]) == []
