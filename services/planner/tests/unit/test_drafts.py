"""Drafts of models: what their schema lets through, how they are read, and what nobody of a team could do."""

import json
from typing import Any

import jsonschema
import pytest

from orchestra.contracts.machine_work import AgentRequest
from orchestra.contracts.planning import TaskRequest, TeamMember
from orchestra.planner.adapters.drafts import read_draft, schema
from orchestra.planner.domain.check_agents import check_agent
from orchestra.planner.domain.drafting import asked, rules
from orchestra.planner.domain.errors import InvalidPlan
from orchestra.planner.domain.requirements import Requirement
from orchestra.planner.domain.team import DRAFTED_TOOLS, agents_of, check_team

AGENT: dict[str, Any] = {
    "instructions": "Write legend.md.",
    "kind": "documentation",
    "difficulty": "simple",
    "tools": ["write_file", "ask_human"],
    "outputs": ["legend.md"],
}
TASK: dict[str, Any] = {"id": "legend", "title": "Write it", "covers": ["R1"], "criteria": ["It is."], "minutes": 20}
WRITER = TeamMember(
    roles=("writer",), kinds=("documentation", "code"), tools=("fetch", "write_file"), capabilities=("latin",)
)
READER = TeamMember(roles=("reader", "writer"), kinds=("research",), tools=tuple(sorted(DRAFTED_TOOLS)))
PERSON = TeamMember(roles=("developer",))


def draft(**agent: Any) -> dict[str, Any]:
    """Of one task, for an agent with these fields changed; those of None are not there."""
    changed = {name: value for name, value in (AGENT | agent).items() if value is not None}
    return {"tasks": [TASK | {"agent": changed}]}


def is_valid(written: dict[str, Any], *, for_agents: bool) -> bool:
    return jsonschema.Draft202012Validator(schema(for_agents)).is_valid(written)


def refusals_of(written: dict[str, Any]) -> list[tuple[str, str]]:
    with pytest.raises(InvalidPlan) as refused:
        read_draft(json.dumps(written))
    return [(fault.pointer, fault.code) for fault in refused.value.faults]


def nobody_can(*team: TeamMember, role: str | None = None, **agent: Any) -> list[str]:
    [task] = read_draft(json.dumps(draft(**agent))).tasks
    faults = list(check_team([task.model_copy(update={"role": role})], team))
    assert {fault.code for fault in faults} <= {"nobody-can"}
    return [fault.pointer for fault in faults]


def test_work_for_an_agent_is_drafted_only_where_there_is_one() -> None:
    assert is_valid(draft(), for_agents=True)
    assert not is_valid(draft(), for_agents=False)
    assert is_valid({"tasks": [TASK]}, for_agents=False)
    assert "agent" not in json.dumps(schema(for_agents=False)).casefold()
    assert ("`agent`" in rules(for_agents=True), "agent" in rules(for_agents=False)) == (True, False)


def test_what_is_drafted_for_an_agent_has_the_limits_of_any_other_work_for_agents() -> None:
    [task] = read_draft(json.dumps(draft())).tasks

    assert task.command is None
    assert task.agent == AgentRequest(
        instructions="Write legend.md.",
        kind="documentation",
        difficulty="simple",
        tools=("write_file", "ask_human"),
        outputs=("legend.md",),
    )
    assert list(check_agent(task, "/tasks/0/agent", {}, {})) == []


@pytest.mark.parametrize(
    "chosen",
    [
        {"budget_usd": "100"},
        {"rounds": 900},
        {"max_tokens": 1},
        {"retries": 9},
        {"timeout_s": 9},
        {"commands": ["sh"]},
        {"checks": [["sh"]]},
        {"verify": "none"},
        {"hosts": ["example.org"]},
        {"model": "large"},
        {"prefer": "coder"},
        {"repeatable": False},
        {"inputs": ["a.txt"]},
    ],
)
def test_no_model_chooses_limits_money_programs_hosts_or_proof(chosen: dict[str, Any]) -> None:
    [name] = chosen

    assert refusals_of(draft(**chosen)) == [(f"/tasks/0/agent/{name}", "extra_forbidden")]
    assert not is_valid(draft(**chosen), for_agents=True)


