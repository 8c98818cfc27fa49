"""For operators and for everybody: the state of the system, dead letters, documents."""

import asyncio

import httpx
import pytest
from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse
from services.gateway.tests.harness import ON_SQLITE, SERVICES, Gateway, run_changed

from orchestra.chassis.http.in_process import InProcessHttp
from orchestra.gateway.adapters import services as services_module

pytestmark = ON_SQLITE


def letter(name: str) -> dict[str, str | None]:
    texts = dict.fromkeys(("subscription", "event_id", "kind", "body", "reason", "traceback"), "x")
    return {"id": name, **texts, "at": "2026-11-21T12:00:00Z", "replayed_at": None}


async def test_the_version_is_public(gateway: Gateway) -> None:
    answer = await gateway.client(None).get("/version")

    assert answer.status_code == 200
    assert answer.json()["version"].count(".") == 2


async def test_the_system_is_what_its_services_say(gateway: Gateway) -> None:
    for name in SERVICES:
        gateway[name].says("GET", "/readyz", {"service": name, "ready": True, "checks": {}, "notes": {"level": "L3"}})

    system = (await gateway.client().get("/api/v1/system")).json()

    assert system["ready"] is True
    assert set(system["services"]) == {"gateway", *SERVICES}
    assert system["services"]["executor"]["notes"] == {"level": "L3"}
    assert system["services"]["gateway"]["checks"]["database"]["ok"] is True
    assert all(gateway[name].received[0].caller is None for name in SERVICES)


async def test_a_service_that_is_not_ready_or_away_is_named(gateway: Gateway) -> None:
    for name in SERVICES:
        gateway[name].says("GET", "/readyz", {"service": name, "ready": True, "checks": {}, "notes": {}})
    report = {
        "service": "planner",
        "ready": False,
        "checks": {"database": {"ok": False, "reason": "away"}},
        "notes": {},
    }
    gateway["planner"].says("GET", "/readyz", report, 503)
    gateway.running.app.state.clients["executor"] = httpx.AsyncClient(base_url="http://127.0.0.1:9")

    system = (await gateway.client().get("/api/v1/system")).json()

    assert system["ready"] is False
    assert system["services"]["planner"] == report
    assert "executor is away" in system["services"]["executor"]["reason"]
    assert system["services"]["notifier"]["ready"] is True


