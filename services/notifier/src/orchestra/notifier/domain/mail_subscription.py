"""A mail subscription: one address that wants to hear. Several people are several subscriptions: each ends its own."""

from dataclasses import dataclass
from typing import ClassVar

from orchestra.contracts.ids import ProjectId
from orchestra.notifier.domain.channel import Channel, Medium
from orchestra.notifier.domain.notice import Notice


@dataclass(frozen=True, kw_only=True)
class MailSubscription(Channel):
    medium: ClassVar[Medium] = "mail"

    address: str
    project_id: ProjectId | None = None
    """Nothing of other projects; None: of all."""

    def wants(self, notice: Notice) -> bool:
        return super().wants(notice) and self.project_id in (None, notice.details["project_id"])
