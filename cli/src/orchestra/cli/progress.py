"""Live progress of a run: a line for each thing that happens, and on a terminal what is going on below it."""

from types import TracebackType
from typing import Any, Self

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

SIGNS = {
    "done": ("✓", "green"),
    "failed": ("✗", "bold red"),
    "assigned": ("☞", "yellow"),
    "waiting": ("?", "yellow"),
    "cancelled": ("–", "dim"),
    "skipped": ("»", "dim"),
}
MOST_SHOWN = 8


class Progress:
    """Called with each entry of the feed; a context manager that clears what was only for the eye."""

    def __init__(self, console: Console, total: int, done: int = 0) -> None:
        self._console = console
        self._total = total
        self._done = done
        self._going: dict[str, str] = {}
        self._live = Live(console=console, refresh_per_second=8, transient=True, get_renderable=self._shown)

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._console.is_terminal:
            self._live.stop()

    def __call__(self, entry: dict[str, Any]) -> None:
        if entry["kind"] == "tasks.changed.v1":
            for change in entry["data"]["changes"]:
                self._change(change)
        elif entry["kind"] == "run.changed.v1":
            self._say("▸", "bold", f"run {entry['data']['status']}", entry["data"]["cause"])

    def _change(self, change: dict[str, Any]) -> None:
        key, after = change["key"], change["after"]
        if change["before"] == after:
            self._say("‖" if change["paused"] else "▸", "yellow", key, change["cause"])
            return
        if after in ("queued", "running"):
            self._going[key] = change["title"]
            return
        was_going = self._going.pop(key, None)
        self._done += after == "done"
        if after in SIGNS:
            sign, style = SIGNS[after]
            # What is done without having been ready was done elsewhere: the cause says where.
            theirs = after in ("done", "assigned") and change["before"] != "blocked"
            self._say(sign, style, key, change["title"] if theirs else change["cause"])
        elif after == "ready" and was_going is not None:
            self._say("↻", "yellow", key, change["cause"])

    def _say(self, sign: str, style: str, what: str, about: str) -> None:
        line = Text.assemble(f"{self._done:>4}/{self._total} ", (sign, style), f" {what}  ", (about, "dim"))
        self._console.print(line, no_wrap=not self._console.is_terminal, soft_wrap=True)

    def _shown(self) -> Group:
        lines = [Spinner("dots", Text(f"{key}  {title}")) for key, title in list(self._going.items())[:MOST_SHOWN]]
        more = len(self._going) - MOST_SHOWN
        bar = Table.grid(padding=(0, 1))
        bar.add_row(ProgressBar(self._total, self._done, width=40), f"{self._done}/{self._total}")
        return Group(*lines, *([Text(f"  and {more} more", "dim")] if more > 0 else []), bar)
