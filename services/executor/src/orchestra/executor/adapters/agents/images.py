"""The tool that has an image made by ComfyUI, and writes it into the workspace.

The image is asked for under an id that follows from the call's key. Whoever makes the same call again, after a crash or
a rest, looks for that id first: an image that is on its way is waited for, one that is done is fetched.
"""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from orchestra.contracts.execution import Artifact
from orchestra.executor.adapters.agents.comfyui import (
    NAME as COMFYUI,
)
from orchestra.executor.adapters.agents.comfyui import (
    Broken,
    Comfy,
    ComfyAway,
    ComfyRefused,
    ComfySettings,
    Made,
    Waiting,
)
from orchestra.executor.application.agents.ports import Assignment, NoTool, Tool, ToolAway
from orchestra.executor.application.models.ports import Health
from orchestra.executor.domain import paths
from orchestra.executor.domain.agents.calls import ToolResult, ToolSpec
from orchestra.executor.domain.agents.pictures import filled, is_png
from orchestra.executor.domain.agents.texts import plain
from orchestra.executor.domain.policy import Policy

NAME = "generate_image"
MOST_PROMPT = 4_000
SMALLEST, LARGEST, STEP = 64, 2_048, 8
"""Of a side, in pixels."""
FIRST_PAUSE_S, LONGEST_PAUSE_S, SLOWING = 0.1, 5.0, 1.5
STOP_S = 5.0
MOST_TRIES = 8
"""Times that one call is begun anew after it was interrupted."""


class CannotWrite(Exception):
    """The image cannot be written where it was to be; the message says why, and is told to the model."""


Write = Callable[[Assignment, str, bytes], Awaitable[Artifact]]
"""Writes a file of the attempt's workspace, following no link. Raises CannotWrite."""


