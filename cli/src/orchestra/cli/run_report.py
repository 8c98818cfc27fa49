"""A run as a report on standard output; a run directory has the same as report.md."""

from orchestra.cli.answers import print_json
from orchestra.cli.connect import connected
from orchestra.cli.exits import Exit
from orchestra.cli.record import measured, outputs_of, recorded
from orchestra.cli.report import report
from orchestra.cli.run_queries import find_run
from orchestra.cli.screen import Screen
from orchestra.cli.settings import CliSettings


async def write(settings: CliSettings, run_id: str | None, *, as_json: bool) -> Exit:
    async with connected(settings) as api:
        record = await recorded(api, await find_run(api, run_id))
    metrics, outputs = measured(record), outputs_of(record)
    if as_json:
        parts = {"requirements": record.requirements, "tasks": record.tasks, "attempts": record.attempts}
        return print_json({"run": record.run, "metrics": metrics, **parts, "costs": record.costs, "artifacts": outputs})
    statuses = {task["key"]: task["status"] for task in record.tasks}
    chart = Screen().plain_schedule(record.schedule, statuses) if record.schedule else ""
    print(report(record, metrics, outputs, chart), end="")
    return Exit.OK
