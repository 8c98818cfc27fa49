"""`orchestra policy`: what the sandbox's policy allows, and why, without running anything."""

from pathlib import Path
from typing import Annotated

import typer

from orchestra.cli.options import AsJson, finish

app = typer.Typer(help="The sandbox's policy: what it allows, and why.", no_args_is_help=True)

File = Annotated[
    Path | None,
    typer.Option("--policy", help="A policy in TOML; without it ORCHESTRA_POLICY_FILE, else the usual one."),
]
Tool = Annotated[
    list[str] | None, typer.Option("--tool", help="A tool that the command declares; without it the one it names.")
]
Host = Annotated[list[str] | None, typer.Option("--host", help="A host that the command asks for.")]
Argv = Annotated[list[str] | None, typer.Argument(metavar="[-- ARGV…]", help="A command: the tool and its arguments.")]


@app.command("check")
def check(
    argv: Argv = None, policy: File = None, tool: Tool = None, host: Host = None, as_json: AsJson = False
) -> None:
    """Say whether the policy is right, and whether it would allow a command. Exits with 5 where it would not."""
    from orchestra.cli import policies

    finish(policies.check(policies.Question(policy, argv or [], tool, host or []), as_json=as_json))


@app.command("explain")
def explain(
    argv: Argv = None, policy: File = None, tool: Tool = None, host: Host = None, as_json: AsJson = False
) -> None:
    """Show what holds for every command, and on one command what each rule says."""
    from orchestra.cli import policies

    finish(policies.explain(policies.Question(policy, argv or [], tool, host or []), as_json=as_json))
