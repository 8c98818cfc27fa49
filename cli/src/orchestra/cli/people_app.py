"""`orchestra member …`, `orchestra role …`, `orchestra workload`, as the command line has them."""

from typing import Annotated

import typer

from orchestra.cli.find_project import ProjectOption
from orchestra.cli.options import AsJson, Config, Gateway, Home, finish, settings_of

member_app = typer.Typer(help="Members: list, add, show, edit, days off, fire, resign.", no_args_is_help=True)
role_app = typer.Typer(help="Roles of a project: list, add, rename, remove.", no_args_is_help=True)

Member = Annotated[str, typer.Argument(metavar="MEMBER", help="Their id in the team.")]
Name = Annotated[str | None, typer.Option(help="As people call them.", show_default=False)]
Roles = Annotated[list[str] | None, typer.Option("--role", help="May be given several times.", show_default=False)]
Seniority = Annotated[str | None, typer.Option(help="junior, mid, senior, specialist or lead.", show_default=False)]
Capacity = Annotated[float | None, typer.Option(help="Part of a working day, up to 1.", show_default=False)]
Slots = Annotated[int | None, typer.Option(help="Tasks at a time.", show_default=False)]
Zone = Annotated[str | None, typer.Option(help="Time zone of their own.", show_default=False)]
Days = Annotated[list[str] | None, typer.Option("--day", help="A working day: mon … sun.", show_default=False)]
Hours = Annotated[list[str] | None, typer.Option("--hours", help="09:00-13:00", show_default=False)]
Tools = Annotated[list[str] | None, typer.Option("--tool", help="What an agent can run.", show_default=False)]
Ai = Annotated[
    str | None,
    typer.Option(
        "--ai", help="Does work for AI agents: by the one of this name, or by `any` that fits.", show_default=False
    ),
]
Reason = Annotated[str, typer.Option(help="It is kept with it.", show_default=False)]


def add_to(app: typer.Typer) -> None:
    app.add_typer(member_app, name="member")
    app.add_typer(role_app, name="role")
    app.command("workload")(workload)


@member_app.command("ls")
def ls(
    project: ProjectOption = None,
    as_json: AsJson = False,
    config: Config = None,
    gateway: Gateway = None,
    home: Home = None,
) -> None:
    """Everybody in the team."""
    from orchestra.cli import people

    finish(people.ls(settings_of(config, gateway=gateway, home=home), project, as_json=as_json))


@member_app.command("show")
def show(
    member: Member,
    project: ProjectOption = None,
    as_json: AsJson = False,
    config: Config = None,
    gateway: Gateway = None,
    home: Home = None,
) -> None:
    """One member, with days off and workload."""
    from orchestra.cli import people

    finish(people.show(settings_of(config, gateway=gateway, home=home), project, member, as_json=as_json))


@member_app.command("add")
def add(
    member: Member,
    name: Name = None,
    agent: Annotated[bool, typer.Option("--agent", help="Takes commands, not people's tasks.")] = False,
    manager: Annotated[bool, typer.Option("--manager", help="A project manager, who takes no task.")] = False,
    roles: Roles = None,
    seniority: Seniority = None,
    capacity: Capacity = None,
    slots: Slots = None,
    zone: Zone = None,
    days: Days = None,
    hours: Hours = None,
    tools: Tools = None,
    ai: Ai = None,
    project: ProjectOption = None,
    as_json: AsJson = False,
    config: Config = None,
    gateway: Gateway = None,
    home: Home = None,
) -> None:
    """Add a member; one who had left comes back."""
    from orchestra.cli import people

    kind = "agent" if agent or ai else "person"
    given = {"id": member, "name": name or member, "kind": kind, "manager": manager, "agent": ai}
    given |= {"roles": roles, "seniority": seniority, "capacity": capacity, "slots": slots, "zone": zone}
    given |= {"days": days, "hours": hours, "tools": tools}
    finish(people.add(settings_of(config, gateway=gateway, home=home), project, given, as_json=as_json))


