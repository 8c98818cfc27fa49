"""A channel: somebody in a workspace who wants to hear, by webhook or by mail."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import ClassVar, Literal, Self

from orchestra.contracts.ids import WorkspaceId
from orchestra.notifier.domain.notice import Notice, NoticeKind

Medium = Literal["webhook", "mail"]
MEDIA: tuple[Medium, ...] = ("webhook", "mail")

MOST_GIVEN_UP = 5
"""Deliveries given up in a row; then the channel is disabled."""


@dataclass(frozen=True, kw_only=True)
class Channel:
    medium: ClassVar[Medium]

    id: str
    workspace_id: WorkspaceId
    kinds: tuple[NoticeKind, ...]
    description: str
    created_at: datetime
    disabled_at: datetime | None = None
    disabled_reason: str = ""
    given_up: int = 0
    """Deliveries given up since the last one that was taken."""
    paused_until: datetime | None = None
    """The other side asked to be left alone until then."""

    @property
    def enabled(self) -> bool:
        return self.disabled_at is None

    def wants(self, notice: Notice) -> bool:
        return notice.kind in self.kinds

    def disabled(self, reason: str, at: datetime) -> Self:
        return replace(self, disabled_at=at, disabled_reason=reason)

    def reenabled(self) -> Self:
        return replace(self, disabled_at=None, disabled_reason="", given_up=0, paused_until=None)
