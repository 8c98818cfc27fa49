"""Webhooks and their deliveries over HTTP."""

from fastapi import APIRouter, Response

from orchestra.chassis.http.commands import CurrentCommand
from orchestra.chassis.http.identity import CurrentCaller
from orchestra.chassis.http.views import CurrentCursor, CurrentView, Page
from orchestra.notifier.adapters.webhook_client import new_secret
from orchestra.notifier.adapters.work import NotifyingWork
from orchestra.notifier.application.enable_webhook import enable_webhook
from orchestra.notifier.application.register_webhook import register_webhook
from orchestra.notifier.application.remove_webhook import remove_webhook
from orchestra.notifier.application.replay_delivery import replay_delivery
from orchestra.notifier.entrypoints.resources import DeliveryView, NewWebhookView, WebhookRequest, WebhookView

router = APIRouter(prefix="/webhooks", tags=["webhooks"])


@router.post("", status_code=201, response_model=NewWebhookView)
async def register(request: WebhookRequest, command: CurrentCommand) -> Response:
    async def effect(work: NotifyingWork) -> NewWebhookView:
        workspace, secret = command.caller.workspace_id, new_secret()
        webhook = await register_webhook(work, workspace, secret=secret, **request.model_dump())
        return NewWebhookView.of(webhook, secret=secret)

    return await command.run(effect, status=201, location=lambda webhook: f"/webhooks/{webhook.id}")


@router.get("")
async def list_webhooks(caller: CurrentCaller, view: CurrentView, cursor: CurrentCursor) -> Page[WebhookView]:
    work: NotifyingWork = view
    webhooks = await work.webhooks.page(caller.workspace_id, after=cursor.after, limit=cursor.limit + 1)
    return cursor.page([WebhookView.of(webhook) for webhook in webhooks], "id")


@router.get("/{webhook_id}")
async def show(webhook_id: str, caller: CurrentCaller, view: CurrentView) -> WebhookView:
    work: NotifyingWork = view
    return WebhookView.of(await work.webhooks.find(caller.workspace_id, webhook_id))


@router.delete("/{webhook_id}", status_code=204)
async def remove(webhook_id: str, command: CurrentCommand) -> Response:
    async def effect(work: NotifyingWork) -> None:
        await remove_webhook(work, command.caller.workspace_id, webhook_id)

    return await command.run(effect, status=204)


@router.post("/{webhook_id}/enable", response_model=WebhookView)
async def enable(webhook_id: str, command: CurrentCommand) -> Response:
    async def effect(work: NotifyingWork) -> WebhookView:
        return WebhookView.of(await enable_webhook(work, command.caller.workspace_id, webhook_id))

    return await command.run(effect)


@router.get("/{webhook_id}/deliveries")
async def list_deliveries(
    webhook_id: str, caller: CurrentCaller, view: CurrentView, cursor: CurrentCursor
) -> Page[DeliveryView]:
    work: NotifyingWork = view
    webhook = await work.webhooks.find(caller.workspace_id, webhook_id)
    deliveries = await work.deliveries.page(webhook.id, before=cursor.after, limit=cursor.limit + 1)
    log = await work.deliveries.logs(deliveries)
    return cursor.page([DeliveryView.of(delivery, log[delivery.id]) for delivery in deliveries], "id")


@router.post("/{webhook_id}/deliveries/{delivery_id}/replay", response_model=DeliveryView)
async def replay(webhook_id: str, delivery_id: str, command: CurrentCommand) -> Response:
    async def effect(work: NotifyingWork) -> DeliveryView:
        delivery = await replay_delivery(work, command.caller.workspace_id, webhook_id, delivery_id)
        return DeliveryView.of(delivery, (await work.deliveries.logs([delivery]))[delivery.id])

    return await command.run(effect)
