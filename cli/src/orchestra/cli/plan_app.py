"""`orchestra plan` and the edits of `orchestra task`. What a command needs is imported when it runs."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from orchestra.cli.options import AsJson, By, Config, Gateway, Home, finish, settings_of

if TYPE_CHECKING:
    from orchestra.cli.settings import CliSettings

plan_app = typer.Typer(help="Plans: make, list, compare, approve, reject, export.", no_args_is_help=True)
dep_app = typer.Typer(help="Dependencies: each change is a plan version.", no_args_is_help=True)

Kind = Annotated[str, typer.Option(help="FS, SS, FF or SF: which end of it gates which end of the successor.")]
StartAt = Annotated[
    str | None, typer.Option("--start-at", help="Not before: 2026-12-01T09:00, +1h30m, or `none`.", show_default=False)
]
Deadline = Annotated[
    str | None, typer.Option("--deadline", help="To end by: 2026-12-01T09:00, +1h30m, or `none`.", show_default=False)
]
Wait = Annotated[str | None, typer.Option("--wait", help="Makes it a timer: 90m, 2h, 1h30m.", show_default=False)]
Agent = Annotated[
    Path | None,
    typer.Option("--agent", help="A YAML file: what plan.yaml has under `agent` for an AI agent.", show_default=False),
]
Clock = Annotated[str, typer.Option(help="What a wait is counted in: `elapsed`, or `working` time.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Approve the new version at once.")]
Project = Annotated[str | None, typer.Option("--project", help="The project; without it that of the newest run.")]
Priority = Annotated[int | None, typer.Option(help="Higher goes first; a point is worth a minute of waiting.")]
PlanId = Annotated[str | None, typer.Argument(metavar="PLAN", help="Without it the one that stands.")]


@plan_app.command("create")
def create(
    document: Annotated[str, typer.Argument(metavar="FILE|TEXT", help="Requirements.")],
    team: Annotated[Path | None, typer.Option(help="Who works, and when (YAML).")] = None,
    plan: Annotated[Path | None, typer.Option(help="Tasks and commands (YAML).")] = None,
    project: Annotated[str | None, typer.Option("--project", help="A newer plan for this one; else a new one.")] = None,
    by: By = None,
    as_json: AsJson = False,
    config: Config = None,
    gateway: Gateway = None,
    home: Home = None,
) -> None:
    """Propose a plan, and run nothing."""
    from orchestra.cli import plan_commands

    settings = settings_of(config, gateway=gateway, home=home)
    finish(plan_commands.create(settings, document, team, plan, project, by and by.value, as_json=as_json))


@plan_app.command("ls")
def ls(
    project: Project = None, as_json: AsJson = False, config: Config = None, gateway: Gateway = None, home: Home = None
) -> None:
    """The versions of a project's plan."""
    from orchestra.cli import plan_commands

    finish(plan_commands.ls(settings_of(config, gateway=gateway, home=home), project, as_json=as_json))


@plan_app.command("show")
def show(
    plan: PlanId = None,
    project: Project = None,
    as_json: AsJson = False,
    config: Config = None,
    gateway: Gateway = None,
    home: Home = None,
) -> None:
    """A plan: requirements, tasks, gaps, hash."""
    from orchestra.cli import plan_commands

    finish(plan_commands.show(settings_of(config, gateway=gateway, home=home), plan, project, as_json=as_json))


@plan_app.command("diff")
def diff(
    plan: PlanId = None,
    against: Annotated[
        str | None, typer.Option("--against", help="Another plan; else the one that it follows.")
    ] = None,
    project: Project = None,
    as_json: AsJson = False,
    config: Config = None,
    gateway: Gateway = None,
    home: Home = None,
) -> None:
    """What a plan changes, and what that costs."""
    from orchestra.cli import plan_commands

    settings = settings_of(config, gateway=gateway, home=home)
    finish(plan_commands.diff(settings, plan, against, project, as_json=as_json))


@plan_app.command("approve")
def approve(
    plan: Annotated[str, typer.Argument(metavar="PLAN")],
    content_hash: Annotated[
        str | None, typer.Option("--hash", help="What you have read; else what is there now.")
    ] = None,
    config: Config = None,
    gateway: Gateway = None,
    home: Home = None,
) -> None:
    """Approve a plan: it takes the place of the one that stands."""
    from orchestra.cli import plan_commands

    finish(plan_commands.approve(settings_of(config, gateway=gateway, home=home), plan, content_hash))


@plan_app.command("reject")
def reject(
    plan: Annotated[str, typer.Argument(metavar="PLAN")],
    reason: Annotated[str, typer.Option(help="Why.")] = "",
    config: Config = None,
    gateway: Gateway = None,
    home: Home = None,
) -> None:
    """Say no to a plan: it can never be approved from then on."""
    from orchestra.cli import plan_commands

    finish(plan_commands.reject(settings_of(config, gateway=gateway, home=home), plan, reason))


@plan_app.command("cancel")
def cancel(
    plan: Annotated[str, typer.Argument(metavar="PLAN")],
    config: Config = None,
    gateway: Gateway = None,
    home: Home = None,
) -> None:
    """Stop the making of a plan, a model's work on it included."""
    from orchestra.cli import plan_commands

    finish(plan_commands.cancel(settings_of(config, gateway=gateway, home=home), plan))


@plan_app.command("export")
def export(
    plan: PlanId = None, project: Project = None, config: Config = None, gateway: Gateway = None, home: Home = None
) -> None:
    """The tasks of a plan as a plan.yaml."""
    from orchestra.cli import plan_commands

    finish(plan_commands.export(settings_of(config, gateway=gateway, home=home), plan, project))


