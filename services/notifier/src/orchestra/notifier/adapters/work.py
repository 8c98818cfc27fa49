"""The notifier's unit of work."""

from orchestra.chassis.database.unit_of_work import UnitOfWork
from orchestra.notifier.adapters.deliveries import SqlDeliveries
from orchestra.notifier.adapters.webhooks import SqlWebhooks


class NotifyingWork(UnitOfWork):
    @property
    def webhooks(self) -> SqlWebhooks:
        return SqlWebhooks(self)

    @property
    def deliveries(self) -> SqlDeliveries:
        return SqlDeliveries(self)
