"""What a call of a model is, and what it asks of the world: money, a record, models that answer."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from orchestra.contracts.ids import ProjectId, WorkspaceId
from orchestra.executor.domain.models.failure import Failure
from orchestra.executor.domain.models.routing import Difficulty, Kind, Overrides
from orchestra.executor.domain.models.usage import Usage

Outcome = Literal["answered", "unknown", "stopped"]
"""`unknown`: sent, and nobody knows what was served. `stopped`: a stream that met the limit of its ticket."""


@dataclass(frozen=True)
class Caller:
    """On whose behalf a model is asked; the scopes of money follow from it."""

    workspace_id: WorkspaceId
    purpose: str
    """`plan`, `attempt`, `verify` …: a word, no text of anybody's."""
    project_id: ProjectId | None = None
    run_id: str | None = None
    task_id: str | None = None
    attempt_id: str | None = None
    """The attempt's, or the call's: whose money it is held for."""
    token: int = 0
    """Its fencing token."""
    agent: str = ""
    replay: str = ""
    """Within what an answer that is recorded stands for asking again; empty: nothing is recorded."""


@dataclass(frozen=True)
class Said:
    role: Literal["user", "assistant"]
    text: str


@dataclass(frozen=True)
class Call:
    """One question to a model."""

    caller: Caller
    messages: tuple[Said, ...]
    instructions: str = ""
    schema: Mapping[str, Any] | None = None
    """A JSON Schema of an object that the answer has to fulfil; None: a text."""
    max_tokens: int | None = None
    """Of each answer; None: as the model is configured."""
    repairs: int = 2
    """Rounds in which an answer that breaks the schema may be mended, with what is wrong with it."""
    kind: Kind | None = None
    difficulty: Difficulty = "medium"
    overrides: Overrides = field(default_factory=Overrides)


@dataclass(frozen=True)
class Request:
    """One request to a provider, as money and the record see it. A call may need several."""

    caller: Caller
    provider: str
    model: str
    price_version: str
    digest: str
    """SHA-256 of all that decides the answer."""
    most_tokens: int = 0
    """What goes in, counted high, and the longest answer."""


@dataclass(frozen=True)
class Ticket:
    """What a meter gave for a request."""

    id: str
    limit_micros: int
    """Held for it; a stream is stopped before it costs more."""


@dataclass(frozen=True)
class Spent:
    """What a request came to."""

    outcome: Outcome
    cost_micros: int
    """Of an unknown outcome all that was held."""
    usage: Usage | None
    """None where the provider told nothing."""


class Meter(Protocol):
    """Money. Where a process is killed between `begin` and the end, nothing is called: the hold expires as unknown."""

    async def begin(self, request: Request, ceiling_micros: int) -> Ticket:
        """Before a request leaves; the ceiling is the most that it can cost. Raises what refuses it, and it stays."""
        ...

    async def end(self, ticket: Ticket, request: Request, spent: Spent) -> None: ...

    async def failed(self, ticket: Ticket, request: Request, failure: Failure) -> None:
        """The provider surely did not serve it: nothing is owed."""
        ...


class Recorder(Protocol):
    """Answers that were given. One that is recorded is never asked for again."""

    async def find(self, request: Request) -> bytes | None:
        """The answer kept for the same digest and caller."""
        ...

    async def keep(self, request: Request, ticket: Ticket, answer: bytes, spent: Spent) -> None:
        """Called before `Meter.end` of the same ticket; both may be one transaction, made by either."""
        ...


@dataclass(frozen=True)
class Answer:
    text: str
    value: dict[str, Any] | None
    """What fulfils the schema, where there is one."""
    model: str
    provider: str
    requests: int
    usage: Usage


class ModelError(Exception):
    """No answer could be had."""


class NoModel(ModelError):
    """No model is configured that could be asked, or there is no key for any, or nobody knows the price."""

    code = "no-model"


class ModelAway(ModelError):
    """All models that could be asked are away; whoever needs one waits."""

    def __init__(self, failures: Mapping[str, Failure] | None = None, detail: str = "") -> None:
        self.failures = dict(failures or {})
        told = "; ".join(f"{name}: {failure.detail}" for name, failure in self.failures.items())
        super().__init__(detail or told)

    @property
    def retry_after(self) -> float | None:
        """Seconds after which the first of them may be asked again, where one said so."""
        return min((f.retry_after for f in self.failures.values() if f.retry_after is not None), default=None)


class ModelRefused(ModelError):
    """The request cannot be served, however often it is sent."""

    def __init__(self, model: str, failure: Failure) -> None:
        super().__init__(f"{model}: {failure.detail}")
        self.model = model
        self.failure = failure


class LimitMet(ModelError):
    """A stream was stopped: what it had said has cost what was held for it."""

    def __init__(self, model: str, limit_micros: int, text: str) -> None:
        super().__init__(f"{model}: stopped at {limit_micros} micro-dollars")
        self.limit_micros = limit_micros
        self.text = text
        """What had come until then."""


class InvalidAnswer(ModelError):
    """No answer fulfilled the schema, after all rounds of repair."""

    def __init__(self, model: str, faults: Sequence[str]) -> None:
        super().__init__(f"{model}: the answer breaks the schema: " + "; ".join(faults))
        self.faults = tuple(faults)


class Models(Protocol):
    async def ask(self, call: Call) -> Answer:
        """Raises NoModel, ModelAway, ModelRefused, InvalidAnswer, and what the meter refuses with."""
        ...

    async def embed(self, caller: Caller, texts: Sequence[str]) -> Sequence[Sequence[float]]:
        """Vectors of the texts by the model that is configured for that, in their order.

        Raises NoModel, ModelAway, ModelRefused, and what the meter refuses with.
        """
        ...

    async def close(self) -> None:
        """Nobody asks any more."""
        ...


@dataclass(frozen=True)
class Health:
    provider: str
    ok: bool
    detail: str
    """Why not, or what was seen."""
    models: tuple[str, ...] = field(default=())
    """Those that it says it has."""


class Monitor(Protocol):
    def available(self, provider: str) -> bool:
        """Whether it answered when it was last asked; true where it has not been asked yet."""
        ...
