"""Another workspace's key finds nothing of the first one's, by any id, on any route of the document."""

from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import pytest
from tests.journeys.jobs import commands, python, start, stopped, tasks_of
from tests.system import System, eventually
from tests.taker import taker

from orchestra.chassis.ids import new_id
from orchestra.cli.api import Api
from orchestra.gateway.application.create_api_key import create_api_key, new_credential
from orchestra.gateway.domain.api_key import GRANTS

OPERATORS = "/api/v1/dead-letters/"
"""Dead letters are for those who operate the installation: they carry events of every workspace."""

V1 = "/api/v1"

BODIES: dict[str, Any] = {
    "/projects/{project_id}/plans": {"document": "- [R1] It must work.", "document_name": "a.md"},
    "/projects/{project_id}/plans/edits": {"edits": [{"op": "remove_task", "id": "only"}]},
    "/plans/{plan_id}/approve": {"hash": "0" * 64},
    "/plans/{plan_id}/reject": {"hash": "0" * 64},
    "/projects/{project_id}/team": {"members": [{"id": "ana", "name": "Ana"}]},
    "/projects/{project_id}/members": {"id": "ana", "name": "Ana"},
    "/projects/{project_id}/members/{member}/days-off": {"first": "2026-12-24"},
    "/projects/{project_id}/roles": {"name": "editor"},
    "/projects/{project_id}/roles/{role}/rename": {"name": "author"},
    "/projects/{project_id}/calendar/holidays": {"days": ["12-24"]},
    "/projects/{project_id}/calendar/holidays/public": {"country": "PT"},
    "/projects/{project_id}/runs": {"plan_id": "pln_1", "hash": "0" * 64},
    "/projects/{project_id}/model": {"choice": "small"},
    "/projects/{project_id}/model-keys/{provider}": {"key": "sk-of-nobody"},
    "/projects/{project_id}/tool-servers/{name}": {"url": "https://example.org/mcp"},
    "/projects/{project_id}/knowledge": {"kind": "gotcha", "text": "The tide is early."},
    "/limits/{scope}/{name}": {"concurrency": 1},
    "/agents/{agent}": {"concurrency": 0},
    "/budgets/{scope}/{name}": {"micros": 1},
    "/budgets/{scope}/{name}/top-up": {"micros": 1},
    "/runs/{run_id}/rerun": {"from": ["only"]},
    "/runs/{run_id}/fork": {"from": ["only"]},
    "/tasks/{task_id}/select": {"member": "ana"},
    "/tasks/{task_id}/report": {"percent": 50},
    "/tasks/{task_id}/abandon": {"reason": "no time"},
    "/tasks/{task_id}/decide": {"decision": "retry"},
    "/checkpoints/{checkpoint_id}/answer": {"answer": "skip"},
    "/inbound/users/{broker_user}": {"kinds": ["plan.requested.v1"]},
}
"""What a command needs to get as far as looking for its thing; an empty object is enough for the others."""

QUERIES = {
    ("DELETE", f"{V1}/projects/{{project_id}}/members/{{member}}/days-off"): {"first": "2026-12-24"},
}

OTHERWISE = {
    ("PUT", "/api/v1/artifacts/{sha256}"): 422,  # whoever brings the content may have it; these bytes are others
    ("PUT", "/api/v1/agents/{agent}"): 422,  # a good body would register one of the stranger's own
    ("PUT", "/api/v1/inbound/users/{broker_user}"): 409,  # names of broker users are shared by all workspaces
}


@pytest.fixture
def endpoint() -> Iterator[str]:
    with taker() as address:
        yield address


@pytest.fixture
async def stranger(system: System) -> AsyncIterator[httpx.AsyncClient]:
    """Holds every grant but the operators', in a workspace of its own. There is no API that makes workspaces."""
    credential, workspace_id = new_credential("test"), new_id("wsp")

    class Holder:
        subject, grants = "tests", GRANTS

        def __init__(self, workspace_id: str) -> None:
            self.workspace_id = workspace_id

    async with system.database("gateway") as database, database.begin() as work:
        await work.workspaces.add(workspace_id, workspace_id)
        await create_api_key(
            work,
            credential,
            name="stranger",
            grants=("read", "write", "admin"),
            expires_at=None,
            requester=Holder(workspace_id),
        )
    async with system.client(credential.text) as client:
        assert (await client.get("/api/v1/me")).json()["workspace"]["id"] == workspace_id
        yield client


