"""The notifier's unit of work."""

from typing import Any

from orchestra.chassis.database.unit_of_work import UnitOfWork
from orchestra.notifier.adapters.channels import SqlChannels, SqlWebhooks
from orchestra.notifier.adapters.deliveries import SqlDeliveries
from orchestra.notifier.domain.channel import Medium
from orchestra.notifier.domain.mail_subscription import MailSubscription


class NotifyingWork(UnitOfWork):
    @property
    def webhooks(self) -> SqlWebhooks:
        return SqlWebhooks(self)

    @property
    def mail_subscriptions(self) -> SqlChannels[MailSubscription]:
        return SqlChannels(self, MailSubscription)

    def channels(self, medium: Medium) -> SqlChannels[Any]:
        return self.webhooks if medium == "webhook" else self.mail_subscriptions

    def deliveries(self, medium: Medium) -> SqlDeliveries:
        return SqlDeliveries(self, medium)
