"""What commands print is seen while they run: whole, once, across lost connections, and as lines on a terminal."""

import asyncio
import json
from collections import defaultdict
from pathlib import Path
from typing import Any

from tests.journeys.jobs import commands, python, start, stopped, tasks_of
from tests.journeys.shell import at_gateway
from tests.system import System

from orchestra.cli.api import Api

WAITS = "import os, time\nprint('begun', flush=True)\nwhile not os.path.exists('go'): time.sleep(0.02)\n"
TALKS = "import time\nfor n in range(8): print(f'line {n} é', flush=True); time.sleep(0.15)\n"
FLOODS = "import sys\nfor n in range(40_000): sys.stdout.write(f'{n:09}\\n')\n"


async def watch(system: System, path: str, *, last: str | None, most: int) -> tuple[list[dict[str, Any]], str]:
    """Events of one connection, at most so many, and the id of the last one."""
    headers = {"Last-Event-ID": last} if last else {}
    found: list[dict[str, Any]] = []
    async with system.client() as client, client.stream("GET", f"/api/v1{path}", headers=headers) as answer:
        assert answer.status_code == 200, await answer.aread()
        fields: dict[str, str] = {}
        async for line in answer.aiter_lines():
            if line:
                name, _, value = line.partition(":")
                fields[name] = value.removeprefix(" ")
                continue
            if fields.get("event") not in (None, "heartbeat"):
                found.append({"kind": fields["event"], **json.loads(fields["data"])})
                last = fields.get("id", last)
                if len(found) == most or found[-1]["kind"] == "end":
                    return found, str(last)
            fields = {}
    raise AssertionError(f"the stream ended by itself, after {found[-3:]}")


async def logs_of(api: Api, run_id: str) -> dict[str, str]:
    """By attempt."""
    found: dict[str, str] = {}
    for attempt in await api.all("/attempts", run_id=run_id):
        found[attempt["id"]] = "".join([text async for text in api.text(f"/attempts/{attempt['id']}/log")])
    return found


async def test_a_watcher_who_comes_back_again_and_again_sees_every_byte_once(system: System, api: Api) -> None:
    run = await start(
        api, commands(python("talks", TALKS), python("floods", FLOODS), python("last", TALKS, after=["talks"]))
    )

    seen: list[dict[str, Any]] = []
    last: str | None = None
    async with asyncio.timeout(100):
        while not seen or seen[-1]["kind"] != "end":
            some, last = await watch(system, f"/runs/{run['id']}/output", last=last, most=4)
            seen += some

    logs = await logs_of(api, run["id"])
    texts: defaultdict[str, str] = defaultdict(str)
    places: defaultdict[str, int] = defaultdict(int)
    for event in seen[:-1]:
        assert event["start"] == places[event["attempt_id"]]
        places[event["attempt_id"]] = event["end"]
        log = logs[event["attempt_id"]].encode()[event["start"] : event["end"]].decode()
        texts[event["attempt_id"]] += event["text"] if event["kind"] == "output" else log
        assert event["kind"] == "gap" or event["text"] == log
    assert texts == logs
    assert seen[-1]["status"] == "finished"
    assert (await stopped(api, run["id"]))["status"] == "finished"


async def test_output_is_seen_before_the_command_has_ended(system: System, api: Api) -> None:
    run = await start(api, commands(python("waits", WAITS + "raise SystemExit(1)")))
    async with asyncio.timeout(100):
        [first], _ = await watch(system, f"/runs/{run['id']}/output", last=None, most=1)
        path = f"/attempts/{first['attempt_id']}/output"
        [again], place = await watch(system, path, last=None, most=1)

        attempt = await api.get(f"/attempts/{first['attempt_id']}")
        assert attempt["status"] in ("leased", "running")
        assert first["text"] == again["text"] == "begun\n"
        assert (again["start"], again["end"], place) == (0, 6, "6")

        await api.post(f"/runs/{run['id']}/cancel", {})
        rest, _ = await watch(system, path, last=place, most=10)
    assert rest == [{"kind": "end", "status": "failed"}]
    assert await logs_of(api, run["id"]) == {first["attempt_id"]: "begun\n"}


async def test_what_is_none_of_ones_own_does_not_exist(system: System, api: Api) -> None:
    async with system.client() as client:
        for path in ("/runs/run_0/output", "/attempts/att_0/output"):
            assert (await client.get(f"/api/v1{path}")).status_code == 404
        refused = await client.get("/api/v1/runs/run_0/output", headers={"Last-Event-ID": "nowhere"})
    assert (refused.status_code, refused.json()["code"]) == (422, "invalid-place")


async def test_the_command_line_follows_a_run_and_prints_what_is_stored(
    system: System, api: Api, tmp_path: Path
) -> None:
    shell = at_gateway(tmp_path, system)
    run = await start(api, commands(python("one", TALKS), python("other", "print('only this')", after=["one"])))

    followed = await asyncio.to_thread(shell.orchestra, "runs", "logs", run["id"], "-f")
    stored = await asyncio.to_thread(shell.orchestra, "runs", "logs", run["id"])
    alone = await asyncio.to_thread(shell.orchestra, "runs", "logs", run["id"], "--task", "other")
    await asyncio.to_thread(shell.orchestra, "runs", "logs", run["id"], "--task", "none", code=6)

    assert followed.stdout == stored.stdout
    assert stored.stdout.splitlines() == [*(f"one   | line {n} é" for n in range(8)), "other | only this"]
    assert alone.stdout == "only this\n"
    assert set(await tasks_of(api, run["id"])) == {"one", "other"}
