"""The `orchestra` command. What a subcommand needs is imported when it runs, so that `--help` is quick."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from orchestra.chassis.garbage import load_quickly
from orchestra.cli import (
    agent_app,
    budget_app,
    calendar_app,
    checkpoint_app,
    control_app,
    knowledge_app,
    limit_app,
    models_app,
    notify_app,
    people_app,
    people_task_app,
    policy_app,
    project_app,
    report_app,
    tools_app,
)
from orchestra.cli.exits import Exit, Stop
from orchestra.cli.options import AsJson, By, Config, Gateway, Home, Out, RunId, finish, settings_of
from orchestra.cli.plan_app import add_edits, plan_app

app = typer.Typer(
    name="orchestra",
    help="Turn requirements into finished work: plan, approve, run, with people and agents on one schedule.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # drawing boxes around the help would cost most of its time
    context_settings={"help_option_names": ["-h", "--help"]},
)
runs_app = typer.Typer(
    help="Runs: list, show, read what they print, pause, resume, cancel, retry, rerun, fork, report.",
    no_args_is_help=True,
)
task_app = typer.Typer(
    help="Tasks: edit the plan, take, report, finish, give back, show, explain, decide; pause, cancel, retry, skip.",
    no_args_is_help=True,
)
dead_app = typer.Typer(help="Dead letters: what could not be handled, and why.", no_args_is_help=True)
runs_app.add_typer(control_app.runs)
runs_app.add_typer(report_app.runs)
task_app.add_typer(control_app.task)
app.add_typer(plan_app, name="plan")
app.add_typer(runs_app, name="runs")
add_edits(task_app)
app.add_typer(task_app, name="task")
app.add_typer(checkpoint_app.app, name="checkpoint")
app.add_typer(dead_app, name="dead")
app.add_typer(notify_app.app, name="notify")
app.add_typer(project_app.app, name="project")
app.add_typer(policy_app.app, name="policy")
app.add_typer(limit_app.app, name="limit")
app.add_typer(models_app.app, name="models")
app.add_typer(budget_app.app, name="budget")
app.add_typer(agent_app.app, name="agent")
app.add_typer(tools_app.app, name="tools")
app.add_typer(knowledge_app.app, name="knowledge")
people_app.add_to(app)
calendar_app.add_to(app)
people_task_app.add_to(task_app)


@app.command()
def run(
    document: Annotated[str | None, typer.Argument(metavar="FILE|TEXT", help="Requirements.")] = None,
    team: Annotated[Path | None, typer.Option(help="Who works, and when (YAML).")] = None,
    plan: Annotated[Path | None, typer.Option(help="Tasks and commands (YAML).")] = None,
    plan_only: Annotated[bool, typer.Option("--plan-only", help="Write the plan, run nothing.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Go through everything, execute nothing.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Approve the plan without being asked.")] = False,
    until_people: Annotated[
        bool, typer.Option("--until-people", help="Exit 0, not 3, when only people can go on.")
    ] = False,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the newest open run.")] = False,
    concurrency: Annotated[int | None, typer.Option(help="Commands at a time.")] = None,
    retries: Annotated[int | None, typer.Option(help="Further tries of every command, in place of the plan's.")] = None,
    at: Annotated[str | None, typer.Option(help="Begin then: 2026-12-01T09:00, or +1h30m.", show_default=False)] = None,
    deadline: Annotated[str | None, typer.Option(help="Cancel the run if it is open then.", show_default=False)] = None,
    by: By = None,
    out: Out = None,
    config: Config = None,
    gateway: Gateway = None,
    home: Home = None,
) -> None:
    """From requirements to finished work, as far as it goes without a person."""
    from orchestra.cli import run_command
    from orchestra.cli.moments import instant

    settings = settings_of(config, out=out, gateway=gateway, home=home, concurrency=concurrency, retries=retries)
    begin, end = (instant(text) if text else None for text in (at, deadline))
    planner = by and by.value
    request = run_command.Request(
        document, team, plan, plan_only, dry_run, yes, until_people, resume, begin, end, planner
    )
    finish(run_command.run(settings, request))


@runs_app.command("ls")
def runs_ls(as_json: AsJson = False, config: Config = None, gateway: Gateway = None, home: Home = None) -> None:
    """All runs, the newest first."""
    from orchestra.cli import run_queries

    finish(run_queries.ls(settings_of(config, gateway=gateway, home=home), as_json=as_json))


@runs_app.command("show")
def runs_show(
    run_id: Annotated[str | None, typer.Argument(help="Without it the newest.")] = None,
    as_json: AsJson = False,
    config: Config = None,
    gateway: Gateway = None,
    home: Home = None,
) -> None:
    """A run with its tasks, its schedule and what it waits for."""
    from orchestra.cli import run_queries

    finish(run_queries.show(settings_of(config, gateway=gateway, home=home), run_id, as_json=as_json))


@runs_app.command("logs")
def runs_logs(
    run_id: Annotated[str | None, typer.Argument(metavar="[RUN]", help="Without it the newest.")] = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until the run is over.")] = False,
    task: Annotated[str | None, typer.Option("--task", help="Of this task alone: its key or its id.")] = None,
    config: Config = None,
    gateway: Gateway = None,
    home: Home = None,
) -> None:
    """What the commands of a run printed; with -f also what they print while they run."""
    from orchestra.cli import run_logs

    finish(run_logs.logs(settings_of(config, gateway=gateway, home=home), run_id, task, follow=follow))


@task_app.command("start")
def task_start(
    task: Annotated[str, typer.Argument(metavar="ID", help="The task's id, or its key in the run.")],
    member: Annotated[str | None, typer.Option("--as", help="Who says so: the assignee's id in the team.")] = None,
    run_id: RunId = None,
    config: Config = None,
    gateway: Gateway = None,
    home: Home = None,
) -> None:
    """Say that a person has begun their task: what waits for its start goes on."""
    from orchestra.cli import task_commands

    finish(task_commands.start(settings_of(config, gateway=gateway, home=home), task, member, run_id))


@task_app.command("done")
def task_done(
    task: Annotated[str, typer.Argument(metavar="ID", help="The task's id, or its key in the run.")],
    member: Annotated[str | None, typer.Option("--as", help="Who says so: the assignee's id in the team.")] = None,
    run_id: RunId = None,
    out: Out = None,
    config: Config = None,
    gateway: Gateway = None,
    home: Home = None,
) -> None:
    """Say that a person's task is done, and go on as far as it goes."""
    from orchestra.cli import task_commands

    settings = settings_of(config, out=out, gateway=gateway, home=home)
    finish(task_commands.done(settings, task, member, run_id))


