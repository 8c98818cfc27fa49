"""`orchestra models`: what can be asked, what a project has chosen of it, and the keys of projects."""

import sys
from decimal import Decimal
from getpass import getpass
from typing import Any
from urllib.parse import quote

from orchestra.cli.answers import print_json, print_list
from orchestra.cli.api import Api
from orchestra.cli.connect import connected
from orchestra.cli.exits import Exit, Stop
from orchestra.cli.find_project import path_of
from orchestra.cli.moments import moment
from orchestra.cli.screen import Screen
from orchestra.cli.settings import CliSettings

MICROS = 1_000_000


async def ls(settings: CliSettings, *, as_json: bool) -> Exit:
    async with connected(settings) as api:
        models = (await api.get("/models"))["data"]
    return print_list(
        models,
        ("Model", "Tier", "Provider", "Id", "Price (in/out, USD a million tokens)", "Key", "Now"),
        lambda each: (
            each["name"],
            each["tier"],
            each["provider"],
            each["id"],
            _price(each),
            each["key"],
            ("yes: " if each["available"] else "no: ") + each["detail"],
        ),
        as_json=as_json,
        none="no models: set ANTHROPIC_API_KEY, or name a file in ORCHESTRA_MODELS_FILE",
    )


async def use(settings: CliSettings, project: str | None, name: str | None, *, clear: bool, as_json: bool) -> Exit:
    """Choose, take back, or show what is chosen."""
    if name and clear:
        raise Stop(Exit.USAGE, "a model is chosen, or the choice taken back: not both")
    async with connected(settings) as api:
        path = f"{await path_of(api, project)}/model"
        if clear:
            await api.delete(path)
            return Exit.OK
        chosen = await (api.put(path, {"choice": name}) if name else _chosen(api, path))
    if as_json:
        return print_json(chosen)
    if chosen is None:
        Screen().note("none of its own: a task's kind and difficulty decide")
    else:
        Screen().say(f"{chosen['choice']}, since {moment(chosen['set_at'])}")
    return Exit.OK


async def _chosen(api: Api, path: str) -> dict[str, Any] | None:
    try:
        return await api.get(path)
    except Stop as stop:
        if stop.code is not Exit.NOT_FOUND:
            raise
        return None


async def set_key(settings: CliSettings, project: str | None, provider: str, url: str | None) -> Exit:
    key = read_secret(f"key for {provider}")
    async with connected(settings) as api:
        await api.put(await _path(api, project, provider), {"key": key, "url": url})
    Screen().note(f"kept; `orchestra models key test {provider}` tries it")
    return Exit.OK


async def list_keys(settings: CliSettings, project: str | None, *, as_json: bool) -> Exit:
    async with connected(settings) as api:
        keys = (await api.get(f"{await path_of(api, project)}/model-keys"))["data"]
    return print_list(
        keys,
        ("Provider", "Address", "Set", "Last used"),
        lambda each: (
            each["provider"],
            each["url"] or "",
            moment(each["set_at"]),
            moment(each["last_used_at"]) if each["last_used_at"] else "never",
        ),
        as_json=as_json,
        none="no keys of its own: the house's are used",
    )


async def test_key(settings: CliSettings, project: str | None, provider: str, *, as_json: bool) -> Exit:
    async with connected(settings) as api:
        told = await api.post(f"{await _path(api, project, provider)}/test", {})
    if as_json:
        print_json(told)
    else:
        known = f"; {len(told['models'])} models" if told["models"] else ""
        Screen().say(f"{provider}: {told['detail']}{known}", "green" if told["ok"] else "red")
    return Exit.OK if told["ok"] else Exit.FAILED


async def remove_key(settings: CliSettings, project: str | None, provider: str) -> Exit:
    async with connected(settings) as api:
        await api.delete(await _path(api, project, provider))
    return Exit.OK


async def _path(api: Api, project: str | None, provider: str) -> str:
    return f"{await path_of(api, project)}/model-keys/{quote(provider, safe='')}"


def read_secret(what: str) -> str:
    """From a person unseen, or from a pipe: an argument would stand in the list of processes."""
    secret = (getpass(f"{what}: ") if sys.stdin.isatty() else sys.stdin.readline()).strip()
    if not secret:
        raise Stop(Exit.USAGE, f"no {what} was given: it is read from standard input")
    return secret


def _price(model: dict[str, Any]) -> str:
    if model["ceiling_micros"] is not None:
        return f"{_dollars(model['ceiling_micros'])} a request"
    if model["price_version"] is None:
        return "unknown"
    return f"{_dollars(model['input_micros'])}/{_dollars(model['output_micros'])}"


def _dollars(micros: int) -> str:
    return f"{(Decimal(micros) / MICROS).normalize():f}"
