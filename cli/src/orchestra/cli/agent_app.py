"""`orchestra agent`: the registry of agents. What a command needs is imported when it runs."""

from typing import Annotated

import typer

from orchestra.cli.options import AsJson, Config, Gateway, Home, finish, settings_of

app = typer.Typer(
    help="AI agents: who there is, how each stands by its results, who may do what.", no_args_is_help=True
)

Name = Annotated[str, typer.Argument(metavar="NAME", help="As `orchestra agent ls` calls it.")]


@app.command("ls")
def ls(as_json: AsJson = False, config: Config = None, gateway: Gateway = None, home: Home = None) -> None:
    """All agents, with their state, their standing and what they have in hand."""
    from orchestra.cli import agents

    finish(agents.ls(settings_of(config, gateway=gateway, home=home), as_json=as_json))


@app.command("inspect")
def inspect(
    name: Name, as_json: AsJson = False, config: Config = None, gateway: Gateway = None, home: Home = None
) -> None:
    """One agent: what it may do, what it has in hand, what was measured of it by kind of work."""
    from orchestra.cli import agents

    finish(agents.inspect(settings_of(config, gateway=gateway, home=home), name, as_json=as_json))


@app.command("set")
def set_(
    name: Name,
    type_: Annotated[
        str | None, typer.Option("--type", help="A word that tasks may prefer.", show_default=False)
    ] = None,
    kind: Annotated[list[str] | None, typer.Option("--kind", help="Work that it is given; `all`.")] = None,
    can: Annotated[list[str] | None, typer.Option("--can", help="A word that it fits to; `none`.")] = None,
    model: Annotated[
        str | None, typer.Option("--model", help="A tier or a model; `none`: by the task.", show_default=False)
    ] = None,
    tool: Annotated[
        list[str] | None, typer.Option("--tool", help="One that it may use, no others; `all`; `none`.")
    ] = None,
    concurrency: Annotated[int | None, typer.Option("--concurrency", help="Attempts at a time.", min=1)] = None,
    outside: Annotated[
        bool | None, typer.Option("--outside/--inside", help="It works in a process of its own, elsewhere.")
    ] = None,
    new_token: Annotated[bool, typer.Option("--new-token", help="Another token for an outside agent.")] = False,
    as_json: AsJson = False,
    config: Config = None,
    gateway: Gateway = None,
    home: Home = None,
) -> None:
    """Register an agent, or change one: what is not named stays as it is. A retired one is back with it.

    The token of an agent that comes to be outside is printed, this once.
    """
    from orchestra.cli import agents

    wanted = agents.Wanted(type_, kind, can, model, tool, concurrency, outside, new_token)
    finish(agents.set_(settings_of(config, gateway=gateway, home=home), name, wanted, as_json=as_json))


@app.command("pause")
def pause(name: Name, config: Config = None, gateway: Gateway = None, home: Home = None) -> None:
    """Give it no work for now; what it has in hand goes on."""
    from orchestra.cli import agents

    finish(agents.change(settings_of(config, gateway=gateway, home=home), name, "pause"))


@app.command("resume")
def resume(name: Name, config: Config = None, gateway: Gateway = None, home: Home = None) -> None:
    """Give it work again."""
    from orchestra.cli import agents

    finish(agents.change(settings_of(config, gateway=gateway, home=home), name, "resume"))


@app.command("retire")
def retire(name: Name, config: Config = None, gateway: Gateway = None, home: Home = None) -> None:
    """Give it no work any more; its results stay. `orchestra agent set` has it back."""
    from orchestra.cli import agents

    finish(agents.change(settings_of(config, gateway=gateway, home=home), name, "retire"))
