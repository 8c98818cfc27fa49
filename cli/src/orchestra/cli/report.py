"""`report.md`: what was asked, what was done, what proves it, what waits for whom."""

from collections.abc import Iterable, Sequence
from typing import Any

from orchestra.cli.budgets import shown
from orchestra.cli.moments import wait
from orchestra.cli.record import Record
from orchestra.cli.run_queries import tries


def report(record: Record, metrics: dict[str, Any], manifest: Sequence[dict[str, Any]], gantt: str) -> str:
    run, plan = record.run, record.plan
    parts = [
        f"# {plan['document_name']}: {run['status']}",
        *(["**A dry run: nothing was executed.**"] if run["dry_run"] else []),
        _facts(record, metrics),
        "## Requirements",
        _requirements(record),
        "## Tasks",
        _tasks(record),
        "## Schedule",
        f"```text\n{gantt}\n```" if gantt else "There is no schedule yet.",
        *_waiting(run),
        *_costs(record),
        "## Artifacts",
        _artifacts(record, manifest),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _facts(record: Record, metrics: dict[str, Any]) -> str:
    run, plan = record.run, record.plan
    levels, cgroups = _counted(run["sandbox_levels"]), _counted(run["cgroups"])
    tasks = ", ".join(f"{count} {status}" for status, count in sorted(run["totals"].items()))
    rows = [
        ("Run", f"`{run['id']}`, epoch {run['epoch']}"),
        *([("Goes on from", f"`{run['forked_from']}`")] if run["forked_from"] else []),
        ("Plan", f"version {plan['version']}, hash `{plan['hash']}`, approved by {plan['approved_by']}"),
        ("Started", run["started_at"] or (f"not before {run['start_at']}" if run["start_at"] else "not yet")),
        *([("Deadline", run["deadline"])] if run["deadline"] else []),
        ("Ended", run["ended_at"] or "it is open"),
        ("Tasks", tasks),
        ("Further tries", str(metrics["further_tries"])),
        ("Commands", f"{metrics['commands_busy_s']} s of work in {metrics['commands_wall_s']} s"),
        ("Sandbox level", levels or "none used"),
        *([("Control groups", cgroups)] if cgroups else []),
    ]
    return _table(("", ""), rows)


def _counted(found: dict[str, int]) -> str:
    return ", ".join(f"{name} ({count})" for name, count in sorted(found.items()))


def _requirements(record: Record) -> str:
    rows = [
        (
            f"[{r['ref']}]",
            _cell(r["text"]),
            ", ".join(r["covered_by"]) or "**nothing: a gap**",
            "satisfied" if r["satisfied"] else f"{r['tasks_done']} of {r['tasks_total']} tasks",
        )
        for r in record.requirements
    ]
    return _table(("", "Requirement", "Covered by", "State"), rows)


def _tasks(record: Record) -> str:
    rows: list[tuple[str, ...]] = []
    for task in record.tasks:
        who = task["assignee"] or task["planned_member"]
        failure = task["last_failure"]
        rows.append(
            (
                f"`{task['key']}`",
                _cell(task["title"]),
                who["name"] if who else wait(task),
                f"{task['status']}, late" if task["late"] else task["status"],
                tries(task),
                _cell(evidence(task["evidence"])),
                _cell(f"{failure['class']}: {failure['reason']}") if failure else "",
            )
        )
    return _table(("Task", "Title", "Who", "State", "Attempts", "Evidence", "Last failure"), rows)


def evidence(proof: dict[str, Any] | None) -> str:
    """Of a command how it ended, of an agent's work who did it and what was judged."""
    if not proof:
        return ""
    took = f"{proof['duration_ms']} ms, {proof['sandbox_level']}"
    if not proof.get("agent"):
        return took if proof["exit_code"] is None else f"exit {proof['exit_code']}, {took}"
    judged = proof.get("verification")
    said = f", {judged['verdict']} by {judged['by']}" if judged else ""
    return f"{proof['agent']} with {proof['model'] or 'no model'}, rounds: {proof['rounds']}{said}, {took}"


def _waiting(run: dict[str, Any]) -> list[str]:
    if not run["waiting_for"]:
        return []
    lines = [
        f"- **{w['member']['name'] if w['member'] else 'Somebody'}**: `{w['key']}` {w['title']} ({w['reason']})"
        for w in run["waiting_for"]
    ]
    return ["## What waits for whom", "\n".join(lines)]


def _costs(record: Record) -> list[str]:
    """What the models that were called have cost, added up in three ways; nothing where none was called."""
    if not record.costs["model"]:
        return []
    keys = {task["id"]: task["key"] for task in record.tasks}
    parts = ["## Costs"]
    for by, costs in record.costs.items():
        rows = [
            (
                f"`{_cell(keys.get(cost['group'], cost['group']) or 'none')}`",
                shown("micros", cost["micros"]),
                str(cost["calls"]) + (f", {cost['unknown']} unknown" if cost["unknown"] else ""),
                *(f"{cost[f'{kind}_tokens']:,}" for kind in ("input", "output", "cache_read", "cache_write")),
            )
            for cost in costs
        ]
        parts.append(_table((by.capitalize(), "Cost", "Calls", "Input", "Output", "Cache read", "Cache write"), rows))
    return parts


def _artifacts(record: Record, manifest: Sequence[dict[str, Any]]) -> str:
    keys = {task["id"]: task["key"] for task in record.tasks}
    rows = [
        (f"`{a['path']}`", keys.get(a["task_id"], a["task_id"]), _try(a), str(a["size"]), f"`{a['sha256']}`")
        for a in manifest
    ]
    return _table(("Path", "Task", "Attempt", "Bytes", "SHA-256"), rows) if rows else "None."


def _try(artifact: dict[str, Any]) -> str:
    return "adopted" if "adopted_from" in artifact else str(artifact["attempt"])


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)])


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())
