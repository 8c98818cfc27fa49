"""What one may do with a channel of any medium over HTTP."""

from collections.abc import Sequence
from typing import Any

from fastapi import APIRouter, Path, Response

from orchestra.chassis.http.commands import CurrentCommand
from orchestra.chassis.http.identity import CurrentCaller
from orchestra.chassis.http.views import CurrentCursor, CurrentView, Page
from orchestra.notifier.adapters.work import NotifyingWork
from orchestra.notifier.application.enable_channel import enable_channel
from orchestra.notifier.application.remove_channel import remove_channel
from orchestra.notifier.application.replay_delivery import replay_delivery
from orchestra.notifier.application.send_test import send_test
from orchestra.notifier.domain.channel import Medium
from orchestra.notifier.domain.delivery import Delivery
from orchestra.notifier.entrypoints.resources import ChannelView, DeliveryView

NAMES: dict[Medium, str] = {"webhook": "webhook_id", "mail": "mail_subscription_id"}
"""Of a channel's id in paths."""


def add_channel_routes(router: APIRouter, medium: Medium, shape: type[ChannelView]) -> None:
    """All but the making of one. `shape` is what is shown of a channel."""
    views: Any = shape
    one, named = f"/{{{NAMES[medium]}}}", Path(alias=NAMES[medium])

    async def listed(caller: CurrentCaller, view: CurrentView, cursor: CurrentCursor) -> Page[Any]:
        work: NotifyingWork = view
        found = await work.channels(medium).page(caller.workspace_id, after=cursor.after, limit=cursor.limit + 1)
        return cursor.page([shape.of(channel) for channel in found], "id")

    async def show(*, channel_id: str = named, caller: CurrentCaller, view: CurrentView) -> Any:
        work: NotifyingWork = view
        return shape.of(await work.channels(medium).find(caller.workspace_id, channel_id))

    async def remove(*, channel_id: str = named, command: CurrentCommand) -> Response:
        async def effect(work: NotifyingWork) -> None:
            await remove_channel(work, medium, command.caller.workspace_id, channel_id)

        return await command.run(effect, status=204)

    async def enable(*, channel_id: str = named, command: CurrentCommand) -> Response:
        async def effect(work: NotifyingWork) -> ChannelView:
            return shape.of(await enable_channel(work, medium, command.caller.workspace_id, channel_id))

        return await command.run(effect)

    router.add_api_route("", listed, response_model=Page[views])
    router.add_api_route(one, show, response_model=views)
    router.add_api_route(one, remove, methods=["DELETE"], status_code=204)
    router.add_api_route(f"{one}/enable", enable, methods=["POST"], response_model=views)
    _add_delivery_routes(router, medium)


def _add_delivery_routes(router: APIRouter, medium: Medium) -> None:
    one, named = f"/{{{NAMES[medium]}}}", Path(alias=NAMES[medium])

    async def test(*, channel_id: str = named, command: CurrentCommand) -> Response:
        async def effect(work: NotifyingWork) -> DeliveryView:
            delivery = await send_test(work, medium, command.caller.workspace_id, channel_id)
            return DeliveryView.of(delivery, [])

        return await command.run(effect, status=202)

    async def deliveries(
        *, channel_id: str = named, caller: CurrentCaller, view: CurrentView, cursor: CurrentCursor
    ) -> Page[DeliveryView]:
        work: NotifyingWork = view
        channel = await work.channels(medium).find(caller.workspace_id, channel_id)
        found = await work.deliveries(medium).page(channel.id, before=cursor.after, limit=cursor.limit + 1)
        return cursor.page(await _views(work, medium, found), "id")

    async def replay(*, channel_id: str = named, delivery_id: str, command: CurrentCommand) -> Response:
        async def effect(work: NotifyingWork) -> DeliveryView:
            workspace = command.caller.workspace_id
            delivery = await replay_delivery(work, medium, workspace, channel_id, delivery_id)
            [shown] = await _views(work, medium, [delivery])
            return shown

        return await command.run(effect)

    router.add_api_route(f"{one}/test", test, methods=["POST"], status_code=202, response_model=DeliveryView)
    router.add_api_route(f"{one}/deliveries", deliveries)
    path = f"{one}/deliveries/{{delivery_id}}/replay"
    router.add_api_route(path, replay, methods=["POST"], response_model=DeliveryView)


async def _views(work: NotifyingWork, medium: Medium, deliveries: Sequence[Delivery]) -> list[DeliveryView]:
    log = await work.deliveries(medium).logs(deliveries)
    return [DeliveryView.of(delivery, log[delivery.id]) for delivery in deliveries]