@member_app.command("edit")
def edit(
    member: Member,
    name: Name = None,
    manager: Annotated[bool | None, typer.Option("--manager/--no-manager", help="A project manager.")] = None,
    roles: Roles = None,
    seniority: Seniority = None,
    capacity: Capacity = None,
    slots: Slots = None,
    zone: Zone = None,
    days: Days = None,
    hours: Hours = None,
    tools: Tools = None,
    ai: Ai = None,
    project: ProjectOption = None,
    as_json: AsJson = False,
    config: Config = None,
    gateway: Gateway = None,
    home: Home = None,
) -> None:
    """Change what is given. What the member may not take any more goes back."""
    from orchestra.cli import people

    given = {"name": name, "manager": manager, "roles": roles, "seniority": seniority, "capacity": capacity}
    given |= {"slots": slots, "zone": zone, "days": days, "hours": hours, "tools": tools, "agent": ai}
    finish(people.edit(settings_of(config, gateway=gateway, home=home), project, member, given, as_json=as_json))


@member_app.command("day-off")
def day_off(
    member: Member,
    first: Annotated[str, typer.Argument(metavar="FIRST", help="2026-12-21")],
    last: Annotated[str | None, typer.Argument(metavar="[LAST]", help="Without it one day.")] = None,
    reason: Reason = "",
    back: Annotated[bool, typer.Option("--back", help="They are there after all.")] = False,
    project: ProjectOption = None,
    as_json: AsJson = False,
    config: Config = None,
    gateway: Gateway = None,
    home: Home = None,
) -> None:
    """Days on which the member is away."""
    from orchestra.cli import people

    stretch = {"first": first} | ({"last": last} if last else {}) | ({} if back else {"reason": reason})
    settings = settings_of(config, gateway=gateway, home=home)
    finish(people.days_off(settings, project, member, stretch, back=back, as_json=as_json))


@member_app.command("fire")
def fire(
    member: Member,
    reason: Reason = "",
    by: Annotated[str | None, typer.Option("--as", help="The project manager who says so.", show_default=False)] = None,
    project: ProjectOption = None,
    as_json: AsJson = False,
    config: Config = None,
    gateway: Gateway = None,
    home: Home = None,
) -> None:
    """The member leaves by decision of a manager; all their tasks go back."""
    from orchestra.cli import people

    body = {"reason": reason} | ({"by": by} if by else {})
    finish(
        people.leave(settings_of(config, gateway=gateway, home=home), project, member, "fire", body, as_json=as_json)
    )


@member_app.command("resign")
def resign(
    member: Member,
    reason: Reason = "",
    project: ProjectOption = None,
    as_json: AsJson = False,
    config: Config = None,
    gateway: Gateway = None,
    home: Home = None,
) -> None:
    """The member leaves by their own decision; all their tasks go back."""
    from orchestra.cli import people

    settings = settings_of(config, gateway=gateway, home=home)
    finish(people.leave(settings, project, member, "resign", {"reason": reason}, as_json=as_json))


def workload(
    project: ProjectOption = None,
    as_json: AsJson = False,
    config: Config = None,
    gateway: Gateway = None,
    home: Home = None,
) -> None:
    """What everybody has in hand, and how much more they can carry."""
    from orchestra.cli import people

    finish(people.workload(settings_of(config, gateway=gateway, home=home), project, as_json=as_json))


@role_app.command("ls")
def role_ls(
    project: ProjectOption = None,
    as_json: AsJson = False,
    config: Config = None,
    gateway: Gateway = None,
    home: Home = None,
) -> None:
    """All roles, with who has each."""
    from orchestra.cli import people

    finish(people.roles(settings_of(config, gateway=gateway, home=home), project, as_json=as_json))


@role_app.command("add")
def role_add(
    name: str, project: ProjectOption = None, config: Config = None, gateway: Gateway = None, home: Home = None
) -> None:
    """A new role."""
    from orchestra.cli import people

    finish(people.change_role(settings_of(config, gateway=gateway, home=home), project, "add", name))


@role_app.command("rename")
def role_rename(
    name: str,
    new_name: str,
    project: ProjectOption = None,
    config: Config = None,
    gateway: Gateway = None,
    home: Home = None,
) -> None:
    """Another name for a role; those who have it keep it."""
    from orchestra.cli import people

    finish(people.change_role(settings_of(config, gateway=gateway, home=home), project, "rename", name, new_name))


@role_app.command("rm")
def role_rm(
    name: str, project: ProjectOption = None, config: Config = None, gateway: Gateway = None, home: Home = None
) -> None:
    """Remove a role that nobody has and nothing needs."""
    from orchestra.cli import people

    finish(people.change_role(settings_of(config, gateway=gateway, home=home), project, "rm", name))
