"""Options that many subcommands share, and how each of them ends."""

from collections.abc import Awaitable
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from orchestra.cli.exits import Exit

if TYPE_CHECKING:
    from orchestra.cli.settings import CliSettings

Config = Annotated[Path | None, typer.Option("--config", help="Settings in TOML.", show_default=False)]
Gateway = Annotated[str | None, typer.Option("--gateway", help="Address of a gateway; without it: in this process.")]
Home = Annotated[Path | None, typer.Option("--home", help="Directory of the embedded host.", show_default=".orchestra")]
Out = Annotated[Path | None, typer.Option("--out", help="Where run directories are made.", show_default="runs")]
AsJson = Annotated[bool, typer.Option("--json", help="JSON on standard output.")]


class Planner(StrEnum):
    MODEL = "model"
    DOCUMENT = "document"


By = Annotated[
    Planner | None,
    typer.Option("--by", help="Who plans; without it a model where one is configured.", show_default=False),
]
RunId = Annotated[str | None, typer.Option("--run", help="The run; without it the newest.", show_default=False)]


def settings_of(config: Path | None, **flags: Any) -> "CliSettings":
    from orchestra.cli.settings import load

    return load(config, flags)


def finish(work: Awaitable[Exit | None]) -> None:
    import asyncio

    async def whole() -> Exit | None:
        return await work

    code = asyncio.run(whole())
    if code:
        raise typer.Exit(code)
