"""A hundred equal commands with one key at once: one effect and one answer, here and behind the gateway."""

import asyncio
from collections.abc import Mapping
from typing import Any
from uuid import uuid4

import httpx
from tests.journeys.jobs import DOCUMENT, by_hand, commands
from tests.system import System

from orchestra.cli.api import Api
from orchestra.cli.journey import planned

TIMES = 100


async def at_once(client: httpx.AsyncClient, path: str, body: Mapping[str, Any], other: Mapping[str, Any]) -> Any:
    """The answer that all of them got; the same key with another body is refused."""
    headers = {"Idempotency-Key": uuid4().hex}
    answers = await asyncio.gather(*(client.post(f"/api/v1{path}", json=body, headers=headers) for _ in range(TIMES)))
    seen = {(answer.status_code, answer.text, answer.headers.get("location")) for answer in answers}
    assert len(seen) == 1, seen
    assert answers[0].is_success, answers[0].text
    assert sum(answer.headers.get("idempotent-replayed") == "true" for answer in answers) == TIMES - 1
    refused = await client.post(f"/api/v1{path}", json=other, headers=headers)
    assert (refused.status_code, refused.json()["code"]) == (422, "idempotency-key-reused")
    return answers[0].json()


async def test_a_plan_request_an_approval_and_a_start_happen_once(system: System, api: Api) -> None:
    job = commands(by_hand("a"))
    project_id = (await api.post("/projects", {"name": "once"}))["id"]
    await api.put(f"/projects/{project_id}/team", job.team)
    request = {"document": DOCUMENT, "document_name": "job.md", **(job.plan or {})}

    async with system.client() as client:
        accepted = await at_once(client, f"/projects/{project_id}/plans", request, request | {"document_name": "x"})
        plan = await planned(api, accepted["plan_id"])
        approval = {"hash": plan["hash"]}
        await at_once(client, f"/plans/{plan['id']}/approve", approval, {"hash": "another"})
        start = {"plan_id": plan["id"], "hash": plan["hash"]}
        run = await at_once(client, f"/projects/{project_id}/runs", start, start | {"plan_id": "pln_none"})

    assert [each["id"] for each in await api.all(f"/projects/{project_id}/plans")] == [plan["id"]]
    assert [each["id"] for each in await api.all("/runs", project_id=project_id)] == [run["id"]]
    said = [row["kind"] for row in await system.rows("planner", "outbox") if plan["id"] in row["body"]]
    assert said.count("plan.approved.v1") == 1
