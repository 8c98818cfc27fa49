"""What the API takes and gives."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field

from orchestra.notifier.domain import webhook as domain
from orchestra.notifier.domain.delivery import Delivery, DeliveryStatus, Try
from orchestra.notifier.domain.notice import NoticeKind


class WebhookRequest(BaseModel):
    model_config = ConfigDict(extra="forbid")

    url: Annotated[str, Field(max_length=2000)]
    kinds: Annotated[list[NoticeKind], Field(min_length=1, max_length=10)]
    description: Annotated[str, Field(max_length=200, pattern=r"^[^\x00]*$")] = ""


class WebhookView(BaseModel):
    id: str
    url: str
    kinds: list[NoticeKind]
    description: str
    status: Literal["enabled", "disabled"]
    disabled_at: datetime | None
    disabled_reason: str | None
    paused_until: datetime | None
    """The endpoint asked to be left alone until then."""
    created_at: datetime

    @classmethod
    def of(cls, webhook: domain.Webhook, **more: str) -> Self:
        return cls.model_validate(
            {
                "id": webhook.id,
                "url": webhook.url,
                "kinds": webhook.kinds,
                "description": webhook.description,
                "status": "enabled" if webhook.enabled else "disabled",
                "disabled_at": webhook.disabled_at,
                "disabled_reason": webhook.disabled_reason or None,
                "paused_until": webhook.paused_until,
                "created_at": webhook.created_at,
                **more,
            }
        )


class NewWebhookView(WebhookView):
    secret: str
    """Shown this once."""


class TryView(BaseModel):
    at: datetime
    status: int | None
    """Of HTTP; null when there was no answer."""
    reason: str
    took_ms: int


class DeliveryView(BaseModel):
    id: str
    """What the receiver sees as `webhook-id`."""
    kind: NoticeKind
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