def test_no_model_drafts_a_command() -> None:
    command = {"tasks": [TASK | {"command": {"argv": ["true"], "tools": ["true"]}}]}

    assert refusals_of(command) == [("/tasks/0/command", "extra_forbidden")]
    assert not is_valid(command, for_agents=True)


@pytest.mark.parametrize(
    ("agent", "where", "code"),
    [
        ({"instructions": ""}, "instructions", "string_too_short"),
        ({"instructions": "x" * 8001}, "instructions", "string_too_long"),
        ({"instructions": None}, "instructions", "missing"),
        ({"kind": "war"}, "kind", "literal_error"),
        ({"difficulty": None}, "difficulty", "missing"),
        ({"tools": []}, "tools", "too_short"),
        ({"tools": ["write_file", "run_command"]}, "tools/1", "literal_error"),
        ({"tools": ["fetch"]}, "tools/0", "literal_error"),
        ({"tools": ["mcp:mail"]}, "tools/0", "literal_error"),
        ({"a/b~": 1}, "a~1b~0", "extra_forbidden"),
    ],
)
def test_each_fault_of_a_draft_is_named_in_its_place(agent: dict[str, Any], where: str, code: str) -> None:
    assert refusals_of(draft(**agent)) == [(f"/tasks/0/agent/{where}", code)]
    assert not is_valid(draft(**agent), for_agents=True)


def test_nothing_is_planned_that_no_agent_of_the_team_can_do() -> None:
    assert nobody_can(WRITER, tools=["write_file"]) == []
    assert nobody_can(WRITER, PERSON, role="writer", tools=["write_file"]) == []
    assert nobody_can() == nobody_can(PERSON) == ["/tasks/0/agent"]
    assert nobody_can(WRITER, PERSON, role="developer", tools=["write_file"]) == ["/tasks/0/role"]
    assert nobody_can(WRITER, kind="research", tools=["write_file"]) == ["/tasks/0/agent/kind"]
    assert nobody_can(WRITER, tools=["write_file", "read_file"]) == ["/tasks/0/agent/tools"]


def test_tools_must_be_those_of_every_agent_that_could_get_the_task() -> None:
    assert nobody_can(WRITER, READER, kind="research", tools=["read_file"]) == ["/tasks/0/agent/tools"]
    assert nobody_can(WRITER, READER, kind="research", tools=["read_file"], role="reader") == []


def test_an_agent_that_has_none_of_the_tools_is_not_planned_for() -> None:
    fetcher = WRITER.model_copy(update={"tools": ("fetch", "local_model")})

    assert agents_of([fetcher, WRITER, PERSON]) == [WRITER]


def test_a_persons_role_is_one_of_the_teams_where_people_are_known() -> None:
    def faults_of(role: str | None, *team: TeamMember) -> list[str]:
        task = TaskRequest(id="a", title="A", role=role)
        return [fault.pointer for fault in check_team([task], team)]

    assert faults_of("developer", PERSON) == faults_of(None, PERSON) == []
    assert faults_of("writer", PERSON, WRITER) == ["/tasks/0/role"]
    assert faults_of("anything") == faults_of("anything", WRITER) == []


def test_the_team_is_told_by_roles_kinds_and_tools() -> None:
    requirements = [Requirement(1, "A legend.")]
    told = asked("map.md", requirements, [PERSON, PERSON.model_copy(update={"roles": ("artist",)}), WRITER])

    assert "[R1] A legend." in told
    assert "- people, with the roles artist, developer\n" in told
    assert "- an AI agent, with the roles writer; does documentation, code; tools: write_file; good at latin\n" in told
    assert "The team" not in asked("map.md", requirements, [])
