"""Providers of models, and how one is asked."""

from dataclasses import dataclass
from typing import Literal

Flavour = Literal["anthropic", "openai", "ollama"]
"""The API that it speaks."""


@dataclass(frozen=True)
class Patience:
    """How long and how often one asks."""

    tries: int = 4
    """Of a request, the first among them."""
    first_pause_s: float = 0.5
    longest_pause_s: float = 30.0
    """What asks for a longer one is not waited for: another model stands in, or the task waits."""
    connect_s: float = 5.0
    silence_s: float = 60.0
    """Between two pieces of an answer."""
    total_s: float = 600.0
    """Of one request."""
    answer_bytes: int = 8 * 2**20
    """Of an answer as it comes over the wire; what is longer is refused."""
    failures: int = 5
    """In a row, after which it is left alone."""
    rest_s: float = 30.0
    """How long it is left alone then."""


@dataclass(frozen=True)
class Provider:
    name: str
    flavour: Flavour
    url: str
    """Where its API begins, without `/v1`."""
    key_from: str | None = None
    """The variable of the environment that holds the house key."""
    rate: str | None = None
    """Requests in a time, such as `60/minute`."""
    patience: Patience = Patience()

    @property
    def needs_key(self) -> bool:
        return self.flavour != "ollama"
