"""What the gateway listens to: everything that a user may watch."""

from collections.abc import Sequence

from orchestra.chassis.messaging.subscriptions import Subscriptions
from orchestra.contracts import catalog
from orchestra.contracts.event import Event
from orchestra.gateway.adapters.work import GatewayWork
from orchestra.gateway.application.record_feed import record_feed

subscriptions = Subscriptions("gateway")


async def happened(events: Sequence[Event], work: GatewayWork) -> None:
    await record_feed(events, work)


for _entry in catalog.consumed_by(subscriptions.service):
    subscriptions.on_batch(_entry.event)(happened)
