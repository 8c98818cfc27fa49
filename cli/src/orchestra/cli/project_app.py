"""`orchestra project …`, as the command line has it."""

from pathlib import Path
from typing import Annotated

import typer

from orchestra.cli.options import AsJson, Config, Gateway, Home, finish, settings_of

app = typer.Typer(help="Projects: list, create, show, edit, archive, export.", no_args_is_help=True)

Project = Annotated[str, typer.Argument(metavar="PROJECT", help="Id or name.")]


@app.command("ls")
def ls(
    archived: Annotated[bool, typer.Option("--archived", help="Those in the archive as well.")] = False,
    as_json: AsJson = False,
    config: Config = None,
    gateway: Gateway = None,
    home: Home = None,
) -> None:
    """All projects, the oldest first."""
    from orchestra.cli import projects

    finish(projects.ls(settings_of(config, gateway=gateway, home=home), archived=archived, as_json=as_json))


@app.command("create")
def create(
    name: str,
    description: Annotated[str, typer.Option(help="What it is about.")] = "",
    as_json: AsJson = False,
    config: Config = None,
    gateway: Gateway = None,
    home: Home = None,
) -> None:
    """A new project."""
    from orchestra.cli import projects

    finish(projects.create(settings_of(config, gateway=gateway, home=home), name, description, as_json=as_json))


@app.command("show")
def show(
    project: Annotated[str | None, typer.Argument(metavar="PROJECT", help="Without it the only one.")] = None,
    as_json: AsJson = False,
    config: Config = None,
    gateway: Gateway = None,
    home: Home = None,
) -> None:
    """A project with its plans, runs, team and end."""
    from orchestra.cli import projects

    finish(projects.show(settings_of(config, gateway=gateway, home=home), project, as_json=as_json))


@app.command("edit")
def edit(
    project: Project,
    name: Annotated[str | None, typer.Option(help="Its new name.")] = None,
    description: Annotated[str | None, typer.Option(help="Its new description.")] = None,
    as_json: AsJson = False,
    config: Config = None,
    gateway: Gateway = None,
    home: Home = None,
) -> None:
    """Another name or description."""
    from orchestra.cli import projects

    settings = settings_of(config, gateway=gateway, home=home)
    finish(projects.edit(settings, project, name, description, as_json=as_json))


@app.command("archive")
def archive(
    project: Project, as_json: AsJson = False, config: Config = None, gateway: Gateway = None, home: Home = None
) -> None:
    """Into the archive, where it takes no changes; refused while runs are open."""
    from orchestra.cli import projects

    finish(projects.file(settings_of(config, gateway=gateway, home=home), project, "archive", as_json=as_json))


@app.command("unarchive")
def unarchive(
    project: Project, as_json: AsJson = False, config: Config = None, gateway: Gateway = None, home: Home = None
) -> None:
    """Out of the archive."""
    from orchestra.cli import projects

    finish(projects.file(settings_of(config, gateway=gateway, home=home), project, "unarchive", as_json=as_json))


@app.command("export")
def export(
    project: Annotated[str | None, typer.Argument(metavar="PROJECT", help="Without it the only one.")] = None,
    out: Annotated[Path | None, typer.Option(help="The zip file.", show_default="PROJECT-ID.zip")] = None,
    artifacts: Annotated[bool, typer.Option("--artifacts/--no-artifacts", help="With what tasks produced.")] = True,
    config: Config = None,
    gateway: Gateway = None,
    home: Home = None,
) -> None:
    """Everything about a project in one zip file, with a manifest of hashes."""
    from orchestra.cli import projects

    settings = settings_of(config, gateway=gateway, home=home)
    finish(projects.export(settings, project, out, artifacts=artifacts))
