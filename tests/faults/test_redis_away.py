"""Redis carries only what may be lost: killed in the middle of a run it costs watchers a wait, and the run nothing."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from tests.journeys.jobs import commands, python, start, stopped
from tests.journeys.test_live_output import logs_of, watch
from tests.private_servers import PrivateRedis, private_redis
from tests.servers import Postgres, RabbitMQ, Redis
from tests.system import System, distributed

PRINTS = "import time\nfor n in range(200): print(f'line {n}', flush=True); time.sleep(0.02)\n"


@contextmanager
def on_private_redis(
    tmp_path_factory: pytest.TempPathFactory, postgres: Postgres, rabbitmq: RabbitMQ, server: PrivateRedis
) -> Iterator[System]:
    with distributed(tmp_path_factory.mktemp("redis"), postgres, rabbitmq, Redis(server.url)) as system:
        yield system


def test_a_run_goes_on_without_redis_and_its_logs_are_whole(
    tmp_path_factory: pytest.TempPathFactory, postgres: Postgres, rabbitmq: RabbitMQ
) -> None:
    async def run(system: System, server: PrivateRedis) -> None:
        async with asyncio.timeout(100), system.api() as api:
            began = await start(api, commands(python("prints", PRINTS)))
            path = f"/runs/{began['id']}/output"
            seen, last = await watch(system, path, last=None, most=1)
            await asyncio.to_thread(server.kill)
            while seen[-1]["kind"] != "end":
                some, last = await watch(system, path, last=last, most=1000)
                seen += some

            assert (await stopped(api, began["id"]))["status"] == "finished"
            [log] = (await logs_of(api, began["id"])).values()
            assert log.splitlines() == [f"line {n}" for n in range(200)]
            assert seen[-1]["status"] == "finished"
            assert [event["start"] for event in seen[1:-1]] == [event["end"] for event in seen[:-2]]
            assert "".join(event.get("text", "") for event in seen) == log

    with private_redis() as server, on_private_redis(tmp_path_factory, postgres, rabbitmq, server) as system:
        asyncio.run(run(system, server))
