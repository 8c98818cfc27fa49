"""The run directory: everything that was planned, done and proved, in files anyone can read."""

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from orchestra.cli.api import Api
from orchestra.cli.report import report


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
    )


def directory_of(out: Path, run: dict[str, Any]) -> Path:
    """One directory a run, named by the time of its start: a run that goes on later writes to the same."""
    return out / datetime.fromisoformat(run["created_at"]).strftime("%Y-%m-%dT%H-%M-%SZ")


async def write(api: Api, out: Path, record: Record, gantt: str) -> Path:
    """Write the directory, or bring it up to date."""
    directory = directory_of(out, record.run)
    (directory / "artifacts").mkdir(parents=True, exist_ok=True)
    manifest = await _artifacts(api, directory / "artifacts", record.attempts)
    metrics = measured(record)
    _json(directory / "plan.json", record.plan)
    _lines(directory / "tasks.jsonl", record.tasks)
    _lines(directory / "events.jsonl", record.events)
    _json(directory / "metrics.json", metrics)
    _text(directory / "report.md", report(record, metrics, manifest, gantt))
    return directory


async def _artifacts(api: Api, directory: Path, attempts: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Fetch outputs and logs by their hash; the manifest says whose they are."""
    manifest: list[dict[str, Any]] = []
    for attempt in attempts:
        evidence: dict[str, Any] = attempt["evidence"] or {}
        log: dict[str, Any] | None = evidence.get("log")
        artifacts: list[dict[str, Any]] = [*attempt["outputs"], *([log] if log else [])]
        for artifact in artifacts:
            origin = {"task_id": attempt["task_id"], "attempt": attempt["number"]}
            manifest.append({**artifact, **origin})
            path = directory / artifact["sha256"]
            if not path.exists():
                await api.download(artifact["sha256"], path)
    _json(directory / "manifest.json", manifest)
    return manifest


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
        "artifacts": sum(len(attempt["outputs"]) for attempt in record.attempts),
        "requirements": len(record.requirements),
        "requirements_satisfied": sum(r["satisfied"] for r in record.requirements),
        "schedule_version": record.schedule["version"] if record.schedule else 0,
    }


def _seconds(start: str, end: str) -> float:
    return (datetime.fromisoformat(end) - datetime.fromisoformat(start)).total_seconds()


def _json(path: Path, content: Any) -> None:
    _text(path, json.dumps(content, indent=2, ensure_ascii=False) + "\n")


def _lines(path: Path, items: Iterable[Any]) -> None:
    _text(path, "".join(json.dumps(item, ensure_ascii=False) + "\n" for item in items))


def _text(path: Path, content: str) -> None:
    """Whole or not at all: a reader never sees half a file."""
    beside = path.with_name(path.name + ".new")
    beside.write_text(content)
    beside.replace(path)