async def things_of_the_first(system: System, api: Api, endpoint: str) -> dict[str, str]:
    """An id of everything that has one, by the name it has in paths."""
    webhook = await api.post("/webhooks", {"url": endpoint, "kinds": ["run.finished"]})
    mail = await api.post("/mail-subscriptions", {"address": "ana@example.org", "kinds": ["run.finished"]})
    only = python("only", "open('a', 'w').write('b')", outputs=["a"])
    run = await start(api, commands(only, python("broken", "raise SystemExit(1)")))
    await stopped(api, run["id"])
    task = (await tasks_of(api, run["id"]))["only"]
    [checkpoint] = await api.all("/checkpoints", run_id=run["id"])
    request = {"document": "- [R1] It must work.", "document_name": "a.md"}
    accepted = await api.post(f"/projects/{run['project_id']}/plans", request)
    finding = {"kind": "gotcha", "text": "The tide is late."}
    known = await api.post(f"/projects/{run['project_id']}/knowledge", finding)
    user = f"user-{run['id']}"
    await api.put(f"/inbound/users/{user}", {"kinds": ["plan.requested.v1"]})

    async def deliveries() -> list[Any]:
        return await api.all(f"/webhooks/{webhook['id']}/deliveries")

    await api.put("/agents/scout", {})
    return {
        "project_id": run["project_id"],
        "plan_id": run["plan_id"],
        "operation_id": accepted["operation_id"],
        "run_id": run["id"],
        "task_id": task["id"],
        "attempt_id": task["attempt_id"],
        "checkpoint_id": checkpoint["id"],
        "sha256": task["outputs"][0]["sha256"],
        "webhook_id": webhook["id"],
        "mail_subscription_id": mail["id"],
        "delivery_id": (await eventually(deliveries))[0]["id"],
        "key_id": (await api.get("/me"))["key"]["id"],
        "broker_user": user,
        "scope": "project",
        "name": run["project_id"],
        "member": "ana",
        "agent": "scout",
        "role": "editor",
        "provider": "anthropic",
        "day": "12-24",
        "version": "1",
        "finding_id": known["id"],
    }


async def test_every_id_of_another_workspace_is_unknown(
    system: System, api: Api, stranger: httpx.AsyncClient, endpoint: str
) -> None:
    ids = await things_of_the_first(system, api, endpoint)
    paths = (await stranger.get("/openapi.json")).json()["paths"]
    routes = [(method.upper(), path) for path, methods in paths.items() for method in methods if "{" in path]
    routes = [route for route in routes if not route[1].startswith(OPERATORS)]
    assert len(routes) > 30

    found: dict[tuple[str, str], int] = {}
    for method, path in routes:
        body = None if method in ("GET", "DELETE") else BODIES.get(path.removeprefix(V1), {})
        query, condition = QUERIES.get((method, path)), {} if method == "GET" else {"If-Match": "*"}
        answer = await stranger.request(method, path.format(**ids), json=body, params=query, headers=condition)
        found[method, path] = answer.status_code

    assert found == {route: OTHERWISE.get(route, 404) for route in routes}
    assert all([(await api.get(f"/{kind}/{ids[name]}"))["id"] == ids[name] for kind, name in KNOWN.items()])


KNOWN = {"projects": "project_id", "plans": "plan_id", "runs": "run_id", "tasks": "task_id", "attempts": "attempt_id"}
"""What the first workspace still finds after all that."""


async def test_lists_and_feeds_of_another_workspace_are_empty(
    system: System, api: Api, stranger: httpx.AsyncClient, endpoint: str
) -> None:
    ids = await things_of_the_first(system, api, endpoint)
    lists = ["projects", "runs", "attempts", "webhooks", "mail-subscriptions", "inbound", "inbound/users", "feed"]
    asked = [*lists, f"runs?project_id={ids['project_id']}", f"attempts?run_id={ids['run_id']}"]
    asked += ["ledger", "costs?by=task", f"attempts?task_id={ids['task_id']}", f"feed?run_id={ids['run_id']}"]

    answers = {path: (await stranger.get(f"/api/v1/{path}")).json()["data"] for path in asked}

    assert answers == {path: [] for path in asked}
    [own] = (await stranger.get("/api/v1/api-keys")).json()["data"]
    assert own["name"] == "stranger"
    assert (await stranger.get("/api/v1/dead-letters")).status_code == 403
