"""`orchestra calendar` and `orchestra schedule`: when work is done, and what that comes to."""

from collections.abc import Mapping, Sequence
from typing import Any

from orchestra.cli.answers import print_json, print_list
from orchestra.cli.connect import connected
from orchestra.cli.exits import Exit, Stop
from orchestra.cli.find_project import path_of
from orchestra.cli.moments import moment
from orchestra.cli.screen import Screen
from orchestra.cli.settings import CliSettings


async def show_calendar(settings: CliSettings, project: str | None, *, as_json: bool) -> Exit:
    async with connected(settings) as api:
        calendar = await api.get(f"{await path_of(api, project)}/calendar")
    return _calendar(calendar, as_json=as_json)


async def set_calendar(settings: CliSettings, project: str | None, fields: Mapping[str, Any], *, as_json: bool) -> Exit:
    change = {name: value for name, value in fields.items() if value not in (None, [])}
    if not change:
        raise Stop(Exit.USAGE, "nothing to change: see `orchestra calendar set -h`")
    async with connected(settings) as api:
        path = f"{await path_of(api, project)}/calendar"
        calendar = await api.edit(path, lambda present: ("PUT", {**present, **change}))
    return _calendar(calendar, as_json=as_json)


async def holidays(
    settings: CliSettings, project: str | None, days: Sequence[str], country: str | None, *, back: bool, as_json: bool
) -> Exit:
    if not days and not country:
        raise Stop(Exit.USAGE, "give days, or --country")
    async with connected(settings) as api:
        path = f"{await path_of(api, project)}/calendar/holidays"
        calendar: dict[str, Any] = {}
        if back:
            for day in days:
                calendar = await api.delete(f"{path}/{day}")
        elif days:
            calendar = await api.post(path, {"days": list(days)})
        if country and not back:
            code, _, subdivision = country.partition("-")
            part = {"subdivision": subdivision} if subdivision else {}
            added = await api.post(f"{path}/public", {"country": code.upper(), **part})
            calendar = added["calendar"]
            for each in added["added"]:
                Screen().note(f"{each['day']} {each['name']}")
    return _calendar(calendar, as_json=as_json)


async def show_schedule(settings: CliSettings, project: str | None, version: int | None, *, as_json: bool) -> Exit:
    async with connected(settings) as api:
        base = await path_of(api, project)
        schedule = await api.get(f"{base}/schedules/{version}" if version else f"{base}/schedule")
        tasks = await api.all(f"{base}/tasks")
    if as_json:
        return print_json(schedule)
    screen = Screen()
    screen.say(f"Schedule {schedule['version']} of {moment(schedule['at'])}, because {schedule['cause']}", "bold")
    screen.schedule(schedule, {task["key"]: task["status"] for task in tasks})
    screen.say(f"Ends {moment(schedule['project_end']) or 'nobody knows when'}")
    return Exit.OK


async def history(settings: CliSettings, project: str | None, *, as_json: bool) -> Exit:
    async with connected(settings) as api:
        versions = await api.all(f"{await path_of(api, project)}/schedules")
    return print_list(
        versions,
        ("Version", "At", "Project ends", "Moved", "Cause"),
        lambda v: (str(v["version"]), moment(v["at"]), moment(v["project_end"]), str(v["moved"]), v["cause"]),
        as_json=as_json,
    )


async def diff(
    settings: CliSettings, project: str | None, since: int | None, version: int | None, *, as_json: bool
) -> Exit:
    """Without versions: the newest and the one before."""
    async with connected(settings) as api:
        base = await path_of(api, project)
        newest = version or (await api.get(f"{base}/schedule"))["version"]
        query = {"since": since} if since else {}
        found = await api.get(f"{base}/schedules/{newest}/difference", **query)
    if as_json:
        return print_json(found)
    screen = Screen()
    before, after = found["since"], found["version"]
    screen.say(f"From schedule {before['version']} to {after['version']}", "bold")
    for each in found["causes"]:
        screen.say(f"  {each['version']}: {each['cause']}")
    ends = (moment(before["project_end"]) or "unknown", moment(after["project_end"]) or "unknown")
    screen.say(f"Project ends {ends[1]}" if ends[0] == ends[1] else f"Project ends {ends[1]}, not {ends[0]}")
    rows = [(m["key"], _span(m, "before"), _span(m, "after"), m["cause"]) for m in found["moves"]]
    if rows:
        screen.table(("Task", "Was", "Is", "Why"), rows)
    else:
        screen.say("No task has moved.")
    return Exit.OK


def _span(move: dict[str, Any], when: str) -> str:
    start, end = moment(move[f"start_{when}"]), moment(move[f"end_{when}"])
    return f"{start} – {end}" if start else "not planned"


def _calendar(calendar: dict[str, Any], *, as_json: bool) -> Exit:
    if as_json:
        return print_json(calendar)
    screen = Screen()
    screen.say(f"{calendar['zone']}: {', '.join(calendar['days'])}, {', '.join(calendar['hours'])}")
    screen.say(f"Holidays: {', '.join(calendar['holidays']) or 'none'}")
    screen.say(f"Plans to {calendar['grain_minutes']} minutes")
    return Exit.OK
