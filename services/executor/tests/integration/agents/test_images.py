"""Images by ComfyUI over a real socket: made once, found again, stopped, and bounded."""

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from services.executor.tests.integration.agents.reaching import KEY, assignment_at
from services.executor.tests.integration.models.bench import until
from tests.standins.comfyui import ComfyStandIn, png

from orchestra.contracts.execution import Artifact
from orchestra.executor.adapters.agents.comfyui import MOST_IMAGE, Comfy, ComfySettings
from orchestra.executor.adapters.agents.images import CannotWrite, GenerateImage, ImageToolbox
from orchestra.executor.application.agents.ports import Assignment, NoTool, ToolAway
from orchestra.executor.application.models.ports import Health
from orchestra.executor.domain.agents.calls import ToolResult
from orchestra.executor.domain.agents.pictures import BUILT_IN
from orchestra.executor.domain.policy import Limits, Policy

ASKED = {"prompt": "a map of {seed} tides", "path": "art/map.png", "seed": 7, "width": 64, "height": 128}


async def write(assignment: Assignment, path: str, content: bytes) -> Artifact:
    if path == "taken.png":
        raise CannotWrite("taken.png is a folder.")
    target = assignment.folder / path
    target.parent.mkdir(exist_ok=True)
    target.write_bytes(content)
    return Artifact(path=path, sha256=hashlib.sha256(content).hexdigest(), size=len(content))


@pytest.fixture
async def comfyui() -> AsyncIterator[ComfyStandIn]:
    async with ComfyStandIn() as served:
        yield served


def settings_of(comfyui: ComfyStandIn, **fields: Any) -> ComfySettings:
    known = {"url": comfyui.url, "graph": BUILT_IN, "checkpoint": "small.safetensors", "away_s": 7.0}
    return ComfySettings(**(known | fields))


def tool_at(comfyui: ComfyStandIn, folder: Path, **fields: Any) -> GenerateImage:
    return GenerateImage(assignment_at(folder, "generate_image"), settings_of(comfyui, **fields), Policy(), write)


async def test_an_image_is_made_and_written(comfyui: ComfyStandIn, tmp_path: Path) -> None:
    tool = tool_at(comfyui, tmp_path, headers={"x-key": "of the house"})
    assert tool.refusal(ASKED) is None

    result = await tool.perform(ASKED, KEY)

    [asked] = comfyui.submitted
    inputs = {key: node["inputs"] for key, node in asked.graph.items()}
    assert inputs["6"]["text"] == "a map of {seed} tides"
    assert (inputs["3"]["seed"], inputs["5"]["width"], inputs["5"]["height"]) == (7, 64, 128)
    assert inputs["4"]["ckpt_name"] == "small.safetensors"
    assert (tmp_path / "art/map.png").read_bytes() == png()
    assert result.text == f"Written: art/map.png, 16 by 8 pixels, {len(png())} bytes."
    assert [artifact.path for artifact in result.artifacts] == ["art/map.png"]
    assert {headers.get("x-key") for headers in comfyui.headers} == {"of the house"}


async def test_a_seed_that_is_not_given_follows_from_the_call(comfyui: ComfyStandIn, tmp_path: Path) -> None:
    asked = {"prompt": "a map", "path": "map.png"}
    for key in (KEY, KEY[::-1]):
        await tool_at(comfyui, tmp_path).perform(asked, key)

    first, second = (each.graph["3"]["inputs"]["seed"] for each in comfyui.submitted)
    assert isinstance(first, int)
    assert first != second
    assert comfyui.submitted[0].graph["5"]["inputs"]["width"] == 1024


@pytest.mark.parametrize("own_ids", [False, True])
async def test_one_that_is_done_is_fetched_and_not_made_again(
    comfyui: ComfyStandIn, tmp_path: Path, own_ids: bool
) -> None:
    """As after a crash between making it and telling so."""
    comfyui.own_ids = own_ids
    await tool_at(comfyui, tmp_path).perform(ASKED, KEY)
    (tmp_path / "art/map.png").unlink()

    result = await tool_at(comfyui, tmp_path).perform(ASKED, KEY)

    assert not result.failed
    assert (tmp_path / "art/map.png").exists()
    assert len(comfyui.submitted) == 1


