"""`orchestra runs report`. What it needs is imported when it runs."""

from enum import StrEnum
from typing import Annotated

import typer

from orchestra.cli.options import Config, Gateway, Home, finish, settings_of

runs = typer.Typer()


class Output(StrEnum):
    MD = "md"
    JSON = "json"


@runs.command("report")
def report(
    run: Annotated[
        str | None, typer.Argument(metavar="[RUN]", help="Without it the newest.", show_default=False)
    ] = None,
    output: Annotated[Output, typer.Option("--output", help="Markdown, or JSON for programs.")] = Output.MD,
    config: Config = None,
    gateway: Gateway = None,
    home: Home = None,
) -> None:
    """A run as a report: its state, tasks, durations, evidence, and what it cost by task, agent and model."""
    from orchestra.cli import run_report

    finish(run_report.write(settings_of(config, gateway=gateway, home=home), run, as_json=output is Output.JSON))
