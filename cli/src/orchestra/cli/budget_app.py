"""`orchestra budget`: what may be spent. What a command needs is imported when it runs."""

from typing import Annotated

import typer

from orchestra.cli.options import AsJson, Config, Gateway, Home, finish, settings_of

app = typer.Typer(
    help="Budgets: what a workspace, a project, a run or a task may spend, and has spent.", no_args_is_help=True
)

Scope = Annotated[str, typer.Argument(metavar="SCOPE", help="day or month (of the workspace), project, run or task.")]
Name = Annotated[str | None, typer.Argument(metavar="[NAME]", help="The project's id or name, the run's or task's id.")]
Usd = Annotated[str | None, typer.Option("--usd", help="Dollars, such as 2.50.", show_default=False)]
Tokens = Annotated[str | None, typer.Option("--tokens", show_default=False)]
Requests = Annotated[str | None, typer.Option("--requests", help="Calls of a model.", show_default=False)]
Minutes = Annotated[str | None, typer.Option("--minutes", help="Of agents at work.", show_default=False)]


@app.command("show")
def show(
    scope: Annotated[
        str | None, typer.Argument(metavar="[SCOPE]", help="day, month, project, run or task; without it all.")
    ] = None,
    name: Name = None,
    as_json: AsJson = False,
    config: Config = None,
    gateway: Gateway = None,
    home: Home = None,
) -> None:
    """Limits with what is settled, held and left of each."""
    from orchestra.cli import budgets

    finish(budgets.show(settings_of(config, gateway=gateway, home=home), scope, name, as_json=as_json))


@app.command("set")
def set_(
    scope: Scope,
    name: Name = None,
    usd: Usd = None,
    tokens: Tokens = None,
    requests: Requests = None,
    minutes: Minutes = None,
    as_json: AsJson = False,
    config: Config = None,
    gateway: Gateway = None,
    home: Home = None,
) -> None:
    """Set limits; `none` takes one away. What is not named stays as it is."""
    from orchestra.cli import budgets

    wanted = {"micros": usd, "tokens": tokens, "requests": requests, "minutes": minutes}
    finish(budgets.set_(settings_of(config, gateway=gateway, home=home), scope, name, wanted, as_json=as_json))


@app.command("top-up")
def top_up(
    scope: Scope,
    name: Name = None,
    usd: Usd = None,
    tokens: Tokens = None,
    requests: Requests = None,
    minutes: Minutes = None,
    as_json: AsJson = False,
    config: Config = None,
    gateway: Gateway = None,
    home: Home = None,
) -> None:
    """So much more; of a day or month for this one alone."""
    from orchestra.cli import budgets

    wanted = {"micros": usd, "tokens": tokens, "requests": requests, "minutes": minutes}
    finish(budgets.top_up(settings_of(config, gateway=gateway, home=home), scope, name, wanted, as_json=as_json))
