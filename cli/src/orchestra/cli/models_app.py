"""`orchestra models`: which models can be asked, a project's choice, and its keys. What a command needs is imported
when it runs."""

from typing import Annotated

import typer

from orchestra.cli.find_project import ProjectOption
from orchestra.cli.options import AsJson, Config, Gateway, Home, finish, settings_of

app = typer.Typer(help="Models: what can be asked, at what price; choice and keys of projects.", no_args_is_help=True)
keys = typer.Typer(
    help="A project's own keys: set, list, test, remove. A key is read from standard input and never shown.",
    no_args_is_help=True,
)
app.add_typer(keys, name="key")

Provider = Annotated[str, typer.Argument(metavar="PROVIDER", help="As `orchestra models ls` calls it.")]


@app.command("ls")
def ls(as_json: AsJson = False, config: Config = None, gateway: Gateway = None, home: Home = None) -> None:
    """The models, with their tier, their price, and whether they can be asked now."""
    from orchestra.cli import models

    finish(models.ls(settings_of(config, gateway=gateway, home=home), as_json=as_json))


@app.command("use")
def use(
    name: Annotated[
        str | None,
        typer.Argument(metavar="[NAME]", help="A model as `orchestra models ls` calls it, or local, small, large."),
    ] = None,
    project: ProjectOption = None,
    clear: Annotated[bool, typer.Option("--clear", help="Take the choice back.")] = False,
    as_json: AsJson = False,
    config: Config = None,
    gateway: Gateway = None,
    home: Home = None,
) -> None:
    """Choose what is asked first for the project, unless a task or its agent says otherwise; without NAME, show it."""
    from orchestra.cli import models

    settings = settings_of(config, gateway=gateway, home=home)
    finish(models.use(settings, project, name, clear=clear, as_json=as_json))


@keys.command("set")
def set_(
    provider: Provider,
    project: ProjectOption = None,
    url: Annotated[
        str | None, typer.Option("--url", help="Where its API begins, in place of the provider's own.")
    ] = None,
    config: Config = None,
    gateway: Gateway = None,
    home: Home = None,
) -> None:
    """Give the project a key of its own, from standard input: `orchestra models key set anthropic < key`."""
    from orchestra.cli import models

    finish(models.set_key(settings_of(config, gateway=gateway, home=home), project, provider, url))


@keys.command("ls")
def key_ls(
    project: ProjectOption = None,
    as_json: AsJson = False,
    config: Config = None,
    gateway: Gateway = None,
    home: Home = None,
) -> None:
    """The project's keys: for whom, since when, and when each was last used."""
    from orchestra.cli import models

    finish(models.list_keys(settings_of(config, gateway=gateway, home=home), project, as_json=as_json))


@keys.command("test")
def try_(
    provider: Provider,
    project: ProjectOption = None,
    as_json: AsJson = False,
    config: Config = None,
    gateway: Gateway = None,
    home: Home = None,
) -> None:
    """Ask the provider for its models with the project's key, which costs nothing. Exits with 1 where it refuses."""
    from orchestra.cli import models

    finish(models.test_key(settings_of(config, gateway=gateway, home=home), project, provider, as_json=as_json))


@keys.command("rm")
def rm(
    provider: Provider,
    project: ProjectOption = None,
    config: Config = None,
    gateway: Gateway = None,
    home: Home = None,
) -> None:
    """Take the project's key away; the house's is used again."""
    from orchestra.cli import models

    finish(models.remove_key(settings_of(config, gateway=gateway, home=home), project, provider))
