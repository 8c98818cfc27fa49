"""What a person sees: data on standard output, progress on standard error, colour only where a terminal shows it."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from orchestra.cli.gantt import LEGEND, Gantt, gantt
from orchestra.cli.moments import times, wait

STYLES = {
    "done": "green",
    "running": "cyan",
    "queued": "cyan",
    "assigned": "yellow",
    "waiting": "yellow",
    "failed": "bold red",
    "cancelled": "dim",
    "skipped": "dim",
    "paused": "yellow",
    "ready": "default",
    "blocked": "dim",
    "critical": "red",
    "planned": "blue",
    "finished": "bold green",
}
DATES = 28
"""Columns for `Mon 23 09:00 – Tue 24 18:00`."""
NARROWEST = 100
"""Columns where nothing says how many there are."""


class Screen:
    def __init__(self, *, colour: bool = True) -> None:
        width = None if Console().is_terminal else NARROWEST
        self.out = Console(no_color=not colour, width=width, highlight=False, soft_wrap=False)
        self.err = Console(stderr=True, no_color=not colour, highlight=False)

    def plan(self, plan: dict[str, Any]) -> None:
        """Requirements with what covers them, tasks, gaps, the hash that an approval binds to."""
        requirements = _table("", "Requirement", "Covered by")
        for each in plan["requirements"]:
            covering = plan["coverage"].get(each["ref"], [])
            by = Text(", ".join(covering)) if covering else Text("nothing: a gap", "bold yellow")
            requirements.add_row(f"[{each['ref']}]", Text(_short(each["text"], 60)), by)
        tasks = _table("Task", "Title", "Role", "Effort", "After")
        for task in plan["tasks"]:
            title = Text("$ " if task["command"] else "@ " if task["agent"] else "", "cyan") + Text(task["title"])
            if when := times(task):
                title += Text(f" ({when})", "dim")
            tasks.add_row(
                task["key"], title, task["role"] or "", _effort(task), ", ".join(map(dependency, task["dependencies"]))
            )
        self.out.print(Text.assemble((plan["document_name"], "bold"), f", plan version {plan['version']}\n"))
        self.out.print(requirements)
        self.out.print()
        self.out.print(tasks)
        self.out.print()
        covered = len(plan["requirements"]) - len(plan["gaps"])
        self.out.print(
            f"{covered} of {len(plan['requirements'])} requirements are covered by {len(plan['tasks'])} tasks."
        )
        if plan["gaps"]:
            self.out.print(Text(f"Gaps: {', '.join(plan['gaps'])}", "bold yellow"))
        for assumption in plan["assumptions"]:
            self.out.print(Text(f"Assumed: {assumption}", "dim"))
        self.out.print(f"Plan hash: {plan['hash']}")

    def forecast(self, schedule: dict[str, Any]) -> None:
        """The schedule in a line, before the work begins."""
        end = schedule["project_end"]
        when = datetime.fromisoformat(end).astimezone().strftime("%a %d %b %H:%M") if end else "unknown"
        self.out.print()
        self.say(f"Scheduled {len(schedule['tasks'])} tasks; the last one ends {when}.")
        self._critical_path(schedule)

    def schedule(self, schedule: dict[str, Any], statuses: dict[str, str]) -> None:
        """The Gantt chart and the critical path."""
        chart = self._chart(schedule, statuses)
        key, who = _widths(chart)
        self.out.print()
        self.out.print(Text(f"{'':{key + who + 2}}{chart.axis}", "dim"))
        for row in chart.rows:
            line = Text.assemble(
                f"{row.key:{key}} ", (f"{row.who:{who}} ", "dim"), (row.bar, STYLES[row.kind]), (f" {row.dates}", "dim")
            )
            self.out.print(line, no_wrap=True, overflow="ellipsis")
        self.out.print(Text(LEGEND, "dim"))
        self._critical_path(schedule)
        for each in schedule["unplaced"]:
            self.out.print(Text(f"Not planned: {each['key']} ({each['reason']})", "yellow"))
        for each in schedule["tasks"]:
            if each["late"] and statuses.get(each["key"]) != "done":
                self.out.print(Text(f"Late: {each['key']} is planned to end after its deadline", "yellow"))

    def _critical_path(self, schedule: dict[str, Any]) -> None:
        names = {task["task_id"]: task["key"] for task in schedule["tasks"]}
        path = [names[task] for task in schedule["critical_path"]]
        if path:
            self.out.print(Text.assemble("Critical path: ", (" → ".join(path), "red")), soft_wrap=True)

    def _chart(self, schedule: dict[str, Any], statuses: dict[str, str]) -> Gantt:
        names = [task["key"] for task in schedule["tasks"]] or [""]
        people = [task["member"]["name"] for task in schedule["tasks"] if task["member"]] or [""]
        taken = max(map(len, names)) + max(map(len, people)) + 2 + DATES
        return gantt(schedule, statuses, max(20, self.out.width - taken))

    def plain_schedule(self, schedule: dict[str, Any], statuses: dict[str, str]) -> str:
        """The chart as text for the report."""
        chart = gantt(schedule, statuses, 60)
        key, who = _widths(chart)
        rows = [f"{row.key:{key}} {row.who:{who}} {row.bar} {row.dates}" for row in chart.rows]
        return "\n".join([f"{'':{key + who + 2}}{chart.axis}", *rows, "", LEGEND])

    def waiting(self, run: dict[str, Any]) -> None:
        """What waits for whom, and the command that goes on."""
        if not run["waiting_for"]:
            return
        self.out.print()
        self.out.print(Text("Waiting for:", "bold"))
        for each in run["waiting_for"]:
            who = each["member"]["name"] if each["member"] else "somebody"
            if each["paused"]:
                self.out.print(f"  {who}: {each['title']} ({each['key']}) {each['reason']}", soft_wrap=True)
                self.out.print(Text(f"    orchestra task resume {each['key']}", "cyan"))
                continue
            if each["checkpoint_id"]:
                self.out.print(Text(f"  {who}: {each['question']}"), soft_wrap=True)
                self.out.print(
                    Text(f"    {how_to_answer(each['checkpoint_id'], each['choices'])}", "cyan"), soft_wrap=True
                )
                continue
            self.out.print(f"  {who}: {each['title']} ({each['key']})", soft_wrap=True)
            self.out.print(Text(f"    orchestra task done {each['key']}", "cyan"))

    def table(self, head: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
        table = _table(*head)
        for row in rows:
            table.add_row(*(Text(cell, STYLES.get(cell, "default")) for cell in row))
        self.out.print(table)

    def facts(self, facts: Iterable[tuple[str, str]]) -> None:
        """A line each, what is empty left out."""
        shown = [fact for fact in facts if fact[1]]
        width = max((len(label) for label, _ in shown), default=0)
        for label, value in shown:
            self.out.print(Text.assemble((f"{label:{width}}  ", "dim"), value), soft_wrap=True)

    def say(self, text: str, style: str = "") -> None:
        """A line of data."""
        self.out.print(Text(text, style), soft_wrap=True)

    def note(self, text: str, style: str = "dim") -> None:
        """A line beside the data."""
        self.err.print(Text(text, style), soft_wrap=True)


def how_to_answer(checkpoint_id: str, choices: Sequence[str]) -> str:
    """The command that answers it."""
    said = ("answer TEXT" if choice == "answer" else choice for choice in choices)
    return f"orchestra checkpoint answer {checkpoint_id} {'|'.join(said)}"


def _table(*head: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for name in head:
        table.add_column(name, overflow="fold")
    return table


def _widths(chart: Gantt) -> tuple[int, int]:
    return max((len(row.key) for row in chart.rows), default=0), max((len(row.who) for row in chart.rows), default=0)


def dependency(of: dict[str, Any]) -> str:
    """`a`, or with more to say `a (SS + 120 min elapsed)`."""
    kind, lag = of["kind"], of["lag_minutes"]
    if kind == "FS" and not lag:
        return str(of["task"])
    return f"{of['task']} ({kind}" + (f" + {lag} min {of['clock']})" if lag else ")")


def _effort(task: dict[str, Any]) -> str:
    if told := wait(task):
        return told
    if task["points"] is not None:
        return f"{task['points']:g} pt"
    return f"{task['minutes']} min" if task["minutes"] is not None else ""


def _short(text: str, most: int) -> str:
    text = " ".join(text.split())
    return text if len(text) <= most else text[: most - 1] + "…"
