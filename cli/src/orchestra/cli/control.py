"""Pausing, resuming, cancelling, retrying, forking and skipping: what is said, and what follows from it."""

from collections.abc import Mapping
from typing import Any

from orchestra.cli.connect import connected
from orchestra.cli.exits import Exit
from orchestra.cli.run_command import go_on, left_alone
from orchestra.cli.run_queries import find_run
from orchestra.cli.screen import Screen
from orchestra.cli.settings import CliSettings
from orchestra.cli.task_commands import find_task, newest_entry


async def hold_run(settings: CliSettings, run_id: str | None, verb: str) -> Exit:
    """Pause or cancel: said, and shown as it is then."""
    async with connected(settings) as api:
        run = await api.post(f"/runs/{(await find_run(api, run_id))['id']}/{verb}", {})
    totals = ", ".join(f"{count} {status}" for status, count in sorted(run["totals"].items()))
    Screen().say(f"{run['id']}: {run['status']} ({totals or 'its plan has not come yet'})")
    return Exit.OK


async def move_run(settings: CliSettings, run_id: str | None, verb: str, body: Mapping[str, Any] | None = None) -> Exit:
    """Resume, retry or rerun, and follow the run to its next stop."""
    screen = Screen()
    async with connected(settings) as api:
        found = await find_run(api, run_id)
        after = await newest_entry(api, found["id"])
        run = await api.post(f"/runs/{found['id']}/{verb}", body or {})
        screen.note(f"{run['id']} is {run['status']} (epoch {run['epoch']})")
        if left_alone(screen, settings, run):
            return Exit.OK
        done = run["totals"].get("done", 0)
        return await go_on(api, screen, settings, run, until_people=True, after=after, done=done)


async def fork_run(settings: CliSettings, run_id: str | None, body: Mapping[str, Any]) -> Exit:
    """Go on from a step beside the run, and follow the new one to its next stop; a held one is only named."""
    screen = Screen()
    async with connected(settings) as api:
        found = await find_run(api, run_id)
        options = {"concurrency": settings.concurrency, "retries": settings.retries}
        asked = {name: value for name, value in {**options, **body}.items() if value is not None}
        run = await api.post(f"/runs/{found['id']}/fork", asked)
        adopted = run["totals"].get("done", 0)
        screen.note(f"{run['id']} goes on from {found['id']} in {run['project_id']}; adopted tasks: {adopted}")
        if run["status"] == "paused":
            screen.say(f"{run['id']} is held: orchestra runs resume {run['id']}")
            return Exit.OK
        if left_alone(screen, settings, run):
            return Exit.OK
        return await go_on(api, screen, settings, run, until_people=True)


async def hold_task(settings: CliSettings, task: str, run_id: str | None, verb: str) -> Exit:
    """Pause or cancel: said, with why the task is where it is then."""
    async with connected(settings) as api:
        found = await find_task(api, task, run_id)
        await api.post(f"/tasks/{found['id']}/{verb}", {})
        told = await api.get(f"/tasks/{found['id']}/explain")
    Screen().say(told["sentence"])
    return Exit.OK