@dataclass(frozen=True)
class GenerateImage:
    assignment: Assignment
    settings: ComfySettings
    policy: Policy
    write: Write

    @property
    def spec(self) -> ToolSpec:
        side = {"type": "integer", "minimum": SMALLEST, "maximum": LARGEST, "multipleOf": STEP}
        return ToolSpec(
            NAME,
            "Have an image made from words, and written as a PNG file. It takes from seconds to minutes.",
            {
                "type": "object",
                "additionalProperties": False,
                "required": ["prompt", "path"],
                "properties": {
                    "prompt": {"type": "string", "minLength": 1, "maxLength": MOST_PROMPT},
                    "negative": {
                        "type": "string",
                        "maxLength": MOST_PROMPT,
                        "description": "What must not be in it.",
                    },
                    "path": {
                        "type": "string",
                        "description": "Where it is written, such as art/map.png: relative to the working folder.",
                    },
                    "width": {**side, "default": self.settings.width},
                    "height": {**side, "default": self.settings.height},
                    "seed": {"type": "integer", "minimum": 0, "maximum": 2**53},
                },
            },
            "outside",
        )

    def refusal(self, arguments: Mapping[str, Any]) -> str | None:
        path = arguments["path"]
        if fault := paths.fault_of(path):
            return f"The path {path[:200]!a} {fault}."
        if not path.lower().endswith(".png"):
            return f"{path} does not end in .png, and that is what is written."
        if paths.lies_in(path, self.policy.protected):
            return f"{path} is protected by the policy: what others run or obey is not changed."
        if path in self.assignment.guarded:
            return f"{path} was given as it is, and stays so."
        return None

    def summary(self, arguments: Mapping[str, Any]) -> str:
        return f"make the image {plain(arguments['path'], 300)}: {plain(arguments['prompt'], 1_600)}"

    async def perform(self, arguments: Mapping[str, Any], key: str) -> ToolResult:
        try:
            async with Comfy.open(self.settings) as comfy:
                ended = await self._made(comfy, arguments, key)
                if isinstance(ended, Broken):
                    return ToolResult(f"ComfyUI could not make it: {ended.why}", failed=True)
                if not ended.pictures:
                    return ToolResult("ComfyUI has made no image of it.", failed=True)
                content = await comfy.image(ended.pictures[0])
        except ComfyAway as away:
            raise ToolAway(COMFYUI, str(away), self.settings.away_s) from away
        except ComfyRefused as refused:
            return ToolResult(f"ComfyUI refuses it: {refused}", failed=True)
        except TimeoutError:
            late = f"There was no image after {self.settings.timeout_s:g} s, and it was stopped."
            return ToolResult(late, failed=True)
        return await self._written(arguments["path"], content, len(ended.pictures) - 1)

    async def look_up(self, key: str) -> ToolResult | None:
        """Performing the call looks for it: only that knows where the image belongs."""
        del key
        return None

    async def _made(self, comfy: Comfy, arguments: Mapping[str, Any], key: str) -> Made | Broken:
        for number in range(MOST_TRIES):
            prompt_id, mark = _named(key, number)
            found = await comfy.find(prompt_id, mark)
            if isinstance(found, Broken) and found.interrupted:
                continue  # its id is taken
            if isinstance(found, Made | Broken):
                return found
            try:
                async with asyncio.timeout(self.settings.timeout_s):
                    if found is None:
                        prompt_id = await comfy.submit(self._graph(arguments, key), prompt_id, mark)
                    return await _end_of(comfy, prompt_id, mark)
            except (asyncio.CancelledError, TimeoutError):
                with suppress(ComfyAway, ComfyRefused, TimeoutError):
                    async with asyncio.timeout(STOP_S):
                        await comfy.stop(prompt_id, mark)
                raise
        return Broken(f"It was interrupted {MOST_TRIES} times.")

    def _graph(self, arguments: Mapping[str, Any], key: str) -> Mapping[str, Any]:
        given = self.settings
        return filled(
            given.graph,
            {
                "prompt": arguments["prompt"],
                "negative": arguments.get("negative", ""),
                "seed": arguments.get("seed", int.from_bytes(_digest(key)[:4], "big")),
                "width": arguments.get("width", given.width),
                "height": arguments.get("height", given.height),
                "checkpoint": given.checkpoint,
            },
        )

    async def _written(self, path: str, content: bytes, others: int) -> ToolResult:
        if not is_png(content):
            return ToolResult("What ComfyUI has made is no PNG image.", failed=True)
        if len(content) > self.policy.limits.file_bytes:
            return ToolResult(f"The image has {len(content)} bytes, which is more than a file may have.", failed=True)
        try:
            artifact = await self.write(self.assignment, path, content)
        except CannotWrite as fault:
            return ToolResult(str(fault), failed=True)
        width, height = (int.from_bytes(content[at : at + 4], "big") for at in (16, 20))
        more = f" {others} more were made with it, and left." if others > 0 else ""
        told = f"Written: {path}, {width} by {height} pixels, {len(content)} bytes.{more}"
        return ToolResult(told, artifacts=(artifact,))


async def _end_of(comfy: Comfy, prompt_id: str, mark: str) -> Made | Broken:
    pause = FIRST_PAUSE_S
    while isinstance(found := await comfy.find(prompt_id, mark), Waiting):
        await asyncio.sleep(pause)
        pause = min(LONGEST_PAUSE_S, pause * SLOWING)
    if found is None:
        raise ComfyAway("it has forgotten what it was asked for")
    return found


def _digest(key: str) -> bytes:
    return hashlib.sha256(f"orchestra image {key}".encode()).digest()


def _named(key: str, number: int) -> tuple[str, str]:
    """The id that a try has at ComfyUI, and what marks it where that gives ids of its own."""
    digest = _digest(f"{key} {number}")
    return str(UUID(bytes=digest[:16], version=4)), f"orchestra-{digest.hex()[:32]}"


@dataclass(frozen=True)
class ImageToolbox:
    settings: ComfySettings | None
    policy: Policy
    write: Write
    seen: Callable[[str], Health | None]
    """As it was when it was last looked at."""

    async def tools(self, assignment: Assignment, wanted: Sequence[str]) -> Sequence[Tool]:
        if NAME not in wanted:
            return []
        if self.settings is None:
            raise NoTool(f"{NAME}: no ComfyUI is configured; the file of ORCHESTRA_TOOL_SERVERS_FILE names one.")
        health = self.seen(COMFYUI)
        if health is not None and not health.ok:
            raise ToolAway(COMFYUI, health.detail, self.settings.away_s)
        return [GenerateImage(assignment, self.settings, self.policy, self.write)]
