"""The measured journey: no-op tasks through the public API, watched as any client may watch them.

A no-op task is a command of a dry run: it is dispatched, accepted, leased, recorded and told like any other, but no
program is started.
"""

import json
from collections.abc import AsyncGenerator, Callable, Collection
from contextlib import asynccontextmanager
from typing import Any

import httpx
from bench.peers.harness import Clock
from bench.peers.workload import Graph, check

from orchestra.cli.api import V1, Api
from orchestra.cli.inputs import Inputs
from orchestra.cli.journey import ENDED, propose

TEAM = {"members": [{"id": "agent", "name": "Agent", "kind": "agent", "slots": 512, "tools": ["true"]}]}
DOCUMENT = "# Bench\n\n## Requirements\n\n- Every task must run once.\n"

Item = dict[str, Any]
"""An entry of the feed."""


class Feed:
    """The workspace's event stream."""

    def __init__(self, items: AsyncGenerator[Item]) -> None:
        self._items = items

    async def until(self, project_id: str | None, wanted: Callable[[Item], bool]) -> None:
        """Of this project; None: of any."""
        async for item in self._items:
            if project_id in (None, item["project_id"]) and wanted(item):
                return
        raise SystemExit("the event stream ended")


class Done:
    """Whether so many tasks are done, from the changes that the feed tells."""

    def __init__(self, count: int) -> None:
        self.left = count
        """Less than 0 where more came at a time."""

    def __call__(self, item: Item) -> bool:
        if item["kind"] == "tasks.changed.v1":
            self.left -= sum(change["after"] == "done" for change in item["data"]["changes"])
        return self.left <= 0


class Each:
    """Whether an event of this kind was told of each of the projects, with one of the statuses if some are given."""

    def __init__(self, kind: str, projects: Collection[str], statuses: Collection[str] = ()) -> None:
        self._kind, self._left, self._statuses = kind, set(projects), statuses

    def __call__(self, item: Item) -> bool:
        if item["kind"] == self._kind and (not self._statuses or item["data"]["status"] in self._statuses):
            self._left.discard(item["project_id"])
        return not self._left


@asynccontextmanager
async def feed(client: httpx.AsyncClient) -> AsyncGenerator[Feed]:
    async with client.stream("GET", f"{V1}/events", timeout=120) as answer:
        answer.raise_for_status()

        async def items() -> AsyncGenerator[Item]:
            async for line in answer.aiter_lines():
                if line.startswith("data:") and "sequence" in (item := json.loads(line.removeprefix("data:"))):
                    yield item

        yield Feed(items())


async def run(client: httpx.AsyncClient, graph: Graph, peak: Callable[[], float]) -> tuple[Clock, float]:
    """Plan, apply and run a graph; measured from the start of the run until its end is known here.

    Returns the clock and what `peak` said at that end. Ends the program unless every task is done by one attempt.
    """
    api = Api(client)
    async with feed(client) as happened:
        inputs = Inputs("bench", DOCUMENT, TEAM, plan_of(graph))
        plan = await propose(api, inputs)
        project_id = plan["project_id"]
        await api.post(f"/plans/{plan['id']}/approve", {"hash": plan["hash"]})
        await happened.until(project_id, lambda item: item["kind"] == "schedule.recalculated.v1")
        with Clock() as clock:
            wanted = {"plan_id": plan["id"], "hash": plan["hash"], "dry_run": True}
            started = await api.post(f"/projects/{project_id}/runs", wanted)
            await happened.until(
                project_id, lambda item: item["kind"] == "run.changed.v1" and item["data"]["status"] in ENDED
            )
        most = peak()
    tasks = await api.all(f"/runs/{started['id']}/tasks")
    check(graph, [int(t["key"][1:]) for t in tasks if t["status"] == "done" and t["attempts"] == 1])
    return clock, most


def plan_of(graph: Graph) -> dict[str, Any]:
    command = {"argv": ["true"], "tools": ["true"]}
    return {
        "tasks": [
            {"id": f"t{n}", "title": f"Task {n}", "minutes": 1, "after": [f"t{m}" for m in after], "command": command}
            for n, after in graph.items()
        ]
    }