async def test_a_service_that_does_not_answer_costs_seconds_and_no_more(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(services_module, "READY", 0.1)

    async def silence(request: Request) -> Response:
        await asyncio.Event().wait()
        return Response()

    gateway["planner"].does("GET", "/readyz", silence)

    async with asyncio.timeout(5):
        system = (await gateway.client().get("/api/v1/system")).json()
    assert "did not answer" in system["services"]["planner"]["reason"]


async def test_dead_letters_of_all_services_are_one_list(gateway: Gateway) -> None:
    await gateway.happened(run_changed("wsp_nowhere", 1))
    pages = {"": {"data": [letter("ded_3"), letter("ded_2")], "next_cursor": "c.1"}, "c.1": {"data": [letter("ded_1")]}}

    async def planner(request: Request) -> Response:
        found = pages[request.query_params.get("cursor", "")]
        return JSONResponse({"next_cursor": None, **found})

    gateway["planner"].does("GET", "/dead-letters", planner)
    for name in ("scheduler", "executor", "notifier"):
        gateway[name].says("GET", "/dead-letters", {"data": [letter(f"ded_{name}")], "next_cursor": None})
    client = gateway.client()

    found: list[tuple[str, str]] = []
    cursor, pages_read = "", 0
    while True:
        page = (await client.get(f"/api/v1/dead-letters?limit=3{cursor}")).json()
        found += [(each["service"], each["id"]) for each in page["data"]]
        pages_read += 1
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"

    assert [service for service, _ in found] == ["gateway", "planner", "planner", "planner", *SERVICES[1:]]
    assert [name for _, name in found][1:4] == ["ded_3", "ded_2", "ded_1"]
    assert pages_read >= 3
    asked = gateway["planner"].asked("GET", "/dead-letters")
    assert asked[0].query == "limit=2&replayed=false"
    assert asked[0].caller is not None
    assert "operator" in asked[0].caller.grants


async def test_dead_letters_of_one_service_can_be_asked_for(gateway: Gateway) -> None:
    gateway["notifier"].says("GET", "/dead-letters", {"data": [letter("ded_1")], "next_cursor": None})

    page = (await gateway.client().get("/api/v1/dead-letters?service=notifier&replayed=true")).json()

    assert [each["id"] for each in page["data"]] == ["ded_1"]
    assert gateway["notifier"].received[0].query == "limit=100&replayed=true"
    assert (await gateway.client().get("/api/v1/dead-letters?service=nobody")).status_code == 422


async def test_a_cursor_that_was_not_made_here_is_refused(gateway: Gateway) -> None:
    gateway["planner"].says("GET", "/dead-letters", {"code": "invalid-cursor", "detail": "no"}, 422)

    for cursor in ("nobody.x", "planner.made-up", "gateway.made-up"):
        answer = await gateway.client().get(f"/api/v1/dead-letters?cursor={cursor}")
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid-cursor"), cursor


async def test_a_dead_letter_is_shown_and_replayed_where_it_is(gateway: Gateway) -> None:
    gateway["planner"].says("GET", "/dead-letters/ded_1", letter("ded_1"))
    gateway["planner"].says("POST", "/dead-letters/ded_1/replay", letter("ded_1"))

    shown = await gateway.client().get("/api/v1/dead-letters/planner/ded_1")
    replayed = await gateway.client().post("/api/v1/dead-letters/planner/ded_1/replay")

    assert shown.json()["id"] == replayed.json()["id"] == "ded_1"
    assert (await gateway.client().get("/api/v1/dead-letters/nobody/ded_1")).status_code == 422


async def test_a_dead_letter_of_the_gateway_is_handled_once_its_cause_is_gone(gateway: Gateway) -> None:
    await gateway.happened(run_changed("wsp_late", 1))
    client = gateway.client()
    [dead] = (await client.get("/api/v1/dead-letters?service=gateway")).json()["data"]
    path = f"/api/v1/dead-letters/gateway/{dead['id']}"
    assert (await client.get(path)).json()["reason"] == dead["reason"]
    async with gateway.database.begin() as work:
        await work.workspaces.add("wsp_late", "late")

    replayed = (await client.post(f"{path}/replay")).json()

    assert replayed["replayed_at"]
    async with gateway.database.read() as view:
        assert len(await view.feed.after("wsp_late", 0, 10)) == 1
    assert (await client.get("/api/v1/dead-letters?service=gateway")).json()["data"] == []


def documented(*paths: str) -> httpx.AsyncClient:
    """A service whose own document shows these paths."""
    app = FastAPI()

    def show() -> str:
        return "shown"

    for path in paths:
        app.add_api_route(path, show, methods=["GET"])
    return httpx.AsyncClient(transport=InProcessHttp(app), base_url="http://service")


async def test_one_openapi_document_shows_the_whole_api(gateway: Gateway) -> None:
    clients = gateway.running.app.state.clients
    clients |= {name: documented() for name in SERVICES}
    clients["planner"] = documented("/projects", "/projects/{name}/requirements", "/hidden")

    answer = await gateway.client(None).get("/openapi.json")

    paths = answer.json()["paths"]
    assert {"/api/v1/projects", "/api/v1/projects/{name}/requirements", "/api/v1/me", "/version"} <= set(paths)
    assert not [path for path in paths if "hidden" in path or not path.startswith(("/api/v1/", "/version"))]
    assert {"get", "post"} == set(paths["/api/v1/api-keys"])
    assert answer.json()["info"]["title"] == "Orchestra"


async def test_a_document_of_half_a_system_is_not_shown(gateway: Gateway) -> None:
    gateway.running.app.state.clients["executor"] = httpx.AsyncClient(base_url="http://127.0.0.1:9")

    assert (await gateway.client(None).get("/openapi.json")).status_code == 503
