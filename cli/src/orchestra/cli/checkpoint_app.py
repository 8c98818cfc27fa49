"""`orchestra checkpoint`: what people have to decide."""

from enum import StrEnum
from typing import Annotated

import typer

from orchestra.cli.options import AsJson, Config, Gateway, Home, Out, finish, settings_of

app = typer.Typer(help="Checkpoints, the decisions that people owe: list, show, answer.", no_args_is_help=True)


class Choice(StrEnum):
    retry = "retry"
    skip = "skip"
    fail = "fail"
    answer = "answer"
    approve = "approve"
    reject = "reject"
    accept = "accept"


WhichOne = Annotated[str, typer.Argument(metavar="ID", help="The checkpoint's id (chk_…).")]


@app.command("ls")
def ls(
    everything: Annotated[bool, typer.Option("--all", help="Those that are closed as well.")] = False,
    project: Annotated[
        str | None, typer.Option("--project", "-p", help="Nothing of other projects: id or name.", show_default=False)
    ] = None,
    as_json: AsJson = False,
    config: Config = None,
    gateway: Gateway = None,
    home: Home = None,
) -> None:
    """Those that are open, the newest first."""
    from orchestra.cli import checkpoints

    settings = settings_of(config, gateway=gateway, home=home)
    finish(checkpoints.ls(settings, project, everything=everything, as_json=as_json))


@app.command("show")
def show(
    checkpoint: WhichOne, as_json: AsJson = False, config: Config = None, gateway: Gateway = None, home: Home = None
) -> None:
    """One with its question, and what the task printed last."""
    from orchestra.cli import checkpoints

    finish(checkpoints.show(settings_of(config, gateway=gateway, home=home), checkpoint, as_json=as_json))


@app.command("answer")
def answer(
    checkpoint: WhichOne,
    choice: Annotated[
        Choice,
        typer.Argument(
            metavar="CHOICE",
            help="retry (try it again), skip (go on without it) or fail; of an agent: answer its question, approve or "
            "reject its call, accept its work. `checkpoint show` says which fit.",
        ),
    ],
    text: Annotated[str, typer.Argument(metavar="[TEXT]", help="What answers a question.", show_default=False)] = "",
    guidance: Annotated[
        str,
        typer.Option(help="What further tries are told: a command finds it in ORCHESTRA_GUIDANCE.", show_default=False),
    ] = "",
    inputs: Annotated[
        list[str] | None,
        typer.Option("--input", metavar="PATH=FILE", help="Further tries find this file at PATH; may be repeated."),
    ] = None,
    out: Out = None,
    config: Config = None,
    gateway: Gateway = None,
    home: Home = None,
) -> None:
    """Answer it, and follow its run to the next stop."""
    from orchestra.cli import checkpoints

    settings = settings_of(config, out=out, gateway=gateway, home=home)
    finish(checkpoints.answer(settings, checkpoint, choice.value, guidance, inputs or [], text))
