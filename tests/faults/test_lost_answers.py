"""A service is killed when it has committed and nobody has its answer: who repeats the command gets that answer."""

import asyncio
from collections.abc import Mapping
from typing import Any

import httpx
import pytest
from sqlalchemy import select
from tests.faults.checker import Outline
from tests.faults.forms import LONG
from tests.faults.workload import Run, grid
from tests.system import System, eventually
from tests.tcp_proxy import TcpProxy

from orchestra.chassis.database.tables import IDEMPOTENCY
from orchestra.cli.api import Api
from orchestra.cli.journey import propose

FURTHER = 32 if LONG else 0
"""Kills of each service, beyond one."""


async def committed(system: System, name: str, key: str) -> bool:
    async with system.database(name) as database, database.read() as view:
        query = select(IDEMPOTENCY.c.key).where(IDEMPOTENCY.c.key == key)
        return (await view.connection.execute(query)).first() is not None


async def repeated(system: System, name: str, path: str, body: Mapping[str, Any], key: str) -> Any:
    """Send the command through a proxy that lets no answer through, kill the service, and send it again."""
    proxy = await TcpProxy.before(system.url)
    headers = {"Idempotency-Key": key}
    async with system.client() as client:

        async def done() -> bool:
            return await committed(system, name, key)

        async with proxy.silent():
            url = f"{proxy.url(system.url)}/api/v1{path}"
            lost = asyncio.create_task(client.post(url, json=body, headers=headers))
            await eventually(done)
            system.programs[name].kill()
            proxy.cut()
            with pytest.raises(httpx.TransportError):
                await lost
        await system.programs[name].start()
        again = await client.post(f"/api/v1{path}", json=body, headers=headers)
    await proxy.close()
    assert again.is_success, again.text
    assert again.headers["idempotent-replayed"] == "true"
    return again.json()


async def test_after_a_crash_a_command_has_the_answer_that_was_lost(system: System, api: Api, clean: Outline) -> None:
    plan = await propose(api, grid())
    approval = {"hash": plan["hash"]}
    start = {"plan_id": plan["id"], "hash": plan["hash"]}

    await repeated(system, "planner", f"/plans/{plan['id']}/approve", approval, "approve-1")
    shown = await repeated(system, "scheduler", f"/projects/{plan['project_id']}/runs", start, "start-1")
    request = {"document": "# Notes\n\n- It is asked for.\n", "document_name": "notes.md"}
    project_id = (await api.post("/projects", {"name": "asked once"}))["id"]
    accepted = await repeated(system, "gateway", f"/projects/{project_id}/plans", request, "plan-1")

    for number in range(FURTHER):
        await repeated(system, "planner", "/projects", {"name": f"made once: {number}"}, f"project-{number}")
        verb = "resume" if number % 2 else "pause"
        await repeated(system, "scheduler", f"/runs/{shown['id']}/{verb}", {}, f"{verb}-{number}")
        await repeated(system, "gateway", f"/projects/{project_id}/plans", request, f"further-{number}")

    assert await Run(system, api, shown).ends_like(clean) >= 0
    plans = [row["id"] for row in await system.rows("planner", "plan") if row["project_id"] == project_id]
    runs = [row["id"] for row in await system.rows("scheduler", "run") if row["project_id"] == plan["project_id"]]
    assert (plans[0], len(plans), runs) == (accepted["plan_id"], 1 + FURTHER, [shown["id"]])
    names = [row["name"] for row in await system.rows("planner", "project")]
    assert sum(name.startswith("made once") for name in names) == FURTHER
