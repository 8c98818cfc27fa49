"""`orchestra calendar …` and `orchestra schedule …`, as the command line has them."""

from typing import Annotated

import typer

from orchestra.cli.find_project import ProjectOption
from orchestra.cli.options import AsJson, Config, Gateway, Home, finish, settings_of

calendar_app = typer.Typer(help="The project's calendar: show, set, holidays.", no_args_is_help=True)
schedule_app = typer.Typer(help="The schedule: show, history, difference.", no_args_is_help=True)

Days = Annotated[list[str] | None, typer.Option("--day", help="A working day: mon … sun.", show_default=False)]
Hours = Annotated[list[str] | None, typer.Option("--hours", help="09:00-13:00", show_default=False)]


def add_to(app: typer.Typer) -> None:
    app.add_typer(calendar_app, name="calendar")
    app.add_typer(schedule_app, name="schedule")


@calendar_app.command("show")
def show(
    project: ProjectOption = None,
    as_json: AsJson = False,
    config: Config = None,
    gateway: Gateway = None,
    home: Home = None,
) -> None:
    """Zone, days, hours, holidays and grain."""
    from orchestra.cli import calendars

    finish(calendars.show_calendar(settings_of(config, gateway=gateway, home=home), project, as_json=as_json))


@calendar_app.command("set")
def set_(
    zone: Annotated[str | None, typer.Option(help="IANA time zone.", show_default=False)] = None,
    days: Days = None,
    hours: Hours = None,
    grain: Annotated[int | None, typer.Option(help="Minutes; 1440 for whole days.", show_default=False)] = None,
    project: ProjectOption = None,
    as_json: AsJson = False,
    config: Config = None,
    gateway: Gateway = None,
    home: Home = None,
) -> None:
    """Change what is given; everything is recalculated."""
    from orchestra.cli import calendars

    given = {"zone": zone, "days": days, "hours": hours, "grain_minutes": grain}
    finish(calendars.set_calendar(settings_of(config, gateway=gateway, home=home), project, given, as_json=as_json))


@calendar_app.command("holiday")
def holiday(
    days: Annotated[
        list[str] | None, typer.Argument(metavar="[DAY]…", help="2026-12-24, or 12-25: every year.")
    ] = None,
    country: Annotated[
        str | None, typer.Option(help="All its public holidays, this year and the next: PT, DE-BY.", show_default=False)
    ] = None,
    back: Annotated[bool, typer.Option("--back", help="They are working days after all.")] = False,
    project: ProjectOption = None,
    as_json: AsJson = False,
    config: Config = None,
    gateway: Gateway = None,
    home: Home = None,
) -> None:
    """Add holidays, or take them back."""
    from orchestra.cli import calendars

    settings = settings_of(config, gateway=gateway, home=home)
    finish(calendars.holidays(settings, project, days or [], country, back=back, as_json=as_json))


@schedule_app.command("show")
def schedule_show(
    version: Annotated[int | None, typer.Option(help="Without it the newest.", show_default=False)] = None,
    project: ProjectOption = None,
    as_json: AsJson = False,
    config: Config = None,
    gateway: Gateway = None,
    home: Home = None,
) -> None:
    """The chart, the critical path, the end."""
    from orchestra.cli import calendars

    settings = settings_of(config, gateway=gateway, home=home)
    finish(calendars.show_schedule(settings, project, version, as_json=as_json))


@schedule_app.command("history")
def schedule_history(
    project: ProjectOption = None,
    as_json: AsJson = False,
    config: Config = None,
    gateway: Gateway = None,
    home: Home = None,
) -> None:
    """Every version with its cause, the newest first."""
    from orchestra.cli import calendars

    finish(calendars.history(settings_of(config, gateway=gateway, home=home), project, as_json=as_json))


@schedule_app.command("diff")
def schedule_diff(
    since: Annotated[int | None, typer.Argument(metavar="[FROM]", help="Without it the one before.")] = None,
    version: Annotated[int | None, typer.Argument(metavar="[TO]", help="Without it the newest.")] = None,
    project: ProjectOption = None,
    as_json: AsJson = False,
    config: Config = None,
    gateway: Gateway = None,
    home: Home = None,
) -> None:
    """What moved between two versions, and why."""
    from orchestra.cli import calendars

    settings = settings_of(config, gateway=gateway, home=home)
    finish(calendars.diff(settings, project, since, version, as_json=as_json))
