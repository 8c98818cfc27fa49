"""A run with all that belongs to it, and the figures that follow from it."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from orchestra.cli.api import Api


@dataclass(frozen=True)
class Record:
    """A run with all that belongs to it, as the API tells it."""

    run: dict[str, Any]
    plan: dict[str, Any]
    requirements: list[dict[str, Any]]
    tasks: list[dict[str, Any]]
    attempts: list[dict[str, Any]]
    schedule: dict[str, Any] | None
    events: list[dict[str, Any]]
    costs: dict[str, list[dict[str, Any]]]
    """By `task`, `agent` and `model`; empty lists where no model was called."""


async def recorded(api: Api, run: dict[str, Any]) -> Record:
    project = f"/projects/{run['project_id']}"
    schedules = await api.all(f"{project}/schedules")
    events = await api.all("/feed", after=0)
    return Record(
        run=run,
        plan=await api.get(f"/plans/{run['plan_id']}"),
        requirements=await api.all(f"{project}/requirements"),
        tasks=await api.all(f"/runs/{run['id']}/tasks"),
        attempts=await api.all("/attempts", run_id=run["id"]),
        schedule=await api.get(f"{project}/schedule") if schedules else None,
        events=[event for event in events if event["project_id"] == run["project_id"]],
        costs={by: await api.all("/costs", by=by, run_id=run["id"]) for by in ("task", "agent", "model")},
    )


def outputs_of(record: Record) -> list[dict[str, Any]]:
    """Outputs and logs, each with whose it is; adopted ones with where they are from."""
    adopted = [task for task in record.tasks if task["adopted_from"]]
    origins = [
        *((attempt, {"task_id": attempt["task_id"], "attempt": attempt["number"]}) for attempt in record.attempts),
        *((task, {"task_id": task["id"], "attempt": 0, "adopted_from": task["adopted_from"]}) for task in adopted),
    ]
    found: list[dict[str, Any]] = []
    for made, origin in origins:
        evidence: dict[str, Any] = made["evidence"] or {}
        log: dict[str, Any] | None = evidence.get("log")
        artifacts: list[dict[str, Any]] = [*made["outputs"], *([log] if log else [])]
        found += [{**artifact, **origin} for artifact in artifacts]
    return found


def measured(record: Record) -> dict[str, Any]:
    """Figures of the run, all taken from what was recorded."""
    proofs = [attempt["evidence"] for attempt in record.attempts if attempt["evidence"]]
    started = [a["started_at"] for a in record.attempts if a["started_at"]]
    ended = [a["ended_at"] for a in record.attempts if a["ended_at"]]
    span = _seconds(min(started), max(ended)) if started and ended else 0.0
    return {
        "run_id": record.run["id"],
        "status": record.run["status"],
        "dry_run": record.run["dry_run"],
        "tasks": record.run["totals"],
        "attempts": dict(Counter(attempt["status"] for attempt in record.attempts)),
        "further_tries": sum(attempt["number"] > 1 for attempt in record.attempts),
        "commands_wall_s": round(span, 3),
        "commands_busy_s": round(sum(proof["duration_ms"] for proof in proofs) / 1000, 3),
        "cpu_s": round(sum(proof["cpu_ms"] for proof in proofs) / 1000, 3),
        "peak_kb": max((proof["peak_kb"] for proof in proofs), default=0),
        "sandbox_levels": record.run["sandbox_levels"],
        "cgroups": record.run["cgroups"],
        "artifacts": sum(len(attempt["outputs"]) for attempt in record.attempts),
        "model_calls": sum(cost["calls"] for cost in record.costs["model"]),
        "cost_micros": sum(cost["micros"] for cost in record.costs["model"]),
        "tokens": sum(cost["tokens"] for cost in record.costs["model"]),
        "requirements": len(record.requirements),
        "requirements_satisfied": sum(r["satisfied"] for r in record.requirements),
        "schedule_version": record.schedule["version"] if record.schedule else 0,
    }


def _seconds(start: str, end: str) -> float:
    return (datetime.fromisoformat(end) - datetime.fromisoformat(start)).total_seconds()
