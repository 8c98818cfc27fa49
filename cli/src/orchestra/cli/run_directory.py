"""The run directory: everything that was planned, done and proved, in files anyone can read."""

import json
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Any

from orchestra.cli.api import Api
from orchestra.cli.record import Record, measured, outputs_of
from orchestra.cli.report import report


def directory_of(out: Path, run: dict[str, Any]) -> Path:
    """One directory a run, named by the time of its start: a run that goes on later writes to the same."""
    return out / datetime.fromisoformat(run["created_at"]).strftime("%Y-%m-%dT%H-%M-%SZ")


async def write(api: Api, out: Path, record: Record, gantt: str) -> Path:
    """Write the directory, or bring it up to date."""
    directory = directory_of(out, record.run)
    (directory / "artifacts").mkdir(parents=True, exist_ok=True)
    manifest = await _artifacts(api, directory / "artifacts", record)
    metrics = measured(record)
    _json(directory / "plan.json", record.plan)
    _lines(directory / "tasks.jsonl", record.tasks)
    _lines(directory / "events.jsonl", record.events)
    _json(directory / "metrics.json", metrics)
    _text(directory / "report.md", report(record, metrics, manifest, gantt))
    return directory


async def _artifacts(api: Api, directory: Path, record: Record) -> list[dict[str, Any]]:
    """Fetch outputs and logs by their hash; the manifest says whose they are."""
    manifest = outputs_of(record)
    for artifact in manifest:
        path = directory / artifact["sha256"]
        if not path.exists():
            await api.download(artifact["sha256"], path)
    _json(directory / "manifest.json", manifest)
    return manifest


def _json(path: Path, content: Any) -> None:
    _text(path, json.dumps(content, indent=2, ensure_ascii=False) + "\n")


def _lines(path: Path, items: Iterable[Any]) -> None:
    _text(path, "".join(json.dumps(item, ensure_ascii=False) + "\n" for item in items))


def _text(path: Path, content: str) -> None:
    """Whole or not at all: a reader never sees half a file."""
    beside = path.with_name(path.name + ".new")
    beside.write_text(content)
    beside.replace(path)