def task_add(
    key: Annotated[str, typer.Argument(metavar="KEY")],
    title: Annotated[str, typer.Option(help="What is to be done.")],
    points: Annotated[float | None, typer.Option(help="Estimate.")] = None,
    minutes: Annotated[int | None, typer.Option(help="Estimate.")] = None,
    role: Annotated[str | None, typer.Option(help="Who may do it.")] = None,
    priority: Priority = None,
    after: Annotated[list[str] | None, typer.Option(help="A task that it comes after; may be repeated.")] = None,
    covers: Annotated[list[str] | None, typer.Option(help="A requirement; may be repeated.")] = None,
    argv: Annotated[list[str] | None, typer.Option("--run", help="A word of its command; may be repeated.")] = None,
    agent: Agent = None,
    start_at: StartAt = None,
    deadline: Deadline = None,
    wait: Wait = None,
    clock: Clock = "elapsed",
    yes: Yes = False,
    project: Project = None,
    config: Config = None,
    gateway: Gateway = None,
    home: Home = None,
) -> None:
    """Add a task to the plan that stands."""
    task = _given(title=title, points=points, minutes=minutes, role=role, priority=priority, after=after, covers=covers)
    task |= {"command": {"argv": argv, "tools": argv[:1]}} if argv else {}
    task |= _agent(agent)
    task |= _times(start_at, deadline, wait, clock)
    _edit(
        settings_of(config, gateway=gateway, home=home), project, {"op": "add_task", "task": {"id": key, **task}}, yes
    )


def task_edit(
    key: Annotated[str, typer.Argument(metavar="KEY")],
    title: Annotated[str | None, typer.Option(help="What is to be done.")] = None,
    points: Annotated[float | None, typer.Option(help="Estimate.")] = None,
    minutes: Annotated[int | None, typer.Option(help="Estimate.")] = None,
    role: Annotated[str | None, typer.Option(help="Who may do it.")] = None,
    priority: Priority = None,
    covers: Annotated[list[str] | None, typer.Option(help="A requirement; may be repeated.")] = None,
    argv: Annotated[list[str] | None, typer.Option("--run", help="A word of its command; may be repeated.")] = None,
    agent: Agent = None,
    start_at: StartAt = None,
    deadline: Deadline = None,
    wait: Wait = None,
    clock: Clock = "elapsed",
    yes: Yes = False,
    project: Project = None,
    config: Config = None,
    gateway: Gateway = None,
    home: Home = None,
) -> None:
    """Change a task of the plan that stands; what is not given stays."""
    changes = _given(title=title, points=points, minutes=minutes, role=role, priority=priority, covers=covers)
    changes |= {"command": {"argv": argv, "tools": argv[:1]}} if argv else {}
    changes |= _agent(agent)
    changes |= _times(start_at, deadline, wait, clock)
    edit = {"op": "change_task", "id": key, "set": changes}
    _edit(settings_of(config, gateway=gateway, home=home), project, edit, yes)


def task_rm(
    key: Annotated[str, typer.Argument(metavar="KEY")],
    yes: Yes = False,
    project: Project = None,
    config: Config = None,
    gateway: Gateway = None,
    home: Home = None,
) -> None:
    """Remove a task, and its dependencies, from the plan that stands."""
    _edit(settings_of(config, gateway=gateway, home=home), project, {"op": "remove_task", "id": key}, yes)


@dep_app.command("add")
def dep_add(
    predecessor: str,
    successor: str,
    kind: Kind = "FS",
    lag: Annotated[str, typer.Option(help="How long after it the gate opens: 90m, 2h, 1h30m.")] = "0m",
    clock: Annotated[str, typer.Option(help="What the lag is counted in: `working` time, or `elapsed`.")] = "working",
    yes: Yes = False,
    project: Project = None,
    config: Config = None,
    gateway: Gateway = None,
    home: Home = None,
) -> None:
    """Have SUCCESSOR come after PREDECESSOR."""
    terms = {"kind": kind, "lag": lag, "clock": clock}
    edit = {"op": "add_dependency", "predecessor": predecessor, "successor": successor, **terms}
    _edit(settings_of(config, gateway=gateway, home=home), project, edit, yes)


@dep_app.command("rm")
def dep_rm(
    predecessor: str,
    successor: str,
    kind: Kind = "FS",
    yes: Yes = False,
    project: Project = None,
    config: Config = None,
    gateway: Gateway = None,
    home: Home = None,
) -> None:
    """Have SUCCESSOR no longer come after PREDECESSOR."""
    edit = {"op": "remove_dependency", "predecessor": predecessor, "successor": successor, "kind": kind}
    _edit(settings_of(config, gateway=gateway, home=home), project, edit, yes)


def add_edits(task_app: typer.Typer) -> None:
    """The edits of plans that are spoken of as tasks."""
    task_app.command("add")(task_add)
    task_app.command("edit")(task_edit)
    task_app.command("rm")(task_rm)
    task_app.add_typer(dep_app, name="dep")


def _given(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _agent(file: Path | None) -> dict[str, Any]:
    from orchestra.cli.inputs import read_agent

    return {"agent": read_agent(file)} if file else {}


def _times(start_at: str | None, deadline: str | None, wait: str | None, clock: str) -> dict[str, Any]:
    from orchestra.cli.moments import instant, minutes

    given = {"start_at": start_at, "deadline": deadline}
    said: dict[str, Any] = {name: None if text == "none" else instant(text) for name, text in given.items() if text}
    return said | ({"wait": {"minutes": minutes(wait), "clock": clock}} if wait else {})


def _edit(settings: "CliSettings", project: str | None, edit: dict[str, Any], yes: bool) -> None:
    from orchestra.cli import plan_commands

    finish(plan_commands.edit(settings, project, edit, approve=yes))
