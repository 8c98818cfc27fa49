"""The rules of tools: whether a model may make a call. The model is taken for hostile, and not believed."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from orchestra.contracts.machine_work import AgentAnswer
from orchestra.executor.domain.agents.calls import ToolCall, ToolSpec
from orchestra.executor.domain.agents.server_tools import MCP


@dataclass(frozen=True)
class Allowed:
    approval: AgentAnswer | None = None
    """That lets this one call be made, and is used up by it."""


@dataclass(frozen=True)
class Refused:
    reason: str


@dataclass(frozen=True)
class Asks:
    """A person has to approve the call, or to say that it is made again."""

    reason: str


Decision = Allowed | Refused | Asks


@dataclass(frozen=True)
class Judged:
    """All that a decision follows from."""

    call: ToolCall
    spec: ToolSpec | None
    """None: no such tool was given to the agent."""
    faults: Sequence[str]
    """Why its arguments do not fulfil the tool's schema."""
    refusal: str | None
    """Why the tool's own rules forbid it."""
    needs_approval: bool
    unsure: bool
    """The same call was begun before, and nobody knows whether it had its effect."""
    answers: Sequence[AgentAnswer] = ()
    used: Collection[str] = ()
    """Checkpoints whose approval was used up."""


def decide(judged: Judged) -> Decision:
    """Whatever is forbidden stays so, approved or not: a person approves what is allowed, never more."""
    if judged.spec is None:
        return Refused(f"There is no tool {judged.call.tool[:100]!r} for this task.")
    if judged.faults:
        return Refused("Its arguments do not fulfil the tool's schema: " + "; ".join(judged.faults))
    if judged.refusal is not None:
        return Refused(judged.refusal)
    if not judged.needs_approval and not judged.unsure:
        return Allowed()
    said = [each for each in judged.answers if each.about == "approval" and each.id == judged.call.digest]
    open_ = [each for each in said if each.checkpoint_id not in judged.used]
    if granted := next((each for each in open_ if each.approved is True), None):
        return Allowed(granted)
    if denied := next((each for each in reversed(said) if each.approved is False), None):
        why = f" {denied.text}" if denied.text else ""
        return Refused(f"{denied.by} has not approved this call.{why}")
    if judged.unsure:
        return Asks("It was begun before, and nobody knows whether it had its effect.")
    return Asks("Every call of this tool needs an approval.")


def is_wanted(name: str, wanted: Collection[str]) -> bool:
    """Whether a tool by the name `mcp:server/tool` is among `mcp:server/tool` or `mcp:server`."""
    return name in wanted or (name.startswith(MCP) and name.partition("/")[0] in wanted)
