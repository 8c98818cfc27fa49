"""`orchestra runs` and `orchestra task`: the verbs that control them."""

from typing import Annotated

import typer

from orchestra.cli.options import Config, Gateway, Home, Out, RunId, finish, settings_of

runs = typer.Typer()
task = typer.Typer()

WhichRun = Annotated[str | None, typer.Argument(metavar="RUN", help="Without it the newest.", show_default=False)]
WhichTask = Annotated[str, typer.Argument(metavar="ID", help="The task's id, or its key in the run.")]


@runs.command("pause")
def pause_run(run: WhichRun = None, config: Config = None, gateway: Gateway = None, home: Home = None) -> None:
    """Begin nothing more; what has begun goes on to its end."""
    from orchestra.cli import control

    finish(control.hold_run(settings_of(config, gateway=gateway, home=home), run, "pause"))


@runs.command("cancel")
def cancel_run(run: str, config: Config = None, gateway: Gateway = None, home: Home = None) -> None:
    """Cancel what has not ended; running commands are stopped."""
    from orchestra.cli import control

    finish(control.hold_run(settings_of(config, gateway=gateway, home=home), run, "cancel"))


@runs.command("resume")
def resume_run(
    run: WhichRun = None, out: Out = None, config: Config = None, gateway: Gateway = None, home: Home = None
) -> None:
    """Go on with a paused run, as far as it goes."""
    from orchestra.cli import control

    finish(control.move_run(settings_of(config, out=out, gateway=gateway, home=home), run, "resume"))


@runs.command("retry")
def retry_run(
    run: WhichRun = None, out: Out = None, config: Config = None, gateway: Gateway = None, home: Home = None
) -> None:
    """Try everything again that has failed, and go on; what is done stays done."""
    from orchestra.cli import control

    finish(control.move_run(settings_of(config, out=out, gateway=gateway, home=home), run, "retry"))


@runs.command("rerun")
def rerun(
    keys: Annotated[list[str], typer.Option("--from", help="A task's key; may be repeated.", metavar="KEY")],
    run: WhichRun = None,
    out: Out = None,
    config: Config = None,
    gateway: Gateway = None,
    home: Home = None,
) -> None:
    """Do tasks once more, with everything that comes after them, and go on."""
    from orchestra.cli import control

    settings = settings_of(config, out=out, gateway=gateway, home=home)
    finish(control.move_run(settings, run, "rerun", {"from": keys}))


@runs.command("fork")
def fork(
    keys: Annotated[list[str], typer.Option("--from", help="A task's key; may be repeated.", metavar="KEY")],
    run: WhichRun = None,
    name: Annotated[str | None, typer.Option(help="Of the new project.", show_default=False)] = None,
    hold: Annotated[bool, typer.Option("--hold", help="Begin nothing before `orchestra runs resume`.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Go through what is left, execute nothing.")] = False,
    concurrency: Annotated[int | None, typer.Option(help="Commands at a time.")] = None,
    retries: Annotated[int | None, typer.Option(help="Further tries of every command, in place of the plan's.")] = None,
    at: Annotated[str | None, typer.Option(help="Begin then: 2026-12-01T09:00, or +1h30m.", show_default=False)] = None,
    deadline: Annotated[str | None, typer.Option(help="Cancel it if it is open then.", show_default=False)] = None,
    out: Out = None,
    config: Config = None,
    gateway: Gateway = None,
    home: Home = None,
) -> None:
    """Go on from tasks in a run and a project of their own; what is done before them is adopted, not executed."""
    from orchestra.cli import control
    from orchestra.cli.moments import instant

    settings = settings_of(config, out=out, gateway=gateway, home=home, concurrency=concurrency, retries=retries)
    start_at, by = (instant(text) if text else None for text in (at, deadline))
    body = {"from": keys, "name": name, "hold": hold, "dry_run": dry_run, "start_at": start_at, "deadline": by}
    finish(control.fork_run(settings, run, body))


@task.command("pause")
def pause_task(
    task: WhichTask, run_id: RunId = None, config: Config = None, gateway: Gateway = None, home: Home = None
) -> None:
    """Begin nothing more of it; what has begun goes on to its end."""
    from orchestra.cli import control

    finish(control.hold_task(settings_of(config, gateway=gateway, home=home), task, run_id, "pause"))


@task.command("cancel")
def cancel_task(
    task: WhichTask, run_id: RunId = None, config: Config = None, gateway: Gateway = None, home: Home = None
) -> None:
    """Stop it. What comes after it waits until it is retried or skipped."""
    from orchestra.cli import control

    finish(control.hold_task(settings_of(config, gateway=gateway, home=home), task, run_id, "cancel"))


@task.command("resume")
def resume_task(
    task: WhichTask,
    run_id: RunId = None,
    out: Out = None,
    config: Config = None,
    gateway: Gateway = None,
    home: Home = None,
) -> None:
    """Go on with a paused task, and follow its run."""
    from orchestra.cli import task_commands

    settings = settings_of(config, out=out, gateway=gateway, home=home)
    finish(task_commands.say(settings, task, run_id, "resume", {}))


@task.command("retry")
def retry_task(
    task: WhichTask,
    run_id: RunId = None,
    out: Out = None,
    config: Config = None,
    gateway: Gateway = None,
    home: Home = None,
) -> None:
    """Try again what has failed or was cancelled, and follow its run."""
    from orchestra.cli import task_commands

    settings = settings_of(config, out=out, gateway=gateway, home=home)
    finish(task_commands.say(settings, task, run_id, "retry", {}))


@task.command("skip")
def skip_task(
    task: WhichTask,
    run_id: RunId = None,
    out: Out = None,
    config: Config = None,
    gateway: Gateway = None,
    home: Home = None,
) -> None:
    """Go on without it: what comes after it no longer waits for it."""
    from orchestra.cli import task_commands

    settings = settings_of(config, out=out, gateway=gateway, home=home)
    finish(task_commands.say(settings, task, run_id, "skip", {}))
