"""What the calls need from the outside."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol, TypeVar

from orchestra.contracts.event import Event, PartedEvent
from orchestra.contracts.ids import CallId
from orchestra.contracts.models import ModelCallCancelled, ModelCallRequested, Usage
from orchestra.contracts.planning import Fault
from orchestra.executor.application.attempts import Lease

Part = TypeVar("Part", bound=PartedEvent)


@dataclass(frozen=True)
class HeldCall:
    """A call under the lease of `owner`."""

    request: ModelCallRequested
    owner: str
    token: int
    trace: str | None

    @property
    def id(self) -> CallId:
        return self.request.call_id


@dataclass(frozen=True)
class Answered:
    text: str
    model: str
    provider: str
    usage: Usage


@dataclass(frozen=True)
class Unanswered:
    code: str
    detail: str
    retryable: bool = False
    faults: tuple[Fault, ...] = ()


@dataclass(frozen=True)
class Away:
    """The models that could be asked are away: it waits, within its deadline."""

    detail: str
    pause: timedelta


CallEnding = Answered | Unanswered | Away


@dataclass(frozen=True)
class EndedCall:
    call: HeldCall
    ending: CallEnding

    @property
    def id(self) -> CallId:
        return self.call.id


class Calls(Protocol):
    """Every write is conditional on the state, and on the lease where there is one: a late holder changes nothing."""

    async def accept(self, request: ModelCallRequested, trace: str | None) -> None:
        """Queue it unless it is known, or was cancelled before it came."""
        ...

    async def cancel(self, event: ModelCallCancelled) -> None:
        """End it while it is queued, ask its holder to stop it, or leave a tombstone for a request still to come."""
        ...

    async def claim(self, lease: Lease, *, slots: int) -> list[HeldCall]:
        """Lease the oldest queued ones, at most so many."""
        ...

    async def renew(self, lease: Lease, ids: Sequence[CallId]) -> Mapping[CallId, str | None]:
        """Extend the leases; returns those that still are the owner's, each with the reason of a cancellation."""
        ...

    async def end(self, call: HeldCall, code: str | None) -> bool:
        """It is answered, or failed by this code. False, and no change, where the lease is its holder's no more."""
        ...

    async def expired(self) -> list[HeldCall]:
        """Those that nobody renewed in time, locked until the commit."""
        ...

    async def held_by(self, owners: Sequence[str]) -> list[HeldCall]:
        """The same of what these owners hold."""
        ...

    async def owners(self) -> list[str]: ...

    async def queue_again(self, call: HeldCall) -> bool:
        """Its holder is gone. False, and no change, where it was taken too often, or is wanted no more."""
        ...

    async def put_off(self, call: HeldCall, until: datetime) -> bool:
        """Queue it for later; being taken does not count. False where the lease is its holder's no more."""
        ...


class CallingWork(Protocol):
    """One transaction."""

    @property
    def now(self) -> datetime: ...

    @property
    def traces(self) -> Sequence[str | None]: ...

    @property
    def calls(self) -> Calls: ...

    async def spent_by(self, holder: str) -> int:
        """Micro-dollars that the ledger has of this attempt or call."""
        ...

    async def gathered(self, part: Part) -> Iterator[Part] | None:
        """All parts of the event once the last one has come, else None."""
        ...

    def seal(self, text: str, about: str) -> str: ...

    def open(self, sealed: str, about: str) -> str: ...

    def publish(self, *events: Event, trace: str | None = None) -> None: ...

    def wake(self, name: str) -> None: ...
