"""What an attempt is told, keeps, and finds with its tool."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from services.executor.tests.integration.knowledge.store import Store

from orchestra.contracts.planning import Command
from orchestra.executor.adapters.agents.knowledge import MOST_TOLD, KnowledgeToolbox, ProjectKnowledge, SearchKnowledge
from orchestra.executor.application.agents.ports import Assignment, Tool, ToolAway
from orchestra.executor.domain.agents.calls import ToolResult


@pytest.fixture
async def store(url: str) -> AsyncIterator[Store]:
    made = Store(url)
    yield made
    await made.close()


def assigned(workspace: str = "wsp_1", project: str = "prj_1") -> Assignment:
    nowhere = Path("nowhere")
    return Assignment(
        workspace, project, "run_1", "tsk_1", "att_1", 7, "cnv_1", "scout", Command(), nowhere, nowhere / "log"
    )


async def tool_of(store: Store, assignment: Assignment | None = None) -> Tool:
    [tool] = await KnowledgeToolbox(store.database).tools(assignment or assigned(), ["fetch", "search_knowledge"])
    return tool


async def ask(tool: Tool, **arguments: Any) -> ToolResult:
    Draft202012Validator(dict(tool.spec.parameters)).validate(arguments)
    assert tool.refusal(arguments) is None
    return await tool.perform(arguments, "key")


async def test_what_one_attempt_learns_another_is_told_and_finds(store: Store) -> None:
    knowledge = ProjectKnowledge(store.database)
    await knowledge.learn(assigned(), [("gotcha", "The tide table is in UTC."), ("rumour", "It rains.")])
    await knowledge.learn(assigned(), [("gotcha", "the tide table is in UTC")])

    assert "Gotchas\n- The tide table is in UTC." in await knowledge.briefing("wsp_1", "prj_1", "Draw the tides.")
    told = (await ask(await tool_of(store), query="tide")).text
    day = store.database.clock.now().date().isoformat()
    assert told == f"[gotcha] The tide table is in UTC.\n  (task tsk_1, attempt att_1, {day})"
    for other in (assigned("wsp_2"), assigned(project="prj_2")):
        assert (await ask(await tool_of(store, other), query="tide")).text.startswith("Nothing is known")
        assert await knowledge.briefing(other.workspace_id, other.project_id, "tide") == ""


async def test_a_search_may_be_of_one_kind_and_so_many(store: Store) -> None:
    await store.learn(*(("gotcha", f"The tide of day {number}") for number in range(30)))
    await store.add("decision", "The tide is measured.")
    tool = await tool_of(store)

    assert (await ask(tool, query="tide", kind="decision")).text.startswith("[decision] The tide is measured.\n  (said")
    assert [(await ask(tool, query="day", limit=limit)).text.count("[gotcha]") for limit in (1, 20)] == [1, 20]
    assert (await ask(tool, query="day")).text.count("[gotcha]") == 8


async def test_an_answer_is_short_and_its_findings_whole(store: Store) -> None:
    await store.learn(*(("gotcha", f"{number} tide " + "x" * 900) for number in range(20)))

    told = (await ask(await tool_of(store), query="tide", limit=20)).text

    assert len(told) <= MOST_TOLD
    assert told.count("x" * 900) == told.count("[gotcha]") == 8
    assert told.endswith("12 more; ask for less, or more exactly.")


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"query": ""},
        {"query": "x" * 501},
        {"query": "x", "limit": 21},
        {"query": "x", "kind": "rumour"},
        {"q": "x"},
    ],
)
async def test_the_schema_refuses_what_cannot_be_asked(store: Store, arguments: dict[str, Any]) -> None:
    tool = await tool_of(store)

    assert not Draft202012Validator(dict(tool.spec.parameters)).is_valid(arguments)


async def test_the_tool_is_given_to_whom_it_was_promised_and_changes_nothing(store: Store) -> None:
    assert await KnowledgeToolbox(store.database).tools(assigned(), ["fetch", "mcp:search_knowledge"]) == []
    spec = (await tool_of(store)).spec
    assert (spec.name, spec.effect, spec.repeatable) == ("search_knowledge", "none", True)
    assert (await tool_of(store)).summary({"query": "tide", "kind": "gotcha"}) == (
        "Search what is known of the project (gotcha alone): tide"
    )
    assert await (await tool_of(store)).look_up("key") is None


async def test_a_database_that_is_away_is_waited_for(tmp_path: Path) -> None:
    away = Store("postgresql+asyncpg://nobody:x@127.0.0.1:1/none")
    with pytest.raises(ToolAway, match="search_knowledge"):
        await ask(SearchKnowledge(away.database, assigned()), query="tide")
    await away.close()
