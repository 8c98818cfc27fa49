"""What people say of their tasks, beside the other commands of `orchestra task`."""

from typing import Annotated

import typer

from orchestra.cli.find_project import ProjectOption
from orchestra.cli.options import AsJson, Config, Gateway, Home, finish, settings_of

Task = Annotated[str, typer.Argument(metavar="TASK", help="The task's id, or its key in the project.")]
As = Annotated[str | None, typer.Option("--as", help="Who says so: their id in the team.", show_default=False)]


def add_to(task_app: typer.Typer) -> None:
    for name, command in (
        ("take", take),
        ("start", start),
        ("report", report),
        ("abandon", abandon),
        ("remove-assignee", remove_assignee),
        ("log", log),
    ):
        task_app.command(name)(command)


def take(
    task: Task,
    member: Annotated[str, typer.Option("--as", help="Who takes it: their id in the team.")],
    project: ProjectOption = None,
    as_json: AsJson = False,
    config: Config = None,
    gateway: Gateway = None,
    home: Home = None,
) -> None:
    """Take a task for oneself; a refusal says which rule and which numbers."""
    from orchestra.cli import people_tasks

    settings = settings_of(config, gateway=gateway, home=home)
    finish(people_tasks.say(settings, task, project, "select", {"member": member}, as_json=as_json))


def start(
    task: Task,
    member: As = None,
    project: ProjectOption = None,
    as_json: AsJson = False,
    config: Config = None,
    gateway: Gateway = None,
    home: Home = None,
) -> None:
    """Begin with one's task; from then on its start is a fact."""
    from orchestra.cli import people_tasks

    settings = settings_of(config, gateway=gateway, home=home)
    finish(people_tasks.say(settings, task, project, "start", {"member": member}, as_json=as_json))


def report(
    task: Task,
    text: Annotated[str, typer.Argument(metavar="[TEXT]")] = "",
    percent: Annotated[int | None, typer.Option(min=0, max=100, help="How far it is.", show_default=False)] = None,
    member: As = None,
    project: ProjectOption = None,
    as_json: AsJson = False,
    config: Config = None,
    gateway: Gateway = None,
    home: Home = None,
) -> None:
    """Report how far one's task is."""
    from orchestra.cli import people_tasks

    settings = settings_of(config, gateway=gateway, home=home)
    body = {"text": text, "percent": percent, "member": member}
    finish(people_tasks.say(settings, task, project, "report", body, as_json=as_json))


def abandon(
    task: Task,
    reason: Annotated[str, typer.Argument(metavar="REASON")],
    member: As = None,
    project: ProjectOption = None,
    as_json: AsJson = False,
    config: Config = None,
    gateway: Gateway = None,
    home: Home = None,
) -> None:
    """Give one's task back; others may take it."""
    from orchestra.cli import people_tasks

    settings = settings_of(config, gateway=gateway, home=home)
    body = {"reason": reason, "member": member}
    finish(people_tasks.say(settings, task, project, "abandon", body, as_json=as_json))


def remove_assignee(
    task: Task,
    by: Annotated[str | None, typer.Option("--as", help="The project manager who says so.", show_default=False)] = None,
    reason: Annotated[str, typer.Option(help="It is kept with it.", show_default=False)] = "",
    project: ProjectOption = None,
    as_json: AsJson = False,
    config: Config = None,
    gateway: Gateway = None,
    home: Home = None,
) -> None:
    """Take a task away from whoever has it; others may take it."""
    from orchestra.cli import people_tasks

    settings = settings_of(config, gateway=gateway, home=home)
    body = {"by": by, "reason": reason}
    finish(people_tasks.say(settings, task, project, "remove-assignee", body, as_json=as_json))


def log(
    task: Annotated[str | None, typer.Argument(metavar="[TASK]", help="Without it all of the project's.")] = None,
    project: ProjectOption = None,
    as_json: AsJson = False,
    config: Config = None,
    gateway: Gateway = None,
    home: Home = None,
) -> None:
    """What became of a task, who said so, when and why."""
    from orchestra.cli import people_tasks

    settings = settings_of(config, gateway=gateway, home=home)
    finish(people_tasks.log(settings, task, project, as_json=as_json))
