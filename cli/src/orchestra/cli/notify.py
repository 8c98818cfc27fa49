"""What `orchestra notify` does."""

import asyncio
from collections.abc import Mapping
from typing import Any

from orchestra.cli.answers import print_list
from orchestra.cli.api import Api
from orchestra.cli.connect import connected
from orchestra.cli.exits import Exit, Stop
from orchestra.cli.screen import Screen
from orchestra.cli.settings import CliSettings

LISTS = {"whk_": "/webhooks", "mls_": "/mail-subscriptions"}

FIRST_TRY_S = 60.0
"""How long the outcome of a test is waited for: longer than any try lasts."""


async def ls(settings: CliSettings, *, as_json: bool) -> Exit:
    async with connected(settings) as api:
        found = [channel for path in LISTS.values() for channel in await api.all(path)]
    return print_list(
        found,
        ("Channel", "Where", "Kinds", "State"),
        lambda c: (
            c["id"],
            c.get("url") or c["address"],
            ", ".join(c["kinds"]),
            c["disabled_reason"] or c["status"],
        ),
        as_json=as_json,
        none="nobody hears: see `orchestra notify add-mail` and `add-webhook`",
    )


async def add(settings: CliSettings, path: str, body: Mapping[str, Any]) -> Exit:
    async with connected(settings) as api:
        made = await api.post(path, body)
    screen = Screen()
    screen.say(made["id"])
    if "secret" in made:
        screen.say(f"secret, shown this once: {made['secret']}")
    return Exit.OK


async def rm(settings: CliSettings, channel: str) -> Exit:
    async with connected(settings) as api:
        await api.delete(_path(channel))
    return Exit.OK


async def enable(settings: CliSettings, channel: str) -> Exit:
    async with connected(settings) as api:
        enabled = await api.post(f"{_path(channel)}/enable", {})
    Screen().say(f"{channel} is {enabled['status']}")
    return Exit.OK


async def test(settings: CliSettings, channel: str) -> Exit:
    """Exit 1 when the first try failed, 124 when nothing came of it in time."""
    async with connected(settings) as api:
        sent = await api.post(f"{_path(channel)}/test", {})
        tried = await _first_try(api, channel, sent["id"])
    if 200 <= (tried["status"] or 0) < 300:
        Screen().say(f"taken: {tried['status']}", "green")
        return Exit.OK
    Screen().say(f"not taken: {tried['reason']}", "red")
    return Exit.FAILED


async def _first_try(api: Api, channel: str, delivery_id: str) -> dict[str, Any]:
    try:
        async with asyncio.timeout(FIRST_TRY_S):
            while True:
                page = await api.get(f"{_path(channel)}/deliveries", limit=100)
                for delivery in page["data"]:
                    if delivery["id"] == delivery_id and delivery["tries"]:
                        return delivery["tries"][0]
                await asyncio.sleep(0.2)
    except TimeoutError:
        raise Stop(Exit.TIMED_OUT, f"nothing came of the test within {FIRST_TRY_S:g} s") from None


async def deliveries(settings: CliSettings, channel: str, *, as_json: bool) -> Exit:
    async with connected(settings) as api:
        found = await api.all(f"{_path(channel)}/deliveries")
    return print_list(
        found,
        ("Delivery", "Kind", "State", "Tries", "Last", "Next"),
        lambda d: (
            d["id"],
            d["kind"],
            d["status"],
            str(len(d["tries"])),
            _last(d["tries"]),
            d["next_try_at"] or "",
        ),
        as_json=as_json,
    )


def _last(tries: list[dict[str, Any]]) -> str:
    return (tries[-1]["reason"] or str(tries[-1]["status"])) if tries else ""


def _path(channel: str) -> str:
    for prefix, path in LISTS.items():
        if channel.startswith(prefix):
            return f"{path}/{channel}"
    raise Stop(Exit.USAGE, f"{channel} is neither a webhook (whk_…) nor a mail subscription (mls_…)")
