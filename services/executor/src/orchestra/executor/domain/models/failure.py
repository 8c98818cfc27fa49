"""What became of a request that brought no answer, and what that means for money and for a further try."""

from dataclasses import dataclass
from typing import Literal

Served = Literal["no", "perhaps"]
"""Whether the provider may have done the work, and will ask for money."""

Reason = Literal[
    "rejected", "key", "unknown-model", "rate", "overloaded", "server", "unreachable", "cut", "stalled", "too-large",
    "address", "quota", "invalid", "resting",
]  # fmt: skip

AGAIN: frozenset[Reason] = frozenset({"rate", "overloaded", "server", "unreachable", "cut", "stalled"})
"""A further try may go better. All others fail the same way each time."""

AWAY: frozenset[Reason] = AGAIN | frozenset[Reason]({"resting", "quota"})
"""It is not the request's fault: another model may stand in."""


@dataclass(frozen=True)
class Failure:
    reason: Reason
    served: Served
    detail: str
    """Without a key and without what was asked."""
    status: int | None = None
    retry_after: float | None = None

    @property
    def again(self) -> bool:
        return self.reason in AGAIN

    @property
    def away(self) -> bool:
        return self.reason in AWAY


class Failed(Exception):
    """A request brought no answer."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.detail)
        self.failure = failure


def of_status(status: int, detail: str, retry_after: float | None = None) -> Failure:
    """An answer with a status that is no success: the provider says itself that it did not serve the request."""
    return Failure(_reason(status), "no", detail, status, retry_after)


def _reason(status: int) -> Reason:
    named: dict[int, Reason] = {
        401: "key",
        402: "quota",
        403: "key",
        404: "unknown-model",
        408: "stalled",
        429: "rate",
        503: "overloaded",
        529: "overloaded",
    }
    return named.get(status, "server" if status >= 500 else "rejected")
