"""`orchestra knowledge`: what is known of a project."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from orchestra.cli.answers import print_json, print_list
from orchestra.cli.api import Api
from orchestra.cli.connect import connected
from orchestra.cli.exits import Exit
from orchestra.cli.find_project import path_of
from orchestra.cli.moments import moment
from orchestra.cli.screen import Screen
from orchestra.cli.settings import CliSettings


async def ls(settings: CliSettings, project: str | None, kind: str | None, *, as_json: bool) -> Exit:
    async with connected(settings) as api:
        found = await api.all(await _path(api, project), **_of(kind))
    return _print(found, as_json=as_json, none="nothing is known of this project yet")


async def search(
    settings: CliSettings, project: str | None, words: str, kind: str | None, limit: int, *, as_json: bool
) -> Exit:
    async with connected(settings) as api:
        page = await api.get(await _path(api, project), q=words, limit=limit, **_of(kind))
    return _print(page["data"], as_json=as_json, none="nothing that is known has any of these words")


async def add(settings: CliSettings, project: str | None, kind: str, text: str, *, as_json: bool) -> Exit:
    async with connected(settings) as api:
        added = await api.post(await _path(api, project), {"kind": kind, "text": text})
    if as_json:
        return print_json(added)
    Screen().note(f"kept as {added['id']}")
    return Exit.OK


async def rm(settings: CliSettings, project: str | None, finding: str) -> Exit:
    async with connected(settings) as api:
        await api.delete(f"{await _path(api, project)}/{quote(finding, safe='')}")
    return Exit.OK


async def _path(api: Api, project: str | None) -> str:
    return f"{await path_of(api, project)}/knowledge"


def _of(kind: str | None) -> dict[str, str]:
    return {"kind": str(kind)} if kind else {}


def _print(found: Sequence[dict[str, Any]], *, as_json: bool, none: str) -> Exit:
    return print_list(
        found,
        ("Finding", "Kind", "Text", "From", "Since"),
        lambda each: (each["id"], each["kind"], each["text"], whence(each), moment(each["at"])),
        as_json=as_json,
        none=none,
    )


def whence(finding: dict[str, Any]) -> str:
    """`scout at draw-map`, or `a person`."""
    if finding["agent"] is None:
        return "a person"
    return f"{finding['agent']} at {finding['task_key'] or finding['task_id']}"
