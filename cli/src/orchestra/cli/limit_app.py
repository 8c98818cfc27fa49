"""`orchestra limit`: what a workspace has in flight at a time. What a command needs is imported when it runs."""

from typing import Annotated

import typer

from orchestra.cli.options import AsJson, Config, Gateway, Home, finish, settings_of

app = typer.Typer(
    help="Limits: how many commands are in flight at a time or start in a time; who has which mutex.",
    no_args_is_help=True,
)

Scope = Annotated[str, typer.Argument(metavar="SCOPE", help="workspace, project or pool (the commands of a role).")]
Name = Annotated[
    str | None, typer.Argument(metavar="[NAME]", help="The project's id or name, or the role; none for the workspace.")
]


@app.command("ls")
def ls(as_json: AsJson = False, config: Config = None, gateway: Gateway = None, home: Home = None) -> None:
    """The limits with what is used of each, and the mutexes with who has them."""
    from orchestra.cli import limits

    finish(limits.ls(settings_of(config, gateway=gateway, home=home), as_json=as_json))


@app.command("set")
def set_(
    scope: Scope,
    name: Name = None,
    concurrency: Annotated[
        int | None, typer.Option(help="Commands in flight at a time; 0: none goes out.", show_default=False)
    ] = None,
    rate: Annotated[
        str | None, typer.Option(help="Starts in a time: 30/60s, 10/1m, 500/1h.", show_default=False)
    ] = None,
    as_json: AsJson = False,
    config: Config = None,
    gateway: Gateway = None,
    home: Home = None,
) -> None:
    """Set a limit; what is in flight beyond it goes on to its end."""
    from orchestra.cli import limits

    settings = settings_of(config, gateway=gateway, home=home)
    finish(limits.set_limit(settings, scope, name, concurrency, rate, as_json=as_json))


@app.command("rm")
def rm(scope: Scope, name: Name = None, config: Config = None, gateway: Gateway = None, home: Home = None) -> None:
    """Take a limit away."""
    from orchestra.cli import limits

    finish(limits.remove(settings_of(config, gateway=gateway, home=home), scope, name))