@task_app.command("decide")
def task_decide(
    task: Annotated[str, typer.Argument(metavar="ID")],
    retry: Annotated[bool, typer.Option("--retry/--fail", help="Run it once more, or end it.")],
    run_id: RunId = None,
    out: Out = None,
    config: Config = None,
    gateway: Gateway = None,
    home: Home = None,
) -> None:
    """Decide about a task that waits because its command may have had its effect already."""
    from orchestra.cli import task_commands

    settings = settings_of(config, out=out, gateway=gateway, home=home)
    finish(task_commands.decide(settings, task, "retry" if retry else "fail", run_id))


@task_app.command("explain")
def task_explain(
    task: Annotated[str, typer.Argument(metavar="ID")],
    run_id: RunId = None,
    as_json: AsJson = False,
    config: Config = None,
    gateway: Gateway = None,
    home: Home = None,
) -> None:
    """Why a task is where it is, and what it waits for."""
    from orchestra.cli import task_commands

    finish(task_commands.explain(settings_of(config, gateway=gateway, home=home), task, run_id, as_json=as_json))


@task_app.command("show")
def task_show(
    task: Annotated[str, typer.Argument(metavar="ID", help="The task's id, or its key in the run.")],
    run_id: RunId = None,
    as_json: AsJson = False,
    config: Config = None,
    gateway: Gateway = None,
    home: Home = None,
) -> None:
    """A task as it stands, with its last failure and the guidance of people."""
    from orchestra.cli import task_commands

    finish(task_commands.show(settings_of(config, gateway=gateway, home=home), task, run_id, as_json=as_json))


@dead_app.command("ls")
def dead_ls(
    replayed: Annotated[bool, typer.Option("--replayed", help="Those replayed as well.")] = False,
    as_json: AsJson = False,
    config: Config = None,
    gateway: Gateway = None,
    home: Home = None,
) -> None:
    """What could not be handled, in every service."""
    from orchestra.cli import operate

    finish(operate.dead_ls(settings_of(config, gateway=gateway, home=home), replayed=replayed, as_json=as_json))


@dead_app.command("show")
def dead_show(letter: str, config: Config = None, gateway: Gateway = None, home: Home = None) -> None:
    """One dead letter, with its reason, its traceback and its event."""
    from orchestra.cli import operate

    finish(operate.dead_show(settings_of(config, gateway=gateway, home=home), letter))


@dead_app.command("replay")
def dead_replay(letter: str, config: Config = None, gateway: Gateway = None, home: Home = None) -> None:
    """Deliver it once more."""
    from orchestra.cli import operate

    finish(operate.dead_replay(settings_of(config, gateway=gateway, home=home), letter))


@app.command()
def doctor(as_json: AsJson = False, config: Config = None, gateway: Gateway = None, home: Home = None) -> None:
    """Ask every service whether it is well, and say what is not."""
    from orchestra.cli import operate

    finish(operate.doctor(settings_of(config, gateway=gateway, home=home), as_json=as_json))


@app.command()
def up(
    address: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one.")] = 8000,
    config: Config = None,
    home: Home = None,
) -> None:
    """All services in this process, with the API on a port. Open runs go on."""
    from orchestra.cli import up as host

    finish(host.up(settings_of(config, home=home), address, port))


@app.command()
def serve(service: str) -> None:
    """One service as a process of its own: gateway, planner, scheduler, executor or notifier."""
    from orchestra.cli import serve as serving

    serving.serve(service)


@app.command()
def stack(
    port: Annotated[int, typer.Option(min=1, max=65530, help="The gateway's; the others take the next four.")] = 8000,
    home: Home = None,
) -> None:
    """The five services as processes on PostgreSQL, RabbitMQ and Redis."""
    from orchestra.cli import stack as stacking

    finish(stacking.stack(home or Path(".orchestra"), port))


def main() -> None:
    """Run, and turn whatever stops it into one clear message and an exit code."""
    load_quickly()
    try:
        app()
    except Stop as stop:
        print(f"orchestra: {stop}", file=sys.stderr)
        for fault in stop.faults:
            print(f"  {fault}", file=sys.stderr)
        sys.exit(stop.code)
    except KeyboardInterrupt:
        print("orchestra: interrupted; nothing is lost: go on with `orchestra run --resume`", file=sys.stderr)
        sys.exit(Exit.INTERRUPTED)


if __name__ == "__main__":
    main()
