"""A webhook: an endpoint that wants to hear, and what its URL may be."""

from dataclasses import dataclass, field, replace
from datetime import datetime
from ipaddress import ip_address
from typing import Self
from urllib.parse import urlsplit

from orchestra.contracts.ids import WorkspaceId
from orchestra.notifier.domain.errors import InvalidUrl
from orchestra.notifier.domain.notice import NoticeKind

MOST_GIVEN_UP = 5
"""Deliveries given up in a row; then the webhook is disabled."""


@dataclass(frozen=True)
class Webhook:
    id: str
    workspace_id: WorkspaceId
    url: str
    kinds: tuple[NoticeKind, ...]
    description: str
    secret: str = field(repr=False)
    """`whsec_` and 32 bytes in base64."""
    created_at: datetime
    disabled_at: datetime | None = None
    disabled_reason: str = ""
    given_up: int = 0
    """Deliveries given up since the last one that was taken."""
    paused_until: datetime | None = None
    """The endpoint asked (Retry-After) to be left alone until then."""

    @property
    def enabled(self) -> bool:
        return self.disabled_at is None

    def disabled(self, reason: str, at: datetime) -> Self:
        return replace(self, disabled_at=at, disabled_reason=reason)

    def reenabled(self) -> Self:
        return replace(self, disabled_at=None, disabled_reason="", given_up=0, paused_until=None)


def check_url(url: str) -> None:
    """Raises InvalidUrl. What a host name resolves to is not looked at here."""
    if not url.isascii() or not url.isprintable() or " " in url or "\\" in url:
        raise InvalidUrl("a URL is plain ASCII: percent-encode what is not")
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise InvalidUrl(f"this is no URL: {error}") from error
    if parts.scheme not in ("http", "https") or not host:
        raise InvalidUrl("a webhook's URL begins with https:// and a host")
    if "@" in parts.netloc:
        raise InvalidUrl("credentials do not belong into a URL: the signature proves who sends")
    if parts.fragment:
        raise InvalidUrl("a fragment is never sent: leave it out")
    if parts.scheme == "http" and not _is_loopback(host):
        raise InvalidUrl("plain http is for this machine only (localhost): use https")


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
