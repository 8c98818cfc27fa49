"""The notifier, declared: its composition root."""

from datetime import timedelta

from orchestra.chassis.loops import Loop
from orchestra.chassis.service import Room, Service
from orchestra.contracts import catalog
from orchestra.notifier.adapters.tables import metadata
from orchestra.notifier.adapters.webhook_client import WebhookClient
from orchestra.notifier.adapters.work import NotifyingWork
from orchestra.notifier.application.purge_deliveries import purge_deliveries
from orchestra.notifier.domain.errors import InvalidUrl, UnknownDelivery, UnknownWebhook, WebhookDisabled
from orchestra.notifier.entrypoints.events import subscriptions
from orchestra.notifier.entrypoints.http import router
from orchestra.notifier.entrypoints.loops import Courier
from orchestra.notifier.settings import NotifierSettings


async def wire(room: Room[NotifyingWork, NotifierSettings]) -> None:
    settings = room.settings
    client = WebhookClient(settings.webhook_timeout_s, room.clock)
    courier = Courier(room.database, client, room.wakeups, settings.webhook_slots)

    async def purge() -> bool:
        async with room.database.begin() as work:
            await purge_deliveries(work, timedelta(days=settings.delivery_window_days))
        return False

    room.loops += [Loop("deliveries", courier.step, every=1.0), Loop("old deliveries", purge, every=3600.0)]
    room.on_stop.append(courier.stop)


service = Service(
    name="notifier",
    settings=NotifierSettings,
    work=NotifyingWork,
    metadata=metadata,
    migrations="orchestra.notifier.migrations",
    subscriptions=subscriptions,
    routers=[router],
    refusals={UnknownWebhook: 404, UnknownDelivery: 404, InvalidUrl: 422, WebhookDisabled: 409},
    bindings=catalog.bindings(),
    wire=wire,
)
