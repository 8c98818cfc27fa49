"""Work for AI agents in plans: what is refused, what is handed on, what changes the hash."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter
from pydantic_core import from_json, to_json

from orchestra.contracts.edits import PlanEdits
from orchestra.contracts.machine_work import AgentRequest
from orchestra.contracts.planning import CommandRequest, DecomposedTask, Fault, TaskRequest, Wait
from orchestra.planner.domain.briefs import MICROS
from orchestra.planner.domain.check import check
from orchestra.planner.domain.check_agents import MAX_AGENT_BYTES, REQUIREMENT_BYTES
from orchestra.planner.domain.decompose import decompose
from orchestra.planner.domain.edit import edited
from orchestra.planner.domain.errors import InvalidEdits
from orchestra.planner.domain.hashing import content_hash
from orchestra.planner.domain.plan import DEFAULT_AGENT_MINUTES, Plan, propose
from orchestra.planner.domain.requirements import Requirement

REQUIREMENTS = (Requirement(1, "A map.", details=("With a legend.",)), Requirement(2, "Tides."))
SORT = CommandRequest(argv=("sort",), tools=("sort",), outputs=("sorted.csv",))


def task(name: str = "draw", *after: str, criteria: tuple[str, ...] = (), **agent: Any) -> TaskRequest:
    wanted = AgentRequest.model_validate({"instructions": "Draw it."} | agent)
    return TaskRequest(id=name, title=name, covers=("R1",), criteria=criteria, after=after, agent=wanted)


def faults_of(*tasks: TaskRequest, files: Mapping[str, str] | None = None) -> list[tuple[str, str]]:
    return [(fault.pointer, fault.code) for fault in _faults(*tasks, files=files)]


def _faults(*tasks: TaskRequest, files: Mapping[str, str] | None = None) -> tuple[Fault, ...]:
    return check(propose("given", REQUIREMENTS, tasks, files or {}))


def handed_on(*tasks: TaskRequest, requirements: tuple[Requirement, ...] = REQUIREMENTS) -> dict[str, DecomposedTask]:
    stored = from_json(TypeAdapter(Plan).dump_json(propose("given", requirements, tasks, {}), exclude_defaults=True))
    parts = decompose(stored, {task.id: f"tsk_{task.id}" for task in tasks}, to_json)
    handed_on = [DecomposedTask.model_validate_json(text) for part in parts for text in part.tasks]
    return {each.key: each for each in handed_on}


@pytest.mark.parametrize(
    ("agent", "where", "code"),
    [
        ({"instructions": " "}, "instructions", "no-instructions"),
        ({"instructions": "a\0b"}, "instructions", "bad-text"),
        ({"tools": ["read_file", "rm"]}, "tools/1", "unknown-tool"),
        ({"tools": ["mcp:"]}, "tools/0", "unknown-tool"),
        ({"approve": ["fetch"]}, "approve/0", "unknown-tool"),
        ({"tools": ["run_command"]}, "commands", "no-commands"),
        ({"tools": ["fetch"]}, "hosts", "no-hosts"),
        ({"commands": ["/bin/sh"]}, "commands/0", "bad-command"),
        ({"checks": [[]]}, "checks/0", "empty-argv"),
        ({"checks": [["make", "test"]]}, "checks/0/0", "tool-not-declared"),
        ({"commands": ["make"], "checks": [["make", "a\0"]]}, "checks/0/1", "bad-argument"),
        ({"verify": "checks"}, "checks", "no-checks"),
        ({"commands": ["make"], "checks": [["make"]], "verify": "none"}, "verify", "unused-checks"),
        ({"budget_usd": 0}, "budget_usd", "not-positive"),
        ({"budget_usd": "-1"}, "budget_usd", "not-positive"),
        ({"budget_usd": "NaN"}, "budget_usd", "not-finite"),
        ({"budget_usd": float("inf")}, "budget_usd", "not-finite"),
        ({"budget_usd": "1e30"}, "budget_usd", "out-of-range"),
        ({"budget_usd": "0.0000001"}, "budget_usd", "too-fine"),
        ({"rounds": 0}, "rounds", "not-positive"),
        ({"rounds": 1001}, "rounds", "out-of-range"),
        ({"max_tokens": 0}, "max_tokens", "not-positive"),
        ({"retries": -1}, "retries", "negative"),
        ({"timeout_s": 0}, "timeout_s", "not-positive"),
        ({"model": "a\nb"}, "model", "bad-name"),
        ({"prefer": ""}, "prefer", "bad-name"),
        ({"outputs": ["../map.svg"]}, "outputs/0", "bad-path"),
        ({"inputs": ["sketch.svg"]}, "inputs/0", "missing-input"),
        ({"mutexes": ["A B"]}, "mutexes/0", "bad-mutex"),
    ],
)
def test_each_fault_is_named_in_its_place(agent: dict[str, Any], where: str, code: str) -> None:
    assert faults_of(task(**agent)) == [(f"/tasks/0/agent/{where}", code)]


def test_one_task_is_not_a_command_and_an_agents() -> None:
    both = task().model_copy(update={"command": SORT})
    timer = task().model_copy(update={"wait": Wait(minutes=1), "minutes": None})

    assert faults_of(both) == [("/tasks/0/agent", "both-command-and-agent")]
    assert ("/tasks/0/agent", "not-of-a-timer") in faults_of(timer)


def test_criteria_may_take_the_place_of_instructions() -> None:
    assert faults_of(task(instructions="", criteria=("It has a legend.",))) == []


def test_all_tools_and_those_of_servers_may_be_had() -> None:
    wanted = {"tools": ["fetch", "run_command", "mcp:weather", "mcp:weather/tides"], "hosts": ["example.org"]}
    assert faults_of(task(**wanted, commands=["make"], approve=["fetch", "mcp:weather"])) == []


def test_what_an_agent_puts_out_reaches_others_and_the_other_way_round() -> None:
    sort = TaskRequest(id="sort", title="sort", command=SORT)
    draw = task("draw", "sort", inputs=["sorted.csv"], outputs=["map.svg"])
    use = TaskRequest(id="use", title="use", after=("draw",), command=SORT.model_copy(update={"inputs": ("map.svg",)}))

    assert faults_of(sort, draw, use) == []
    graph = handed_on(sort, draw, use)
    assert graph["draw"].command is not None
    assert graph["draw"].command.needs == ("sorted.csv",)
    assert graph["use"].command is not None
    assert graph["use"].command.needs == ("map.svg",)


def test_too_much_for_one_dispatch_is_refused() -> None:
    """Both alone are few enough for a command."""
    assert faults_of(task(instructions="x" * MAX_AGENT_BYTES)) == [("/tasks/0/agent", "too-large")]


def test_the_brief_has_all_that_the_plan_says() -> None:
    made = handed_on(task(criteria=("a legend",), budget_usd="0.25", commands=["make"], checks=[["make"]]))["draw"]

    assert made.command is not None
    brief = made.command.agent
    assert brief is not None
    assert (made.command.argv, made.command.tools, made.command.timeout_s) == ((), ("make",), 1800)
    assert (brief.budget_micros, brief.verify, brief.criteria) == (250_000, "checks", ("a legend",))
    assert [(each.id, each.text) for each in brief.requirements] == [("R1", "A map.\nWith a legend.")]
    assert handed_on(task())["draw"].minutes == DEFAULT_AGENT_MINUTES


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=4000), max_size=8))
def test_requirements_are_cut_to_a_bound(texts: list[str]) -> None:
    requirements = tuple(Requirement(n, text) for n, text in enumerate(texts, start=1))
    draw = task().model_copy(update={"covers": tuple(each.id for each in requirements)})
    command = handed_on(draw, requirements=requirements)["draw"].command

    assert command is not None
    assert command.agent is not None
    told = [each.text for each in command.agent.requirements]
    assert sum(len(text.encode()) for text in told) <= REQUIREMENT_BYTES
    assert told[:-1] == texts[: len(told)][:-1]
    assert not told or told[-1] == texts[len(told) - 1] or told[-1].endswith("…")


@given(st.integers(1, 10**12))
def test_money_is_a_whole_number_of_millionths_however_it_is_written(micros: int) -> None:
    usd = Decimal(micros) / MICROS
    for written in (str(usd), f"{usd:f}0" if "." in f"{usd:f}" else f"{usd:f}", usd):
        wanted = task(budget_usd=written)
        command = handed_on(wanted)["draw"].command
        assert command is not None
        assert command.agent is not None
        assert command.agent.budget_micros == micros


def test_the_hash_is_of_what_is_asked_for_and_not_of_how_it_is_written() -> None:
    def hashed(**agent: Any) -> str:
        return content_hash(propose("given", REQUIREMENTS, (task(**agent),), {}))

    assert hashed() == hashed(rounds=40) == hashed(kind="code")
    assert hashed(budget_usd="0.50") == hashed(budget_usd=0.5) != hashed(budget_usd="0.51")
    others = [{"difficulty": "simple"}, {"approve": ["write_file"]}, {"instructions": "Draw."}, {"model": "large"}]
    assert len({hashed(), *(hashed(**other) for other in others)}) == 5


def test_an_edit_gives_a_command_to_an_agent_and_back() -> None:
    plan = propose("given", REQUIREMENTS, (TaskRequest(id="sort", title="sort", command=SORT),), {})

    def change(**fields: Any) -> PlanEdits:
        return PlanEdits.model_validate({"edits": [{"op": "change_task", "id": "sort", "set": fields}]})

    by_agent = edited(plan, change(agent={"instructions": "Sort it."}))
    [sort] = by_agent.tasks
    assert sort.agent is not None
    assert sort.command is None
    back = edited(by_agent, change(command=SORT.model_dump()))
    assert (back.tasks[0].agent, back.tasks[0].command) == (None, SORT)
    with pytest.raises(InvalidEdits) as refused:
        edited(plan, change(agent={"instructions": "Sort it.", "tools": ["rm"]}))
    assert [(f.pointer, f.code) for f in refused.value.faults] == [("/edits/0/set/agent/tools/0", "unknown-tool")]