@pytest.mark.parametrize("own_ids", [False, True])
async def test_one_that_is_on_its_way_is_waited_for(comfyui: ComfyStandIn, tmp_path: Path, own_ids: bool) -> None:
    """As after a crash while it was made: whoever was killed has stopped nothing."""
    comfyui.at_once, comfyui.own_ids = False, own_ids
    lost = asyncio.create_task(tool_at(comfyui, tmp_path).perform(ASKED, KEY))
    await until(lambda: comfyui.running)
    comfyui.away = True  # so that the first one can stop nothing
    lost.cancel()
    await asyncio.wait([lost])
    comfyui.away = False
    again = asyncio.create_task(tool_at(comfyui, tmp_path).perform(ASKED, KEY))
    seen = len(comfyui.received)
    await until(lambda: len(comfyui.received) > seen + 4)
    comfyui.finish()

    assert not (await again).failed
    assert len(comfyui.submitted) == 1


async def test_a_call_that_is_cancelled_is_stopped(comfyui: ComfyStandIn, tmp_path: Path) -> None:
    comfyui.at_once = False
    running = asyncio.create_task(tool_at(comfyui, tmp_path).perform(ASKED, KEY))
    await until(lambda: comfyui.running)
    waiting = asyncio.create_task(tool_at(comfyui, tmp_path).perform(ASKED, KEY[::-1]))
    await until(lambda: comfyui.pending)

    waiting.cancel()
    await asyncio.wait([waiting])
    assert comfyui.pending == []
    assert ("POST", "/interrupt") not in comfyui.received
    running.cancel()
    await asyncio.wait([running])

    assert comfyui.running is None
    assert running.cancelled()
    assert waiting.cancelled()


async def test_the_work_of_others_is_not_interrupted(comfyui: ComfyStandIn, tmp_path: Path) -> None:
    comfyui.at_once = False
    other = asyncio.create_task(tool_at(comfyui, tmp_path).perform(ASKED, "of another"))
    await until(lambda: comfyui.running)
    theirs = comfyui.running
    ours = asyncio.create_task(tool_at(comfyui, tmp_path).perform(ASKED, KEY))
    await until(lambda: comfyui.pending)
    ours.cancel()
    await asyncio.wait([ours])

    assert comfyui.running is theirs
    comfyui.finish()
    assert not (await other).failed


async def test_one_that_was_interrupted_is_made_anew(comfyui: ComfyStandIn, tmp_path: Path) -> None:
    comfyui.at_once = False
    first = asyncio.create_task(tool_at(comfyui, tmp_path).perform(ASKED, KEY))
    await until(lambda: comfyui.running)
    first.cancel()
    await asyncio.wait([first])
    comfyui.at_once = True

    result = await tool_at(comfyui, tmp_path).perform(ASKED, KEY)

    assert not result.failed
    assert len({each.id for each in comfyui.submitted}) == 2


async def test_one_that_takes_too_long_is_stopped_and_told(comfyui: ComfyStandIn, tmp_path: Path) -> None:
    comfyui.at_once = False

    result = await tool_at(comfyui, tmp_path, timeout_s=0.5).perform(ASKED, KEY)

    assert result == ToolResult("There was no image after 0.5 s, and it was stopped.", failed=True)
    assert comfyui.running is None


async def test_what_comfyui_refuses_is_told(comfyui: ComfyStandIn, tmp_path: Path) -> None:
    result = await tool_at(comfyui, tmp_path, checkpoint="large.safetensors").perform(ASKED, KEY)

    assert result.failed
    assert "large.safetensors" in result.text
    assert not (tmp_path / "art").exists()


async def test_one_that_fails_is_told(comfyui: ComfyStandIn, tmp_path: Path) -> None:
    comfyui.at_once = False
    working = asyncio.create_task(tool_at(comfyui, tmp_path).perform(ASKED, KEY))
    await until(lambda: comfyui.running)
    comfyui.finish("execution_error: out of memory")

    result = await working

    assert result.failed
    assert "out of memory" in result.text


async def _is_away(comfyui: ComfyStandIn) -> None:
    comfyui.away = True


async def _is_gone(comfyui: ComfyStandIn) -> None:
    await comfyui.__aexit__()


async def _answers_nonsense(comfyui: ComfyStandIn) -> None:
    comfyui.instead = {"/queue": b"<html>"}


async def _answers_another_shape(comfyui: ComfyStandIn) -> None:
    comfyui.instead = {"/queue": b'{"queue_running": {"a": 1}}'}


async def _accepts_without_an_id(comfyui: ComfyStandIn) -> None:
    comfyui.instead = {"/prompt": b"{}"}


