"""A webhook: an endpoint that wants to hear."""

from dataclasses import dataclass, field
from typing import ClassVar

from orchestra.notifier.domain.channel import Channel, Medium
from orchestra.notifier.domain.errors import InvalidUrl


@dataclass(frozen=True)
class JudgedUrl:
    """A URL, and why nothing would be sent there: found before any transaction, because names take time to resolve."""

    url: str
    refusal: InvalidUrl | None = None


@dataclass(frozen=True, kw_only=True)
class Webhook(Channel):
    medium: ClassVar[Medium] = "webhook"

    url: str
    secret: str = field(repr=False)
    """`whsec_` and 32 bytes in base64; sealed where the operator has given a key."""
