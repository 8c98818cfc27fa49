"""`orchestra tools`: servers of tools for agents. What a command needs is imported when it runs."""

from typing import Annotated

import typer

from orchestra.cli.find_project import ProjectOption
from orchestra.cli.options import AsJson, Config, Gateway, Home, finish, settings_of

app = typer.Typer(
    help="Servers of tools for agents: list, set, test, remove. A token is read from standard input and never shown.",
    no_args_is_help=True,
)

Name = Annotated[str, typer.Argument(metavar="NAME", help="Plans call its tools mcp:NAME and mcp:NAME/TOOL.")]


@app.command("ls")
def ls(
    project: ProjectOption = None,
    as_json: AsJson = False,
    config: Config = None,
    gateway: Gateway = None,
    home: Home = None,
) -> None:
    """The operator's servers, and those of the project where there is one."""
    from orchestra.cli import tool_servers

    finish(tool_servers.ls(settings_of(config, gateway=gateway, home=home), project, as_json=as_json))


@app.command("set")
def set_(
    name: Name,
    url: Annotated[str, typer.Argument(metavar="URL", help="Where it speaks MCP over streamable HTTP.")],
    with_token: Annotated[
        bool, typer.Option("--with-token", help="Read a token from standard input; it is sent as a bearer's.")
    ] = False,
    project: ProjectOption = None,
    config: Config = None,
    gateway: Gateway = None,
    home: Home = None,
) -> None:
    """Give the project a server: `orchestra tools set weather https://… --with-token < token`."""
    from orchestra.cli import tool_servers

    settings = settings_of(config, gateway=gateway, home=home)
    finish(tool_servers.set_server(settings, project, name, url, with_token=with_token))


@app.command("test")
def try_(
    name: Name,
    project: ProjectOption = None,
    as_json: AsJson = False,
    config: Config = None,
    gateway: Gateway = None,
    home: Home = None,
) -> None:
    """Ask a server for its tools, as an agent of the project would. Exits with 1 where it cannot be asked."""
    from orchestra.cli import tool_servers

    finish(tool_servers.test(settings_of(config, gateway=gateway, home=home), project, name, as_json=as_json))


@app.command("remove")
def remove(
    name: Name,
    project: ProjectOption = None,
    config: Config = None,
    gateway: Gateway = None,
    home: Home = None,
) -> None:
    """Take the project's server away; one of the operator's of that name is used again."""
    from orchestra.cli import tool_servers

    finish(tool_servers.remove(settings_of(config, gateway=gateway, home=home), project, name))