@pytest.mark.parametrize(
    "happens", [_is_away, _is_gone, _answers_nonsense, _answers_another_shape, _accepts_without_an_id]
)
async def test_one_that_is_away_is_waited_for(tmp_path: Path, happens: Callable[[ComfyStandIn], Any]) -> None:
    async with ComfyStandIn() as comfyui:
        await happens(comfyui)

        with pytest.raises(ToolAway) as away:
            await tool_at(comfyui, tmp_path).perform(ASKED, KEY)

    assert (away.value.name, away.value.retry_after) == ("comfyui", 7.0)


async def test_one_that_never_answers_is_away(
    comfyui: ComfyStandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("orchestra.executor.adapters.agents.comfyui.ANSWER_S", 0.3)
    comfyui.stalls = "/queue"

    with pytest.raises(ToolAway, match="no whole answer"):
        await tool_at(comfyui, tmp_path).perform(ASKED, KEY)


async def test_one_that_is_started_anew_in_the_middle_is_away(comfyui: ComfyStandIn, tmp_path: Path) -> None:
    comfyui.at_once = False
    working = asyncio.create_task(tool_at(comfyui, tmp_path).perform(ASKED, KEY))
    await until(lambda: comfyui.running)
    comfyui.forget()

    with pytest.raises(ToolAway, match="forgotten"):
        await working


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"GIF89a" + b"\0" * 50, "no PNG"),
        (b"", "no PNG"),
        (b"\x89PNG\r\n\x1a\n" + b"\0" * 50, "no PNG"),
        (b"\0" * (MOST_IMAGE + 1), "more than"),
    ],
    ids=["gif", "empty", "no head", "huge"],
)
async def test_what_is_no_image_is_not_written(comfyui: ComfyStandIn, tmp_path: Path, content: bytes, why: str) -> None:
    comfyui.image = content

    result = await tool_at(comfyui, tmp_path).perform(ASKED, KEY)

    assert result.failed
    assert why in result.text
    assert list(tmp_path.iterdir()) == []


async def test_an_image_is_no_larger_than_a_file_may_be(comfyui: ComfyStandIn, tmp_path: Path) -> None:
    small = Policy(limits=Limits(file_bytes=10))
    tool = replace(tool_at(comfyui, tmp_path), policy=small)

    assert (await tool.perform(ASKED, KEY)).failed
    assert list(tmp_path.iterdir()) == []


async def test_a_path_that_cannot_be_written_is_told(comfyui: ComfyStandIn, tmp_path: Path) -> None:
    result = await tool_at(comfyui, tmp_path).perform({**ASKED, "path": "taken.png"}, KEY)

    assert result == ToolResult("taken.png is a folder.", failed=True)


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("../map.png", ".. part"),
        ("/map.png", "absolute"),
        ("map.gif", "does not end"),
        (".git/hooks/map.png", "protected"),
        ("given.png", "stays so"),
        ("", "empty"),
    ],
)
def test_where_an_image_may_be_written(tmp_path: Path, path: str, why: str) -> None:
    own = assignment_at(tmp_path, "generate_image", guarded=("given.png",))
    tool = GenerateImage(own, ComfySettings("http://127.0.0.1:1", BUILT_IN), Policy(), write)

    assert why in (tool.refusal({**ASKED, "path": path}) or "")


async def test_it_is_offered_where_there_is_a_comfyui(comfyui: ComfyStandIn, tmp_path: Path) -> None:
    seen: dict[str, Health] = {}
    box = ImageToolbox(settings_of(comfyui), Policy(), write, seen.get)
    own = assignment_at(tmp_path, "generate_image")

    [tool] = await box.tools(own, ["generate_image"])
    assert (tool.spec.effect, tool.spec.repeatable) == ("outside", True)
    assert await box.tools(own, ["fetch"]) == []
    seen["comfyui"] = Health("comfyui", False, "it answers HTTP 503")
    with pytest.raises(ToolAway, match="503"):
        await box.tools(own, ["generate_image"])
    with pytest.raises(NoTool, match="ORCHESTRA_TOOL_SERVERS_FILE"):
        await ImageToolbox(None, Policy(), write, seen.get).tools(own, ["generate_image"])


async def test_whether_it_answers(comfyui: ComfyStandIn) -> None:
    async def look() -> Health:
        async with Comfy.open(settings_of(comfyui)) as asked:
            return await asked.look()

    well = await look()
    comfyui.instead = {"/system_stats": json.dumps([1]).encode()}
    odd = await look()
    comfyui.away = True
    away = await look()

    assert (well.ok, odd.ok, away.ok) == (True, False, False)
    assert (odd.detail, away.detail) == ("it does not answer as ComfyUI does", "it answers HTTP 503")
