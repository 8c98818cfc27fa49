"""Webhooks, mail subscriptions and their deliveries over HTTP."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response

from orchestra.chassis.http.commands import CurrentCommand
from orchestra.chassis.http.outward import Outward
from orchestra.notifier.adapters.judge import judge
from orchestra.notifier.adapters.vault import KeyVault
from orchestra.notifier.adapters.webhook_client import new_secret
from orchestra.notifier.adapters.work import NotifyingWork
from orchestra.notifier.application.register_webhook import register_webhook
from orchestra.notifier.application.subscribe_by_mail import subscribe_by_mail
from orchestra.notifier.domain.errors import MailNotConfigured
from orchestra.notifier.entrypoints.channels import add_channel_routes
from orchestra.notifier.entrypoints.resources import (
    MailRequest,
    MailView,
    NewWebhookView,
    WebhookRequest,
    WebhookView,
)


def _state(request: Request) -> Any:
    """`outward` and `vault` of webhooks; `mails`: whether an SMTP server is set."""
    return request.app.state


State = Annotated[Any, Depends(_state)]

webhooks = APIRouter(prefix="/webhooks", tags=["webhooks"])
mail_subscriptions = APIRouter(prefix="/mail-subscriptions", tags=["mail-subscriptions"])


@webhooks.post("", status_code=201, response_model=NewWebhookView)
async def register(request: WebhookRequest, command: CurrentCommand, state: State) -> Response:
    outward: Outward = state.outward
    vault: KeyVault = state.vault
    url = await judge(outward, request.url)

    async def effect(work: NotifyingWork) -> NewWebhookView:
        workspace, secret = command.caller.workspace_id, new_secret()
        webhook = await register_webhook(
            work, workspace, vault, url=url, kinds=request.kinds, description=request.description, secret=secret
        )
        return NewWebhookView.of(webhook, secret=secret)

    return await command.run(effect, status=201, location=lambda webhook: f"/webhooks/{webhook.id}")


@mail_subscriptions.post("", status_code=201, response_model=MailView)
async def subscribe(request: MailRequest, command: CurrentCommand, state: State) -> Response:
    if not state.mails:
        raise MailNotConfigured

    async def effect(work: NotifyingWork) -> MailView:
        return MailView.of(await subscribe_by_mail(work, command.caller.workspace_id, **request.model_dump()))

    return await command.run(effect, status=201, location=lambda made: f"/mail-subscriptions/{made.id}")


add_channel_routes(webhooks, "webhook", WebhookView)
add_channel_routes(mail_subscriptions, "mail", MailView)
