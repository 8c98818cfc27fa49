"""`orchestra runs logs`: what the commands of a run printed, and what they print while they run."""

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.text import Text

from orchestra.cli.api import Api
from orchestra.cli.connect import connected
from orchestra.cli.event_stream import messages
from orchestra.cli.exits import Exit, Stop
from orchestra.cli.run_queries import find_run
from orchestra.cli.screen import Screen
from orchestra.cli.settings import CliSettings

COLOURS = ("cyan", "green", "yellow", "magenta", "blue", "bright_cyan", "bright_green", "bright_magenta")


async def logs(settings: CliSettings, run_id: str | None, task: str | None, *, follow: bool) -> Exit:
    """Without `follow` what is stored; with it all there is and all that comes, until the run is over."""
    screen = Screen()
    async with connected(settings) as api:
        run = await find_run(api, run_id)
        keys = await _keys(api, run, task)
        lines = Lines(screen.out, keys)
        try:
            if follow:
                return await _follow(api, screen, run["id"], lines)
            await _stored(api, run["id"], lines)
        finally:
            lines.finish()
    return Exit.OK


async def _keys(api: Api, run: dict[str, Any], task: str | None) -> dict[str, str]:
    """{id: key} of the tasks with a command, or of the one that is asked for."""
    tasks = [each for each in await api.all(f"/runs/{run['id']}/tasks") if each["command"] is not None]
    keys = {each["id"]: each["key"] for each in tasks if task in (None, each["key"], each["id"])}
    if task is not None and not keys:
        there = ", ".join(each["key"] for each in tasks)
        raise Stop(Exit.NOT_FOUND, f"{run['id']} has no task {task} with a command; there are {there}")
    return keys


async def _stored(api: Api, run_id: str, lines: "Lines") -> None:
    attempts = await api.all("/attempts", run_id=run_id)
    for attempt in attempts:
        evidence: dict[str, Any] = attempt["evidence"] or {}
        if attempt["task_id"] in lines.keys and evidence.get("log"):
            async for text in api.text(f"/attempts/{attempt['id']}/log"):
                lines.add(attempt["task_id"], attempt["id"], text)
            lines.end(attempt["id"])


async def _follow(api: Api, screen: Screen, run_id: str, lines: "Lines") -> Exit:
    async for message in messages(api, f"/runs/{run_id}/output"):
        content = message.content
        if message.kind == "end":
            return Exit.OK if content["status"] == "finished" else Exit.FAILED
        if content.get("task_id") not in lines.keys:
            continue
        if message.kind == "output":
            lines.add(content["task_id"], content["attempt_id"], content["text"])
        elif message.kind == "gap":
            lines.end(content["attempt_id"])
            missing, key = content["end"] - content["start"], lines.keys[content["task_id"]]
            screen.note(
                f"{missing} bytes of {key} are left out here; `orchestra runs logs {run_id}` has them at its end"
            )
    raise AssertionError("the stream has an end")


class Lines:
    """Whole lines, each behind the key of its task when there are several tasks."""

    def __init__(self, out: Console, keys: Mapping[str, str]) -> None:
        self.keys = keys
        self._out = out
        self._width = max((len(key) for key in keys.values()), default=0) if len(keys) > 1 else 0
        self._styles = {task: COLOURS[n % len(COLOURS)] for n, task in enumerate(keys)}
        self._begun: dict[str, tuple[str, str]] = {}
        """By attempt: its task, and the line that is not whole yet."""

    def add(self, task_id: str, attempt_id: str, text: str) -> None:
        *whole, rest = (self._begun.pop(attempt_id, ("", ""))[1] + text).split("\n")
        for line in whole:
            self._print(task_id, line)
        if rest:
            self._begun[attempt_id] = task_id, rest

    def end(self, attempt_id: str) -> None:
        """Nothing more comes on the line that was begun."""
        if attempt_id in self._begun:
            self._print(*self._begun.pop(attempt_id))

    def finish(self) -> None:
        for attempt_id in list(self._begun):
            self.end(attempt_id)

    def _print(self, task_id: str, line: str) -> None:
        if self._width:
            key = Text(f"{self.keys[task_id]:{self._width}} | ", self._styles[task_id])
            self._out.print(key, end="", soft_wrap=True)
        self._out.file.write(line + "\n")
        self._out.file.flush()
