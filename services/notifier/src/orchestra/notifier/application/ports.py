"""What the use cases need from outside."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Protocol, TypeVar

from orchestra.contracts.ids import WorkspaceId
from orchestra.notifier.domain.channel import Channel, Medium
from orchestra.notifier.domain.delivery import Delivery, Outcome
from orchestra.notifier.domain.mail_subscription import MailSubscription
from orchestra.notifier.domain.notice import Notice
from orchestra.notifier.domain.webhook import Webhook

C = TypeVar("C", bound=Channel)


class Channels(Protocol[C]):
    """Those of one medium."""

    async def add(self, channel: C) -> None: ...

    async def find(self, workspace_id: WorkspaceId, channel_id: str, *, hold: bool = False) -> C:
        """Raises UnknownWebhook and its like. With `hold` nobody else changes it before this transaction ends."""
        ...

    async def listening(self, notice: Notice) -> Sequence[C]:
        """The enabled channels of the workspace that want it."""
        ...

    async def save(self, channel: C) -> None: ...

    async def remove(self, channel_id: str) -> None:
        """With its deliveries and their log."""
        ...


class Webhooks(Channels[Webhook], Protocol):
    async def all(self, *, after: str | None, limit: int) -> Sequence[Webhook]:
        """Of every workspace, by id."""
        ...

    async def reseal(self, webhook_id: str, before: str, after: str) -> None:
        """Its secret, where it is still stored as `before`."""
        ...


class Deliveries(Protocol):
    """Those of one medium."""

    async def add(self, deliveries: Sequence[Delivery]) -> None:
        """Those whose channel has a delivery of the same fact already are left out."""
        ...

    async def claim(self, limit: int, lease: str, lasting: timedelta) -> Sequence[Delivery]:
        """Lease up to `limit` due deliveries of enabled channels, the longest due first.

        No channel gets more than a few at a time, so that a slow one leaves room for the others.
        """
        ...

    async def hand_back(self, leases: Mapping[str, str]) -> None:
        """End the leases `{delivery: lease}` that are still held."""
        ...

    async def find(self, channel_id: str, delivery_id: str) -> Delivery:
        """Raises UnknownDelivery. Nobody else changes it before this transaction ends."""
        ...

    async def save(self, delivery: Delivery) -> None: ...

    async def log(self, delivery_id: str, outcome: Outcome) -> None: ...

    async def cancel_pending(self, channel_id: str) -> None: ...

    async def purge(self, ended_before: datetime) -> int: ...


class NotifyingWork(Protocol):
    """One transaction."""

    now: datetime

    @property
    def webhooks(self) -> Webhooks: ...

    @property
    def mail_subscriptions(self) -> Channels[MailSubscription]: ...

    def channels(self, medium: Medium) -> Channels[Any]: ...

    def deliveries(self, medium: Medium) -> Deliveries: ...

    def wake(self, name: str) -> None: ...


class Vault(Protocol):
    """Keeps secrets of webhooks sealed where the operator has given a key."""

    def seal(self, secret: str, webhook_id: str) -> str: ...

    def resealed(self, stored: str, webhook_id: str) -> str:
        """The same secret under the newest key; what no key here opens stays as it is."""
        ...
