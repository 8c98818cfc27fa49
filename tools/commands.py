"""docs/reference/commands.md: every command with its flags, as `orchestra … --help` says it, made by Typer."""

import typer
from tools.generated import ROOT, Generated, main
from typer.cli import get_docs_for_click

from orchestra.cli.main import app

PAGE = ROOT / "docs" / "reference" / "commands.md"


def generated() -> Generated:
    command = typer.main.get_command(app)
    text = get_docs_for_click(obj=command, ctx=typer.Context(command), name="orchestra", title="Commands and flags")
    return Generated({PAGE: text.strip() + "\n"})


if __name__ == "__main__":
    main(generated())
