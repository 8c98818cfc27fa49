"""`orchestra run`: the whole journey, or the rest of one that was interrupted."""

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from orchestra.cli import run_directory
from orchestra.cli.api import Api
from orchestra.cli.connect import connected
from orchestra.cli.exits import Exit, Stop
from orchestra.cli.inputs import Inputs, read_inputs
from orchestra.cli.journey import ENDED, RunOptions, approve, follow, outcome, propose, start
from orchestra.cli.moments import moment
from orchestra.cli.progress import Progress
from orchestra.cli.record import recorded
from orchestra.cli.screen import Screen, how_to_answer
from orchestra.cli.settings import CliSettings


@dataclass(frozen=True)
class Request:
    document: str | None
    team: Path | None
    plan: Path | None
    plan_only: bool
    dry_run: bool
    yes: bool
    until_people: bool
    resume: bool
    start_at: str | None = None
    deadline: str | None = None
    by: str | None = None


async def run(settings: CliSettings, request: Request) -> Exit:
    if request.resume == (request.document is not None):
        raise Stop(Exit.USAGE, "give either FILE|TEXT or --resume")
    if request.resume and (request.start_at or request.deadline):
        raise Stop(Exit.USAGE, "--at and --deadline are said when a run is started")
    inputs = read_inputs(request.document, request.team, request.plan) if request.document is not None else None
    screen = Screen()
    async with connected(settings) as api:
        if inputs is None:
            started = await _newest_open(api)
            screen.note(f"going on with {started['id']}")
        else:
            started = await _begin(api, screen, settings, request, inputs)
            if started is None:
                return Exit.OK if request.plan_only else Exit.WAITING
            if left_alone(screen, settings, started):
                return Exit.OK
        return await go_on(api, screen, settings, started, until_people=request.until_people)


async def _begin(
    api: Api, screen: Screen, settings: CliSettings, request: Request, inputs: Inputs
) -> dict[str, Any] | None:
    """The started run; None when nothing is to be run, or nobody has approved."""
    plan = await propose(api, inputs, by=request.by)
    screen.plan(plan)
    if request.plan_only:
        path = _write_plan(settings.out, plan)
        screen.note(f"the plan is in {path}; nothing was run")
        return None
    if not request.yes and not _approved(screen, plan):
        screen.note("the plan was not approved; nothing was run")
        return None
    schedule = await approve(api, plan)
    if request.dry_run:
        screen.schedule(schedule, {})
    elif request.start_at is None:  # else it follows from the start, which is still to be said
        screen.forecast(schedule)
    options = RunOptions(settings.concurrency, settings.retries, request.dry_run, request.start_at, request.deadline)
    return await start(api, plan, options)


def left_alone(screen: Screen, settings: CliSettings, run: dict[str, Any]) -> bool:
    """The run begins later, and services that go on without this process will begin it."""
    if run["status"] != "accepted" or not run["start_at"]:
        return False
    screen.say(f"{run['id']} begins {moment(run['start_at'])}.")
    if settings.gateway is None:
        screen.note("this process waits for it; after Ctrl-C `orchestra up` or `orchestra run --resume` goes on")
    return settings.gateway is not None


async def go_on(
    api: Api,
    screen: Screen,
    settings: CliSettings,
    started: dict[str, Any],
    *,
    until_people: bool,
    after: int = 0,
    done: int = 0,
) -> Exit:
    """Follow a run to where it stops, show it, write its directory.

    Only what the feed says after `after` is told; `done` tasks were done by then.
    """
    total = sum((await api.get(f"/runs/{started['id']}"))["totals"].values())
    with Progress(screen.err, total, done) as progress:
        run = await follow(api, started["id"], progress, after)
    record = await recorded(api, run)
    statuses = {task["key"]: task["status"] for task in record.tasks}
    chart = ""
    if record.schedule is not None:
        if not run["dry_run"]:
            screen.schedule(record.schedule, statuses)
        chart = screen.plain_schedule(record.schedule, statuses)
    screen.waiting(run)
    await _tell_failures(api, screen, run["id"], [task for task in record.tasks if task["status"] == "failed"])
    directory = await run_directory.write(api, settings.out, record, chart)
    totals = ", ".join(f"{count} {status}" for status, count in sorted(run["totals"].items()))
    levels = ", ".join(sorted(run["sandbox_levels"])) or "not used"
    proof = "nothing was executed" if run["dry_run"] else f"sandbox {levels}"
    screen.say("")
    screen.say(f"{'Dry run' if run['dry_run'] else 'Run'} {run['status']}: {totals}; {proof}.")
    screen.say(f"Everything is in {directory}/")
    return outcome(run, until_people=until_people)


async def _tell_failures(api: Api, screen: Screen, run_id: str, failed: Sequence[dict[str, Any]]) -> None:
    choices: dict[str, list[str]] = {}
    if any(task["checkpoint_id"] for task in failed):
        checkpoints = await api.all("/checkpoints", status="open", run_id=run_id)
        choices = {each["id"]: each["choices"] for each in checkpoints}
    for task in failed:
        failure: dict[str, Any] = task["last_failure"] or {}
        screen.say(f"Failed: {task['key']} ({failure.get('class')}: {failure.get('reason')})", "bold red")
        if (checkpoint := task["checkpoint_id"]) in choices:
            screen.say(f"    {how_to_answer(checkpoint, choices[checkpoint])}", "cyan")


async def _newest_open(api: Api) -> dict[str, Any]:
    for each in await api.all("/runs"):
        if each["status"] not in ENDED:
            return each
    raise Stop(Exit.NOT_FOUND, "there is no open run")


def _approved(screen: Screen, plan: dict[str, Any]) -> bool:
    if not sys.stdin.isatty():
        raise Stop(Exit.WAITING, "a plan has to be approved by a person: answer at a terminal, or give --yes")
    screen.err.print(f"Approve plan {plan['hash'][:12]} and run it? [y/N] ", end="")
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def _write_plan(out: Path, plan: dict[str, Any]) -> Path:
    directory = run_directory.directory_of(out, plan)
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / "plan.json"
    path.write_text(json.dumps(plan, indent=2, ensure_ascii=False) + "\n")
    return path
