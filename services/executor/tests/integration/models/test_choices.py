"""The model that a project chooses, on both databases: over HTTP, and in whatever is asked on its behalf."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from services.executor.tests.integration.agents.theatre import agent_work, finishes
from services.executor.tests.integration.harness import SEALING_KEY, Executor, envelope, until
from tests.standins import ModelStandIn, calls_tool, says
from tests.standins.configured import KEY_NAME, models_toml
from tests.standins.server import KEY

from orchestra.chassis.ids import new_id
from orchestra.chassis.sealing import Sealer
from orchestra.contracts.execution import AttemptFailed, AttemptSucceeded
from orchestra.contracts.models import ModelCallFailed, ModelCallRequested, ModelCallSucceeded, Prompt, Turn
from orchestra.contracts.scheduling import TaskDispatched

PATH = "/projects/prj_1/model"
HAIKU, SONNET = "claude-haiku-4-5", "claude-sonnet-5"
SMALL = """
[models.haiku]
provider = "claude"
id = "claude-haiku-4-5"
tier = "small"

[models.haiku.price]
input = 1
output = 5
"""
"""Beside `sonnet`, which is large."""


@pytest.fixture
async def provider(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[ModelStandIn]:
    monkeypatch.setenv(KEY_NAME, KEY)
    async with ModelStandIn() as standin:
        yield standin


@asynccontextmanager
async def executor_at(url: str, folder: Path, models: str) -> AsyncIterator[Executor]:
    file = folder / "models.toml"
    file.write_text(models)
    async with Executor(url, folder, models_file=file, model_calls="loopback").at_work() as running:
        yield running


@pytest.fixture
async def executor(url: str, tmp_path: Path, provider: ModelStandIn) -> AsyncIterator[Executor]:
    async with executor_at(url, tmp_path, models_toml(provider.url) + SMALL) as running:
        yield running


async def choose(executor: Executor, choice: str) -> None:
    async with executor.client() as client:
        put = await client.put(PATH, json={"choice": choice})
    assert put.status_code == 200, put.text


def asked(provider: ModelStandIn) -> list[str]:
    return [request.body["model"] for request in provider.asked]


async def work(executor: Executor, brief: dict[str, Any], **fields: Any) -> AttemptSucceeded | AttemptFailed:
    event: TaskDispatched = agent_work({"difficulty": "medium", **brief}, **fields)
    await executor.dispatch(event)
    ended = await executor.outcome(event)
    assert isinstance(ended, AttemptSucceeded | AttemptFailed)
    return ended


async def plan(executor: Executor) -> ModelCallSucceeded | ModelCallFailed:
    """What a call of the planner came to."""
    call_id = new_id("mdl")
    prompt = Prompt(system="You plan.", turns=(Turn(by="user", text="How deep is it?"),))
    request = ModelCallRequested(
        workspace_id="wsp_1",
        project_id="prj_1",
        sequence=1,
        call_id=call_id,
        purpose="plan",
        kind_of_work="analysis",
        difficulty="complex",
        max_tokens=500,
        deadline=datetime.now(UTC) + timedelta(minutes=5),
        part=1,
        parts=1,
        output_schema={},
        sealed=Sealer(SEALING_KEY).seal(prompt.model_dump_json(), call_id),
    )
    await executor.hear(envelope(request))

    async def told() -> list[ModelCallSucceeded | ModelCallFailed]:
        facts = [each.event for each in await executor.published()]
        return [f for f in facts if isinstance(f, ModelCallSucceeded | ModelCallFailed) and f.call_id == call_id]

    async def there() -> bool:
        return bool(await told())

    await until(there, 60)
    [answer] = await told()
    return answer


async def test_a_choice_is_made_shown_changed_and_taken_back(executor: Executor) -> None:
    async with executor.client() as client, executor.client("wsp_2") as stranger:
        assert ((none := await client.get(PATH)).status_code, none.json()["code"]) == (404, "no-project-model")
        made = (await client.put(PATH, json={"choice": "haiku"})).json()
        assert (made["choice"], (await client.get(PATH)).json()) == ("haiku", made)
        assert (await client.put(PATH, json={"choice": "large"})).json()["choice"] == "large"
        assert (await client.get(PATH)).json()["choice"] == "large"
        assert (await client.get("/projects/prj_2/model")).status_code == 404
        assert (await stranger.get(PATH)).status_code == 404
        assert (await stranger.delete(PATH)).status_code == 404
        assert (await client.delete(PATH)).status_code == 204
        assert [(await client.get(PATH)).status_code, (await client.delete(PATH)).status_code] == [404, 404]


async def test_a_name_that_means_nothing_is_refused_with_those_that_do(executor: Executor) -> None:
    async with executor.client() as client:
        await client.put(PATH, json={"choice": "haiku"})
        refused = await client.put(PATH, json={"choice": "opus"})
        kept = (await client.get(PATH)).json()["choice"]

    assert (refused.status_code, refused.json()["code"], kept) == (422, "unknown-model", "haiku")
    assert refused.json()["detail"] == "No model is called opus; there are local, small, large, sonnet, haiku."


async def test_all_that_is_asked_for_the_project_goes_to_its_choice(executor: Executor, provider: ModelStandIn) -> None:
    """A medium task and its verification are for a small model, a plan for a large one."""
    passed = calls_tool("answer", verdict="passed", findings=[])
    for choice, expected in (("large", [SONNET] * 3), ("haiku", [HAIKU] * 3), (None, [HAIKU, HAIKU, SONNET])):
        if choice is not None:
            await choose(executor, choice)
        else:
            async with executor.client() as client:
                await client.delete(PATH)
        before = len(provider.asked)
        provider.script(finishes(), passed, says("ten metres"))
        ended = await work(executor, {"verify": "model"})
        assert isinstance(ended, AttemptSucceeded), ended
        assert isinstance(await plan(executor), ModelCallSucceeded)
        assert asked(provider)[before:] == expected, choice


async def test_another_projects_choice_is_its_own(executor: Executor, provider: ModelStandIn) -> None:
    await choose(executor, "large")
    provider.otherwise = finishes()

    await work(executor, {}, project_id="prj_2")
    await work(executor, {}, workspace_id="wsp_2")

    assert asked(provider) == [HAIKU, HAIKU]


async def test_the_task_and_its_agent_are_heard_before_the_project(executor: Executor, provider: ModelStandIn) -> None:
    await choose(executor, "large")
    provider.otherwise = finishes()
    async with executor.client() as client:
        await client.put("/agents/coder", json={"model": "small"})

    await work(executor, {})
    await work(executor, {"model": "sonnet"})

    assert asked(provider) == [HAIKU, SONNET]


async def test_a_choice_that_is_configured_no_more_is_named(url: str, tmp_path: Path, provider: ModelStandIn) -> None:
    async with executor_at(url, tmp_path, models_toml(provider.url) + SMALL) as before:
        await choose(before, "haiku")
    async with executor_at(url, tmp_path, models_toml(provider.url)) as after:
        ended, told = await work(after, {}), await plan(after)
        provider.script(finishes())
        of_the_task = await work(after, {"model": "sonnet"})

    reason = "No model is called haiku; there are local, small, large, sonnet. It was chosen for the project."
    assert isinstance(ended, AttemptFailed)
    assert (ended.failure, ended.reason) == ("policy", reason)
    assert isinstance(told, ModelCallFailed)
    assert (told.code, told.detail, told.retryable) == ("no-model", reason, False)
    assert isinstance(of_the_task, AttemptSucceeded), "what is chosen nearer does not need it"


async def test_a_choice_whose_price_nobody_knows_is_not_asked(url: str, tmp_path: Path, provider: ModelStandIn) -> None:
    unpriced = '[models.mystery]\nprovider = "claude"\nid = "claude-mystery"\ntier = "local"\n'
    async with executor_at(url, tmp_path, models_toml(provider.url) + unpriced) as executor:
        await choose(executor, "mystery")
        ended, told = await work(executor, {}), await plan(executor)

    reason = "mystery: nobody knows what claude-mystery costs; give it a price or a ceiling in the models file"
    assert isinstance(ended, AttemptFailed)
    assert (ended.failure, ended.reason) == ("policy", reason)
    assert isinstance(told, ModelCallFailed)
    assert (told.code, told.detail) == ("no-model", reason)
    assert not provider.asked


async def test_a_model_of_a_task_that_nobody_configured_is_named(executor: Executor) -> None:
    ended = await work(executor, {"model": "opus"})

    assert isinstance(ended, AttemptFailed)
    assert ended.failure == "policy"
    assert ended.reason.startswith("No model is called opus; there are local, small, large, sonnet, haiku.")
