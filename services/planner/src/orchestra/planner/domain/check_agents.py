"""What can be wrong with work for an agent."""

import re
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal

from orchestra.contracts.ids import Sha256
from orchestra.contracts.machine_work import AGENT_TOOLS, AgentRequest
from orchestra.contracts.planning import Fault, TaskRequest
from orchestra.planner.domain.check_commands import check_work, weight
from orchestra.planner.domain.requirements import Requirement

MAX_AGENT_BYTES = 80_000
"""What a task for an agent may weigh with the texts of the requirements that it covers: more goes with its dispatch
than with that of a command."""
REQUIREMENT_BYTES = 10_000
"""Of the texts of the requirements that one task covers; what is beyond is cut."""
MAX_ROUNDS = 1_000
MAX_TOKENS = 1_000_000_000
MAX_BUDGET_USD = 1_000_000
MAX_NAME = 200

_SERVER_TOOL = re.compile(r"mcp:[a-z0-9][a-z0-9._-]{0,63}(/[A-Za-z0-9][A-Za-z0-9._-]{0,127})?")
_MICRO = Decimal("0.000001")


def check_agent(
    task: TaskRequest,
    here: str,
    before: Mapping[str, TaskRequest],
    files: Mapping[str, Sha256],
    requirements: Sequence[Requirement] = (),
) -> Iterator[Fault]:
    """`before`: as with a command. `requirements`: those that the task covers."""
    agent = task.agent
    if agent is None:
        return
    if task.command is not None:
        yield _fault(here, "both-command-and-agent", f"{task.id} has a command and an agent; give one of them.")
    if not agent.instructions.strip() and not any(text.strip() for text in task.criteria):
        detail = f"{task.id} says only its title: an agent needs instructions or criteria."
        yield _fault(f"{here}/instructions", "no-instructions", detail)
    yield from _check_texts(agent, here)
    yield from _check_tools(agent, here)
    yield from _check_checks(agent, here)
    yield from _check_budget(agent.budget_usd, f"{here}/budget_usd")
    for name, value, most in (("rounds", agent.rounds, MAX_ROUNDS), ("max_tokens", agent.max_tokens, MAX_TOKENS)):
        if value is not None and value <= 0:
            yield _fault(f"{here}/{name}", "not-positive", f"{value:,} {name} are none: it must be above 0.")
        elif value is not None and value > most:
            yield _fault(f"{here}/{name}", "out-of-range", f"{value:,} {name} are more than {most:,}.")
    yield from check_work(agent, here, before, files)
    texts = sum(len("\n".join((each.text, *each.details)).encode()) for each in requirements)
    if weight(task) + min(texts, REQUIREMENT_BYTES) > MAX_AGENT_BYTES:
        detail = f"{task.id} takes more than {MAX_AGENT_BYTES:,} bytes: put what an agent has to read into input files."
        yield _fault(here, "too-large", detail)


def _check_texts(agent: AgentRequest, here: str) -> Iterator[Fault]:
    if "\0" in agent.instructions:
        yield _fault(f"{here}/instructions", "bad-text", "The instructions have a NUL character.")
    for name in ("model", "prefer", "prefer_type"):
        value: str | None = getattr(agent, name)
        if value is not None and (not value.strip() or len(value) > MAX_NAME or not value.isprintable()):
            detail = f"{name} is no name: 1 to {MAX_NAME} printable characters."
            yield _fault(f"{here}/{name}", "bad-name", detail)


def _check_tools(agent: AgentRequest, here: str) -> Iterator[Fault]:
    for n, tool in enumerate(agent.tools):
        if tool not in AGENT_TOOLS and not _SERVER_TOOL.fullmatch(tool):
            detail = f"There is no tool {tool!r}; there are {', '.join(sorted(AGENT_TOOLS))} and mcp:server/tool."
            yield _fault(f"{here}/tools/{n}", "unknown-tool", detail)
    for n, tool in enumerate(agent.approve):
        if tool not in agent.tools:
            detail = f"{tool!r} is not among the tools that this agent has, so that nothing is to be approved."
            yield _fault(f"{here}/approve/{n}", "unknown-tool", detail)
    for n, name in enumerate(agent.commands):
        if not name.strip() or "/" in name or "\0" in name:
            yield _fault(f"{here}/commands/{n}", "bad-command", f"{name!r} is no name of a program, without a path.")
    if "run_command" in agent.tools and not agent.commands:
        detail = "run_command without commands can run nothing: name the programs."
        yield _fault(f"{here}/commands", "no-commands", detail)
    if "fetch" in agent.tools and not agent.hosts:
        yield _fault(f"{here}/hosts", "no-hosts", "fetch without hosts can ask nobody: name the hosts.")


def _check_checks(agent: AgentRequest, here: str) -> Iterator[Fault]:
    for n, argv in enumerate(agent.checks):
        if not argv or not argv[0].strip():
            yield _fault(f"{here}/checks/{n}", "empty-argv", "The check names no program to run.")
        elif argv[0] not in agent.commands:
            named = ", ".join(agent.commands) or "none"
            detail = f"{argv[0]} is not among the commands ({named})."
            yield _fault(f"{here}/checks/{n}/0", "tool-not-declared", detail)
        for m, argument in enumerate(argv):
            if "\0" in argument:
                yield _fault(f"{here}/checks/{n}/{m}", "bad-argument", "An argument cannot hold a NUL character.")
    if agent.verify == "checks" and not agent.checks:
        yield _fault(f"{here}/checks", "no-checks", "verify is checks, and there are none.")
    if agent.checks and agent.verify in ("model", "none"):
        detail = f"verify is {agent.verify}, so that the checks would not be run."
        yield _fault(f"{here}/verify", "unused-checks", detail)


def _check_budget(budget: Decimal | None, here: str) -> Iterator[Fault]:
    if budget is None:
        return
    if not budget.is_finite():
        yield _fault(here, "not-finite", f"{budget} is no amount of money.")
    elif budget <= 0:
        yield _fault(here, "not-positive", f"{budget} USD is no budget: it must be above 0.")
    elif budget > MAX_BUDGET_USD:
        yield _fault(here, "out-of-range", f"{budget:.6g} USD is more than {MAX_BUDGET_USD:,}.")
    elif budget % _MICRO:
        yield _fault(here, "too-fine", f"{budget} USD is finer than a millionth of a dollar.")


def _fault(pointer: str, code: str, detail: str) -> Fault:
    return Fault(pointer=pointer, code=code, detail=detail)
