"""Redis carries only what may be lost: killed in the middle of a run it costs watchers a wait, and the run nothing."""

import asyncio

from tests.faults.conftest import Servers
from tests.faults.forms import LONGEST_S
from tests.journeys.jobs import commands, python, start, stopped
from tests.journeys.test_live_output import logs_of, watch
from tests.system import System

from orchestra.cli.api import Api

PRINTS = "import time\nfor n in range(200): print(f'line {n}', flush=True); time.sleep(0.02)\n"


async def test_a_run_goes_on_without_redis_and_its_logs_are_whole(system: System, api: Api, servers: Servers) -> None:
    began = await start(api, commands(python("prints", PRINTS)))
    path = f"/runs/{began['id']}/output"
    try:
        async with asyncio.timeout(LONGEST_S):
            seen, last = await watch(system, path, last=None, most=1)
            await asyncio.to_thread(servers.redis.kill)
            while seen[-1]["kind"] != "end":
                some, last = await watch(system, path, last=last, most=1000)
                seen += some

        assert (await stopped(api, began["id"]))["status"] == "finished"
        [log] = (await logs_of(api, began["id"])).values()
        assert log.splitlines() == [f"line {n}" for n in range(200)]
        assert seen[-1]["status"] == "finished"
        assert [event["start"] for event in seen[1:-1]] == [event["end"] for event in seen[:-2]]
        assert "".join(event.get("text", "") for event in seen) == log
    finally:
        await asyncio.to_thread(servers.redis.start)
