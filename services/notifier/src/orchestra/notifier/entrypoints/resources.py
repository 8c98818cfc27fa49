"""What the API takes and gives."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field

from orchestra.contracts.ids import ProjectId
from orchestra.notifier.domain.address import ADDRESS
from orchestra.notifier.domain.channel import Channel
from orchestra.notifier.domain.delivery import Delivery, DeliveryStatus, Try
from orchestra.notifier.domain.notice import NoticeKind, TestKind


class WebhookRequest(BaseModel):
    model_config = ConfigDict(extra="forbid")

    url: Annotated[str, Field(max_length=2000)]
    kinds: Annotated[list[NoticeKind], Field(min_length=1, max_length=10)]
    description: Annotated[str, Field(max_length=200, pattern=r"^[^\x00]*$")] = ""


class MailRequest(BaseModel):
    model_config = ConfigDict(extra="forbid")

    address: Annotated[str, Field(max_length=254, pattern=ADDRESS)]
    kinds: Annotated[list[NoticeKind], Field(min_length=1, max_length=10)]
    project_id: Annotated[ProjectId | None, Field(max_length=64, pattern=r"^[A-Za-z0-9_-]+$")] = None
    """Nothing of other projects."""
    description: Annotated[str, Field(max_length=200, pattern=r"^[^\x00]*$")] = ""


class ChannelView(BaseModel):
    id: str
    kinds: list[NoticeKind]
    description: str
    status: Literal["enabled", "disabled"]
    disabled_at: datetime | None
    disabled_reason: str | None
    paused_until: datetime | None
    """The other side asked to be left alone until then."""
    created_at: datetime

    @classmethod
    def of(cls, channel: Channel, **more: str) -> Self:
        shown = {name: getattr(channel, name) for name in cls.model_fields if hasattr(channel, name)}
        status = "enabled" if channel.enabled else "disabled"
        reason = channel.disabled_reason or None
        return cls.model_validate({**shown, "status": status, "disabled_reason": reason, **more})


class WebhookView(ChannelView):
    url: str


class MailView(ChannelView):
    address: str
    project_id: ProjectId | None


class NewWebhookView(WebhookView):
    secret: str
    """Shown this once."""


class TryView(BaseModel):
    at: datetime
    status: int | None
    """Of HTTP or SMTP; null when there was no answer."""
    reason: str
    took_ms: int


class DeliveryView(BaseModel):
    id: str
    """What the receiver sees as `webhook-id`, or within the `Message-ID`."""
    kind: NoticeKind | TestKind
    status: DeliveryStatus
    body: str
    created_at: datetime
    next_try_at: datetime | None
    ended_at: datetime | None
    tries: list[TryView]

    @classmethod
    def of(cls, delivery: Delivery, log: Sequence[Try]) -> Self:
        return cls(
            id=delivery.id,
            kind=delivery.kind,
            status=delivery.status,
            body=delivery.body,
            created_at=delivery.created_at,
            next_try_at=delivery.due_at if delivery.status == "pending" else None,
            ended_at=delivery.ended_at,
            tries=[
                TryView(at=t.at, status=t.outcome.status, reason=t.outcome.reason, took_ms=t.outcome.took_ms)
                for t in log
            ],
        )
