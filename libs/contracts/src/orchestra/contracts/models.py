"""Calls to language models: other services ask for them, and only the executor talks to a provider, has a key or pays.

What is asked and what is answered may hold anything that people wrote. It travels sealed: brokers, feeds and logs see
the rest.
"""

from datetime import datetime
from typing import Any, Literal

from pydantic import Field

from orchestra.contracts.event import Event, Fact, PartedEvent
from orchestra.contracts.ids import CallId
from orchestra.contracts.machine_work import AgentKind, Difficulty
from orchestra.contracts.planning import Fault

Purpose = Literal["plan"]


class ModelCallRequested(PartedEvent, kind="model-call.requested.v1", subject="call_id"):
    """An answer of a model is wanted, once. The sealed prompt is split over the parts, in order."""

    call_id: CallId
    purpose: Purpose
    kind_of_work: AgentKind
    difficulty: Difficulty
    """With the kind of work it decides which tier of models is asked."""
    output_schema: dict[str, Any] = Field(default_factory=dict[str, Any])
    """JSON Schema of the answer, in the first part; empty: plain text."""
    max_tokens: int
    """Of the answer."""
    sealed: str
    """A `Prompt` as JSON, sealed for this call."""
    deadline: datetime
    """Whoever has no answer by then has none."""


class Turn(Fact):
    by: Literal["user", "assistant"]
    text: str


class Prompt(Fact):
    """What is said to the model."""

    system: str
    turns: tuple[Turn, ...]
    """In order; the last one is the user's."""


class ModelCallCancelled(Event, kind="model-call.cancelled.v1", subject="call_id"):
    """Nobody waits for the answer any more; it beats a request that arrives later."""

    call_id: CallId
    reason: str


class Usage(Fact):
    """Tokens of all rounds together."""

    input: int = 0
    """Those read from and written to a cache included."""
    output: int = 0
    cache_read: int = 0
    cache_write: int = 0
    requests: int = 0


class ModelCallSucceeded(PartedEvent, kind="model-call.succeeded.v1", subject="call_id"):
    """The answer keeps to the schema. Sealed, it is split over the parts, in order."""

    call_id: CallId
    sealed: str
    model: str
    provider: str
    usage: Usage
    cost_micros: int
    """Millionths of a US dollar, of all rounds together."""


class ModelCallFailed(Event, kind="model-call.failed.v1", subject="call_id"):
    """There is no answer, and there will be none."""

    call_id: CallId
    code: str
    """`no-model`: none is configured; `budget-exhausted`, `bad-answer`, `provider`, `timeout`, `cancelled`."""
    detail: str
    faults: tuple[Fault, ...] = ()
    """What was wrong with the last answer, where there was one."""
    retryable: bool
    """Whether the same call may do better later."""
    cost_micros: int = 0
