"""Whom a model may plan for, and what of its draft nobody of them could do."""

from collections.abc import Iterator, Sequence
from typing import Literal, get_args

from orchestra.contracts.planning import Fault, TaskRequest, TeamMember

DraftedTool = Literal["read_file", "write_file", "list_files", "apply_patch", "search_knowledge", "ask_human"]
"""What a model may give to an agent to work with. The others need programs, hosts or servers: people name those."""

DRAFTED_TOOLS: frozenset[str] = frozenset(get_args(DraftedTool))


def people_of(team: Sequence[TeamMember]) -> list[TeamMember]:
    return [member for member in team if not member.kinds]


def agents_of(team: Sequence[TeamMember]) -> list[TeamMember]:
    """Those that a model can plan for."""
    return [member for member in team if member.kinds and DRAFTED_TOOLS.intersection(member.tools)]


def check_team(tasks: Sequence[TaskRequest], team: Sequence[TeamMember]) -> Iterator[Fault]:
    """Where no people are known a person's role may be any."""
    people, agents = people_of(team), agents_of(team)
    for at, task in enumerate(tasks):
        here = f"/tasks/{at}"
        if task.agent is not None:
            yield from _check_agent(task, here, agents)
        elif people and not _with_role(people, task.role):
            yield _fault(f"{here}/role", f"No person of the team has the role {task.role}.")


def _check_agent(task: TaskRequest, here: str, agents: Sequence[TeamMember]) -> Iterator[Fault]:
    assert task.agent is not None
    kind = task.agent.kind
    able = _with_role(agents, task.role)
    if not agents:
        yield _fault(f"{here}/agent", "The team has no AI agent: the task must be a person's.")
    elif not able:
        yield _fault(f"{here}/role", f"No AI agent of the team has the role {task.role}.")
    elif not any(kind in member.kinds for member in able):
        yield _fault(f"{here}/agent/kind", f"No AI agent that could get the task does work of the kind {kind}.")
    # Which of them gets it is decided later, and not by its tools: all of them must have them.
    lacking = [tool for tool in task.agent.tools if any(tool not in member.tools for member in able)]
    if lacking:
        yield _fault(f"{here}/agent/tools", f"An AI agent that could get the task may not use {', '.join(lacking)}.")


def _with_role(members: Sequence[TeamMember], role: str | None) -> list[TeamMember]:
    return [member for member in members if role is None or role in member.roles]


def _fault(pointer: str, detail: str) -> Fault:
    return Fault(pointer=pointer, code="nobody-can", detail=detail)
