"""`orchestra knowledge`: what is known of a project. What a command needs is imported when it runs."""

from enum import StrEnum
from typing import Annotated

import typer

from orchestra.cli.find_project import ProjectOption
from orchestra.cli.options import AsJson, Config, Gateway, Home, finish, settings_of

app = typer.Typer(
    help="Knowledge: what agents and people have found out about a project; list, search, add, remove.",
    no_args_is_help=True,
)


class Kind(StrEnum):
    CONSTRAINT = "constraint"
    DECISION = "decision"
    DISCOVERY = "discovery"
    REFERENCE = "reference"
    GOTCHA = "gotcha"


KindOption = Annotated[Kind | None, typer.Option("--kind", help="Of this kind alone.", show_default=False)]


@app.command("ls")
def ls(
    kind: KindOption = None,
    project: ProjectOption = None,
    as_json: AsJson = False,
    config: Config = None,
    gateway: Gateway = None,
    home: Home = None,
) -> None:
    """All findings, the newest first."""
    from orchestra.cli import knowledge

    finish(knowledge.ls(settings_of(config, gateway=gateway, home=home), project, kind, as_json=as_json))


@app.command("search")
def search(
    words: Annotated[list[str], typer.Argument(metavar="WORD…", help="Any of them is enough; the best come first.")],
    kind: KindOption = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=500)] = 20,
    project: ProjectOption = None,
    as_json: AsJson = False,
    config: Config = None,
    gateway: Gateway = None,
    home: Home = None,
) -> None:
    """Findings that have the words, the best first."""
    from orchestra.cli import knowledge

    settings = settings_of(config, gateway=gateway, home=home)
    finish(knowledge.search(settings, project, " ".join(words), kind, limit, as_json=as_json))


@app.command("add")
def add(
    kind: Annotated[Kind, typer.Argument(metavar="KIND", help="constraint, decision, discovery, reference or gotcha.")],
    text: Annotated[str, typer.Argument(metavar="TEXT", help="What is to be known, in one line.")],
    project: ProjectOption = None,
    as_json: AsJson = False,
    config: Config = None,
    gateway: Gateway = None,
    home: Home = None,
) -> None:
    """Have agents know something; also what was removed before."""
    from orchestra.cli import knowledge

    finish(knowledge.add(settings_of(config, gateway=gateway, home=home), project, kind, text, as_json=as_json))


@app.command("rm")
def rm(
    finding: Annotated[str, typer.Argument(metavar="FINDING", help="Its id, as `orchestra knowledge ls` shows it.")],
    project: ProjectOption = None,
    config: Config = None,
    gateway: Gateway = None,
    home: Home = None,
) -> None:
    """Remove a finding; no agent brings it back."""
    from orchestra.cli import knowledge

    finish(knowledge.rm(settings_of(config, gateway=gateway, home=home), project, finding))
