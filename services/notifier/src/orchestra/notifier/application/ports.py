"""What the use cases need from outside."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Protocol

from orchestra.contracts.ids import WorkspaceId
from orchestra.notifier.domain.delivery import Delivery, Outcome
from orchestra.notifier.domain.notice import NoticeKind
from orchestra.notifier.domain.webhook import Webhook


class Webhooks(Protocol):
    async def add(self, webhook: Webhook) -> None: ...

    async def find(self, workspace_id: WorkspaceId, webhook_id: str, *, hold: bool = False) -> Webhook:
        """Raises UnknownWebhook. With `hold` nobody else changes it before this transaction ends."""
        ...

    async def listening(self, workspace_id: WorkspaceId, kind: NoticeKind) -> Sequence[Webhook]:
        """The enabled webhooks of the workspace that want this kind."""
        ...

    async def save(self, webhook: Webhook) -> None: ...

    async def remove(self, webhook_id: str) -> None:
        """With its deliveries and their log."""
        ...


class Deliveries(Protocol):
    async def add(self, deliveries: Sequence[Delivery]) -> None:
        """Those whose webhook has a delivery of the same fact already are left out."""
        ...

    async def claim(self, limit: int, lease: str, lasting: timedelta) -> Sequence[Delivery]:
        """Lease up to `limit` due deliveries of enabled webhooks, the longest due first.

        No webhook gets more than a few at a time, so that a slow one leaves room for the others.
        """
        ...

    async def find(self, webhook_id: str, delivery_id: str) -> Delivery:
        """Raises UnknownDelivery. Nobody else changes it before this transaction ends."""
        ...

    async def save(self, delivery: Delivery) -> None: ...

    async def log(self, delivery_id: str, outcome: Outcome) -> None: ...

    async def cancel_pending(self, webhook_id: str) -> None: ...

    async def purge(self, ended_before: datetime) -> int: ...


class NotifyingWork(Protocol):
    """One transaction."""

    now: datetime

    @property
    def webhooks(self) -> Webhooks: ...

    @property
    def deliveries(self) -> Deliveries: ...

    def wake(self, name: str) -> None: ...
