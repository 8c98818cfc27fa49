"""What machines do beside plain commands: work for AI agents, as it is asked for and as it is handed on."""

from decimal import Decimal
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from orchestra.contracts.event import Fact
from orchestra.contracts.ids import CheckpointId

AgentKind = Literal["code", "research", "analysis", "documentation", "asset", "integration"]
Difficulty = Literal["simple", "medium", "complex"]
Verify = Literal["model", "checks", "none"]
"""Who says that the work is done: a fresh model, the checks of the task, or nobody."""

AGENT_TOOLS = frozenset(
    "read_file write_file list_files apply_patch run_command fetch search_knowledge ask_human local_model "
    "generate_image".split()
)
"""What an agent may be given to work with, beside the tools of servers (`mcp:server`, `mcp:server/tool`)."""


def _canonical(amount: Decimal) -> Decimal:
    """`0.50` and `0.5` are the same, and `NaN` is still to be refused in its place."""
    return Decimal(format(amount.normalize(), "f")) if amount.is_finite() and amount.adjusted() < _DIGITS else amount


_DIGITS = 20
Dollars = Annotated[Decimal, Field(allow_inf_nan=True), AfterValidator(_canonical)]


class MachineTerms(Fact):
    """What is the same of all that machines do. Paths are relative to the workspace, with forward slashes."""

    outputs: tuple[str, ...] = ()
    retries: int = 0
    """Tries beyond the first."""
    timeout_s: int = 300
    hosts: tuple[str, ...] = ()
    """What it may ask for by https, where the policy allows it: `example.org` (port 443), `example.org:8443`."""
    repeatable: bool = True
    """False: where an attempt may have had its effect, a person decides before there is another."""
    mutexes: tuple[str, ...] = ()
    """Names that one command of the workspace has at a time, from its dispatch to its end."""


class AgentTerms(Fact):
    """What is the same of work for an agent whether it is asked for or handed on."""

    instructions: str = ""
    kind: AgentKind = "code"
    difficulty: Difficulty = "medium"
    tools: tuple[str, ...] = ("read_file", "write_file", "list_files", "ask_human")
    """What the agent works with; nothing else is offered to it."""
    approve: tuple[str, ...] = ()
    """Those of its tools of which every call needs a person's approval."""
    checks: tuple[tuple[str, ...], ...] = ()
    """Commands that must end with status 0 in the workspace once the work is done."""
    model: str | None = None
    """A tier (`local`, `small`, `large`) or a model's name; None: by kind and difficulty."""
    prefer: str | None = None
    """An agent's name, taken where it can be."""
    prefer_type: str | None = None
    rounds: int = 40
    """At most, of the model."""
    max_tokens: int | None = None
    """All rounds together; None: what else limits them."""


class AgentRequest(AgentTerms, MachineTerms):
    """Work for an agent as `plan.yaml` gives it."""

    commands: tuple[str, ...] = ()
    """Programs that it may run with `run_command`, and that its checks run."""
    inputs: tuple[str, ...] = ()
    verify: Verify | None = None
    """None: by its checks where it has some, else by a model."""
    budget_usd: Dollars | None = None
    """Of all its attempts together; None: what else limits it."""
    retries: int = 2
    timeout_s: int = 1800


class RequirementText(Fact):
    id: str
    text: str


class AgentBrief(AgentTerms):
    """What an agent is asked to do: it needs nothing else of the plan.

    The programs that it may run are the `tools` of the command that has the brief.
    """

    verify: Verify = "model"
    budget_micros: int | None = None
    """Millionths of a US dollar."""
    criteria: tuple[str, ...] = ()
    requirements: tuple[RequirementText, ...] = ()
    """Those that the task covers, cut to a bound."""


class AgentAnswer(Fact):
    """What a person has said to something that an earlier attempt of the task waited for."""

    checkpoint_id: CheckpointId
    """Names it once and for all: an approval is used up under it."""
    about: Literal["question", "approval"]
    id: str
    """The question's, or the SHA-256 of the call."""
    approved: bool | None = None
    """Of an approval. Nothing but a person's word ever makes it true."""
    text: str = ""
    by: str
