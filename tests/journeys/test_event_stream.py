"""Watching over HTTP: every event once and in sequence, also after the connection is lost."""

import json
from typing import Any

from tests.journeys.jobs import commands, python, start, stopped
from tests.system import System

from orchestra.cli.api import Api

HEARTBEAT = "heartbeat"


async def watch(
    system: System, path: str, *, after: int, most: int = 1000, until: str = "", resumed: bool = False
) -> list[dict[str, Any]]:
    """Items of one connection: at most so many, or up to the change of a run to `until`."""
    where = {"headers": {"Last-Event-ID": str(after)}} if resumed else {"params": {"after": after}}
    found: list[dict[str, Any]] = []
    async with system.client() as client, client.stream("GET", f"/api/v1{path}", **where) as answer:
        assert answer.status_code == 200
        fields: dict[str, str] = {}
        async for line in answer.aiter_lines():
            name, _, value = line.partition(":")
            if line:
                fields[name] = value.removeprefix(" ")
                continue
            if "id" in fields:
                item = json.loads(fields["data"])
                assert (item["sequence"], item["kind"]) == (int(fields["id"]), fields["event"])
                found.append(item)
                if len(found) == most or (item["kind"] == "run.changed.v1" and item["data"]["status"] == until):
                    return found
            fields = {}
    raise AssertionError("the stream ended by itself")


async def head(api: Api) -> int:
    entries = await api.all("/feed", after=0)
    return entries[-1]["sequence"] if entries else 0


def chain() -> Any:
    steps = [python(f"step-{n}", "print('done')", after=[f"step-{n - 1}"] if n else []) for n in range(4)]
    return commands(*steps)


async def test_a_watcher_sees_every_event_of_the_workspace_once_across_a_reconnect(system: System, api: Api) -> None:
    before = await head(api)
    run = await start(api, chain())

    seen = await watch(system, "/events", after=before, most=4)
    seen += await watch(system, "/events", after=seen[-1]["sequence"], most=2, resumed=True)
    seen += await watch(system, "/events", after=seen[-1]["sequence"], until="finished", resumed=True)

    last = seen[-1]["sequence"]
    assert [item["sequence"] for item in seen] == list(range(before + 1, last + 1))
    assert seen == [entry for entry in await api.all("/feed", after=before) if entry["sequence"] <= last]
    statuses = [i["data"]["status"] for i in seen if i["kind"] == "run.changed.v1" and i["run_id"] == run["id"]]
    assert (statuses[0], statuses[-1]) == ("running", "finished")


async def test_a_watcher_of_one_run_sees_its_events_and_no_others(system: System, api: Api) -> None:
    other = await start(api, chain())
    run = await start(api, chain())

    seen = await watch(system, f"/runs/{run['id']}/events", after=0, most=2)
    seen += await watch(system, f"/runs/{run['id']}/events", after=seen[-1]["sequence"], until="finished", resumed=True)

    assert {item["run_id"] for item in seen} == {run["id"]}
    told = await api.all("/feed", after=0, run_id=run["id"])
    assert seen == [entry for entry in told if entry["sequence"] <= seen[-1]["sequence"]]
    assert (await stopped(api, other["id"]))["status"] == "finished"


async def test_a_stream_that_is_late_gets_what_it_missed(system: System, api: Api) -> None:
    before = await head(api)
    run = await start(api, chain())
    await stopped(api, run["id"])

    seen = await watch(system, "/events", after=before, until="finished")

    assert [item["sequence"] for item in seen] == list(range(before + 1, seen[-1]["sequence"] + 1))
