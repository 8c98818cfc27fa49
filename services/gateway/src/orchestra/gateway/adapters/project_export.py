"""Everything about a project, asked of the services page by page and put into one zip with a manifest of hashes."""

import json
import re
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Mapping
from datetime import datetime
from typing import Any, cast
from urllib.parse import urlencode

from orchestra.chassis.errors import Unavailable
from orchestra.gateway.adapters.services import Services, segment
from orchestra.gateway.adapters.zip_stream import ZipStream
from orchestra.gateway.application.ports import Requester

FORMAT = "orchestra.project/1"
PAGE = 200
_HASH = re.compile(r"[0-9a-f]{64}")


class ProjectExport:
    """One export. `plans.jsonl` and the like hold an object a line; artifacts lie under their own hashes."""

    def __init__(self, services: Services, requester: Requester, project: Mapping[str, Any], at: datetime) -> None:
        self._services, self._requester, self._project, self._at = services, requester, project, at
        self._zip = ZipStream(at)
        self._items: dict[str, int] = {}
        self._runs: list[str] = []
        self._hashes: set[str] = set()
        self._missing: list[str] = []

    async def parts(self, *, artifacts: bool) -> AsyncGenerator[bytes]:
        """The zip. Raises Unavailable when a service goes away: it has no end then, and nobody takes it for whole."""
        base = f"/projects/{segment(self._project['id'])}"
        files = (
            ("project.json", self._one(self._project)),
            ("plans.jsonl", self._each("planner", f"{base}/plans", "/plans/{id}")),
            ("requirements.jsonl", self._all("planner", f"{base}/requirements")),
            ("calendar.json", self._asked("scheduler", f"{base}/calendar")),
            ("members.jsonl", self._all("scheduler", f"{base}/members")),
            ("roles.jsonl", self._all("scheduler", f"{base}/roles")),
            ("tasks.jsonl", self._all("scheduler", f"{base}/tasks")),
            ("log.jsonl", self._all("scheduler", f"{base}/log")),
            ("runs.jsonl", self._all("scheduler", "/runs", project_id=self._project["id"])),
            ("checkpoints.jsonl", self._all("scheduler", "/checkpoints", project_id=self._project["id"])),
            ("schedules.jsonl", self._each("scheduler", f"{base}/schedules", f"{base}/schedules/{{version}}")),
            ("attempts.jsonl", self._attempts()),
        )
        for path, rows in files:
            async for part in self._zip.add(path, self._lines(path, rows)):
                yield part
        if artifacts:
            for sha256 in sorted(self._hashes):
                async for part in self._artifact(sha256):
                    yield part
        manifest = self._one(self._manifest(artifacts=artifacts))
        async for part in self._zip.add("manifest.json", self._lines("manifest.json", manifest)):
            yield part
        yield self._zip.end()

    def _manifest(self, *, artifacts: bool) -> dict[str, Any]:
        return {
            "format": FORMAT,
            "project_id": self._project["id"],
            "name": self._project["name"],
            "at": self._at.isoformat(),
            "artifacts": artifacts,
            "missing": self._missing,
            "files": [{**file, "items": self._items.get(file["path"])} for file in self._zip.files],
        }

    async def _lines(self, path: str, rows: AsyncIterator[Mapping[str, Any]]) -> AsyncIterator[bytes]:
        indent = 2 if path.endswith(".json") else None
        self._items[path] = 0
        async for row in rows:
            self._items[path] += 1
            self._hashes.update(_hashes(row))
            if path == "runs.jsonl":
                self._runs.append(row["id"])
            yield json.dumps(row, indent=indent, ensure_ascii=False).encode() + b"\n"

    async def _one(self, row: Mapping[str, Any]) -> AsyncIterator[Mapping[str, Any]]:
        yield row

    async def _asked(self, service: str, path: str) -> AsyncIterator[Mapping[str, Any]]:
        yield await self._ask(service, path)

    async def _all(self, service: str, path: str, **query: str) -> AsyncIterator[Mapping[str, Any]]:
        cursor: str | None = ""
        while cursor is not None:
            more = {"limit": PAGE, **query} | ({"cursor": cursor} if cursor else {})
            page = await self._ask(service, f"{path}?{urlencode(more)}")
            for row in page["data"]:
                yield row
            cursor = page["next_cursor"]

    async def _each(self, service: str, path: str, whole: str) -> AsyncIterator[Mapping[str, Any]]:
        """What a list names, each as it is shown by itself."""
        async for row in self._all(service, path):
            yield await self._ask(service, whole.format_map(row))

    async def _attempts(self) -> AsyncIterator[Mapping[str, Any]]:
        for run in self._runs:
            async for row in self._all("executor", "/attempts", run_id=run):
                yield row

    async def _ask(self, service: str, path: str) -> dict[str, Any]:
        answer = await self._services.ask(service, self._requester, "GET", path)
        if not answer.is_success:
            raise Unavailable(f"the {service} answered {answer.status_code} to {path}")
        return answer.json()

    async def _artifact(self, sha256: str) -> AsyncGenerator[bytes]:
        answer = await self._services.send("executor", self._requester, "GET", f"/artifacts/{sha256}", total=None)
        try:
            if answer.status_code == 404:
                self._missing.append(sha256)
                return
            if not answer.is_success:
                raise Unavailable(f"the executor answered {answer.status_code} to an artifact")
            async for part in self._zip.add(f"artifacts/{sha256}", answer.aiter_raw(), compressed=False):
                yield part
        finally:
            await answer.aclose()
        if self._zip.files[-1]["sha256"] != sha256:
            raise Unavailable(f"the artifact {sha256} came with another content")


def _hashes(value: object) -> Iterable[str]:
    """The contents that a row names: `sha256` anywhere in it, and the files of a plan."""
    if isinstance(value, dict):
        for name, each in cast("dict[str, object]", value).items():
            if name == "sha256":
                yield from _if_hash(each)
            elif name == "files" and isinstance(each, dict):
                for found in cast("dict[str, object]", each).values():
                    yield from _if_hash(found)
            else:
                yield from _hashes(each)
    elif isinstance(value, list):
        for each in cast("list[object]", value):
            yield from _hashes(each)


def _if_hash(value: object) -> Iterable[str]:
    if isinstance(value, str) and _HASH.fullmatch(value):
        yield value
