"""The notifier, declared: its composition root."""

from datetime import timedelta

from orchestra.chassis.http.outward import Outward
from orchestra.chassis.loops import Loop
from orchestra.chassis.service import Room, Service
from orchestra.contracts import catalog
from orchestra.notifier.adapters.readings import diagnose, read_deliveries
from orchestra.notifier.adapters.tables import metadata
from orchestra.notifier.adapters.vault import KeyVault
from orchestra.notifier.adapters.webhook_client import WebhookClient
from orchestra.notifier.adapters.work import NotifyingWork
from orchestra.notifier.application.purge_deliveries import purge_deliveries
from orchestra.notifier.application.seal_secrets import seal_secrets
from orchestra.notifier.domain import errors
from orchestra.notifier.entrypoints.events import subscriptions
from orchestra.notifier.entrypoints.http import mail_subscriptions, webhooks
from orchestra.notifier.entrypoints.loops import Courier, Sender
from orchestra.notifier.settings import NotifierSettings

NotifierRoom = Room[NotifyingWork, NotifierSettings]


async def wire(room: NotifierRoom) -> None:
    """Whoever has a name server of its own has left it in `app.state.resolve`."""
    settings, state = room.settings, room.app.state
    outward = state.outward = Outward(settings.webhook_allowed_networks, getattr(state, "resolve", None))
    vault = state.vault = KeyVault(settings.webhook_secret_keys)
    mail = _mail(settings)
    state.mails = mail is not None
    await _seal(room, vault)

    webhook_client = WebhookClient(settings.webhook_timeout_s, room.clock, outward, vault)
    webhook = Courier("webhook", room.database, webhook_client, room.wakeups, settings.webhook_slots)
    room.loops.append(Loop("deliveries", webhook.step, every=1.0))
    room.on_stop.append(webhook.stop)
    if mail is not None:
        by_mail = Courier("mail", room.database, mail, room.wakeups, settings.mail_slots)
        room.loops.append(Loop("mails", by_mail.step, every=1.0, wake="deliveries"))
        room.on_stop.append(by_mail.stop)

    async def purge() -> bool:
        async with room.database.begin() as work:
            await purge_deliveries(work, timedelta(days=settings.delivery_window_days))
        return False

    room.loops.append(Loop("old deliveries", purge, every=3600.0))
    room.reads.append(read_deliveries)
    room.diagnoses.append(diagnose)


def _mail(settings: NotifierSettings) -> Sender | None:
    if settings.smtp_host is None or settings.smtp_from is None:
        return None
    from orchestra.notifier.adapters.mail_client import MailClient
    from orchestra.notifier.adapters.mail_message import MailWriter

    password = settings.smtp_password.get_secret_value() if settings.smtp_password else None
    return MailClient(
        settings.smtp_host,
        settings.smtp_port,
        settings.smtp_security,
        MailWriter(settings.smtp_from, settings.public_url),
        timeout_s=settings.smtp_timeout_s,
        login=(settings.smtp_user, password) if settings.smtp_user and password else None,
        authorities=str(settings.smtp_ca_file) if settings.smtp_ca_file else None,
    )


async def _seal(room: NotifierRoom, vault: KeyVault) -> None:
    after: str | None = ""
    while after is not None and room.settings.webhook_secret_keys:
        async with room.database.begin() as work:
            after = await seal_secrets(work, vault, after)


service = Service(
    name="notifier",
    settings=NotifierSettings,
    work=NotifyingWork,
    metadata=metadata,
    migrations="orchestra.notifier.migrations",
    subscriptions=subscriptions,
    routers=[webhooks, mail_subscriptions],
    refusals={
        errors.UnknownWebhook: 404,
        errors.UnknownMailSubscription: 404,
        errors.UnknownDelivery: 404,
        errors.InvalidUrl: 422,
        errors.WebhookDisabled: 409,
        errors.MailSubscriptionDisabled: 409,
        errors.MailNotConfigured: 409,
    },
    bindings=catalog.bindings(),
    wire=wire,
)
