"""Asking for plans over REST."""

import asyncio
import json
from typing import Any

import pytest
from fastapi import Request, Response
from fastapi.responses import JSONResponse
from services.gateway.tests.harness import ON_SQLITE, Gateway
from sqlalchemy import func, select

from orchestra.chassis.database.tables import OUTBOX
from orchestra.contracts.machine_work import AGENT_TOOLS
from orchestra.contracts.planning import PlanProposed, TeamMember
from orchestra.gateway.adapters.tables import OPERATION

PLANS = "/api/v1/projects/prj_1/plans"
BODY: dict[str, Any] = {"document": "- It bills.", "document_name": "billing.md"}
COMMAND = {"argv": ["wc", "-l", "a.txt"], "tools": ["wc"], "inputs": ["a.txt"]}


PERSON: dict[str, Any] = {"kind": "person", "manager": False, "roles": ["tester", "developer"], "agent": None}
ASSISTANT = {**PERSON, "kind": "agent", "roles": ["reader"], "agent": "any"}
TEAM = {
    "members": [
        PERSON,
        PERSON,
        {**PERSON, "manager": True, "roles": ["boss"]},
        {**PERSON, "kind": "agent", "roles": ["builder"]},
        ASSISTANT,
        {**ASSISTANT, "agent": "coder"},
        {**ASSISTANT, "agent": "gone"},
        {**ASSISTANT, "agent": "unknown"},
    ]
}
CODER = {"name": "coder", "state": "away", "kinds": ["code"], "tools": ["fetch", "mcp:x"], "capabilities": ["python"]}
READER = {"name": "reader", "state": "active", "kinds": ["research"], "tools": None, "capabilities": []}
GONE = {**READER, "name": "gone", "state": "retired", "kinds": ["asset"]}
PEOPLE = TeamMember(roles=("developer", "tester"))


async def count(gateway: Gateway) -> tuple[int, int]:
    """Operations, and events in the outbox."""
    async with gateway.database.read() as view:
        queries = [select(func.count()).select_from(table) for table in (OPERATION, OUTBOX)]
        first, second = [(await view.connection.execute(query)).scalar_one() for query in queries]
    return first, second


async def test_a_plan_is_asked_for_and_can_be_followed(gateway: Gateway) -> None:
    await gateway.project("prj_1", "Billing")

    answer = await gateway.client().post(PLANS, json=BODY)

    assert answer.status_code == 202
    accepted = answer.json()
    assert answer.headers["location"] == f"/api/v1/plans/{accepted['plan_id']}"
    [request] = await gateway.plan_requests()
    assert request.plan_id == accepted["plan_id"]
    assert (request.project_name, request.document_name, request.mode) == ("Billing", "billing.md", "auto")
    assert request.workspace_id == await gateway.workspace()
    assert request.requested_by == (await gateway.client().get("/api/v1/me")).json()["subject"]

    operation = (await gateway.client().get(f"/api/v1/operations/{accepted['operation_id']}")).json()
    assert (operation["status"], operation["plan_id"]) == ("accepted", accepted["plan_id"])
    plan = (await gateway.client().get(answer.headers["location"])).json()
    assert plan == {"id": accepted["plan_id"], "project_id": "prj_1", "status": "requested"}

    gateway["planner"].says("GET", f"/plans/{accepted['plan_id']}", {"id": accepted["plan_id"], "status": "proposed"})
    event = PlanProposed(
        workspace_id=request.workspace_id,
        project_id="prj_1",
        plan_id=request.plan_id,
        version=1,
        hash="0" * 64,
        requirements=1,
        tasks=1,
        gaps=(),
    )
    await gateway.happened(event)
    assert (await gateway.client().get(answer.headers["location"])).json()["status"] == "proposed"
    operation = (await gateway.client().get(f"/api/v1/operations/{accepted['operation_id']}")).json()
    assert operation["status"] == "succeeded"


async def test_a_model_is_told_whom_it_may_plan_for(gateway: Gateway) -> None:
    await gateway.project()
    gateway["scheduler"].says("GET", "/projects/prj_1/team", TEAM)
    gateway["executor"].says("POST", "/policy/check", {"refusals": []})

    async def agents(request: Request) -> Response:
        more = request.query_params.get("cursor") == "a&b"
        return JSONResponse({"data": [READER]} if more else {"data": [CODER, GONE], "next_cursor": "a&b"})

    gateway["executor"].does("GET", "/agents", agents)

    for body in ({**BODY, "mode": "model"}, BODY, {**BODY, "mode": "document"}):
        assert (await gateway.client().post(PLANS, json=body)).status_code == 202

    by_any = TeamMember(
        roles=("reader",), kinds=("code", "research"), tools=tuple(sorted(AGENT_TOOLS)), capabilities=("python",)
    )
    coder = TeamMember(roles=("reader",), kinds=("code",), tools=("fetch",), capabilities=("python",))
    requests = await gateway.plan_requests()
    assert [request.team for request in requests] == [(PEOPLE, by_any, coder), (PEOPLE, by_any, coder), ()]
    [asked, _] = gateway["executor"].asked("POST", "/policy/check")
    assert json.loads(asked.body)["commands"] == [{"argv": [], "tools": [], "agent": True}]


async def test_where_the_policy_lets_no_agent_work_none_is_planned_for(gateway: Gateway) -> None:
    await gateway.project()
    gateway["scheduler"].says("GET", "/projects/prj_1/team", TEAM)
    gateway["executor"].says("GET", "/agents", {"data": [READER]})
    weak = {"index": 0, "code": "sandbox-too-weak", "detail": "Too weak."}
    gateway["executor"].says("POST", "/policy/check", {"refusals": [weak]})

    await gateway.client().post(PLANS, json=BODY)

    [request] = await gateway.plan_requests()
    assert request.team == (PEOPLE,)


async def test_a_team_that_cannot_be_asked_for_is_waited_for(gateway: Gateway) -> None:
    await gateway.project()
    gateway["scheduler"].says("GET", "/projects/prj_1/team", {}, 500)

    answer = await gateway.client().post(PLANS, json=BODY)

    assert (answer.status_code, await count(gateway)) == (503, (0, 0))


async def test_a_plan_that_nobody_asked_for_is_the_planners_404(gateway: Gateway) -> None:
    answer = await gateway.client().get("/api/v1/plans/pln_none")

    assert (answer.status_code, answer.json()["code"]) == (404, "unknown-thing")


async def test_a_project_that_does_not_exist_gets_no_plan(gateway: Gateway) -> None:
    answer = await gateway.client().post(PLANS, json=BODY)

    assert (answer.status_code, answer.json()["code"]) == (404, "unknown-project")
    assert await count(gateway) == (0, 0)


async def test_a_hundred_equal_requests_with_one_key_have_one_effect(gateway: Gateway) -> None:
    await gateway.project()
    client = gateway.client()

    answers = await asyncio.gather(
        *(client.post(PLANS, json=BODY, headers={"idempotency-key": "the same"}) for _ in range(100))
    )

    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.text for answer in answers}) == 1
    assert sum("idempotent-replayed" in answer.headers for answer in answers) == 99
    assert await count(gateway) == (1, 1)


async def test_the_same_key_with_another_body_is_refused(gateway: Gateway) -> None:
    await gateway.project()
    headers = {"idempotency-key": "the same"}
    await gateway.client().post(PLANS, json=BODY, headers=headers)

    answer = await gateway.client().post(PLANS, json={**BODY, "document": "Other."}, headers=headers)

    assert (answer.status_code, answer.json()["code"]) == (422, "idempotency-key-reused")
    assert await count(gateway) == (1, 1)


async def test_what_was_answered_is_answered_again_without_asking_anybody(gateway: Gateway) -> None:
    await gateway.project()
    headers = {"idempotency-key": "the same"}
    body = {**BODY, "tasks": [{"id": "a", "title": "A", "command": COMMAND}]}
    gateway["executor"].says("POST", "/policy/check", {"refusals": []})
    first = await gateway.client().post(PLANS, json=body, headers=headers)
    for name in ("planner", "executor"):
        gateway[name].answers.clear()

    again = await gateway.client().post(PLANS, json=body, headers=headers)
    other = await gateway.client().post(PLANS, json=BODY, headers=headers)

    assert (first.status_code, again.status_code, again.text) == (202, 202, first.text)
    assert (again.headers["location"], again.headers["idempotent-replayed"]) == (first.headers["location"], "true")
    assert (other.status_code, other.json()["code"]) == (422, "idempotency-key-reused")


async def test_the_same_key_in_another_workspace_is_another_key(gateway: Gateway) -> None:
    await gateway.project()
    headers = {"idempotency-key": "the same"}
    first = await gateway.client().post(PLANS, json=BODY, headers=headers)
    second = await gateway.client(await gateway.key(workspace="other")).post(PLANS, json=BODY, headers=headers)

    assert first.json()["plan_id"] != second.json()["plan_id"]


async def test_a_document_of_a_million_bytes_goes_out_in_small_events(gateway: Gateway) -> None:
    await gateway.project()
    document = ('- Zeile mit Umläuten äöü und "quotes".\n' * 30_000)[:900_000]
    document += "x" * (1_000_000 - len(document.encode()))
    tasks = [{"id": f"t{n}", "title": f"Task {n}", "minutes": 1} for n in range(2000)]

    answer = await gateway.client().post(PLANS, json={**BODY, "document": document, "tasks": tasks})

    assert answer.status_code == 202
    requests = await gateway.plan_requests()
    assert len(requests) > 5
    assert "".join(request.document for request in requests) == document
    assert [task.id for request in requests for task in request.tasks] == [f"t{n}" for n in range(2000)]
    async with gateway.database.read() as view:
        bodies = (await view.connection.execute(select(OUTBOX.c.body))).scalars().all()
    assert max(len(body.encode()) for body in bodies) < 200_000


@ON_SQLITE
@pytest.mark.parametrize(
    ("change", "status", "code", "pointer"),
    [
        ({"document": "x" * 1_000_001}, 413, "document-too-large", None),
        ({"document": "a\x00b"}, 422, "binary-document", "/document"),
        ({"priority": 1}, 422, "invalid-request", "/priority"),
        ({"document_name": ""}, 422, "invalid-request", "/document_name"),
        ({"document_name": "a\x00"}, 422, "invalid-request", "/document_name"),
        ({"mode": "magic"}, 422, "invalid-request", "/mode"),
        ({"tasks": [{"id": "a", "title": "A", "colour": "red"}]}, 422, "invalid-request", "/tasks/0/colour"),
        ({"tasks": [{"id": "a"}]}, 422, "invalid-request", "/tasks/0/title"),
        ({"tasks": [{"id": "a", "title": "A", "points": -1}]}, 422, "invalid-request", "/tasks/0/points"),
        (
            {"tasks": [{"id": "a", "title": "A", "command": {"argv": ["x"], "shell": True}}]},
            422,
            "invalid-request",
            "/tasks/0/command/shell",
        ),
        (
            {"tasks": [{"id": "a", "title": "A", "command": {"argv": []}}]},
            422,
            "invalid-request",
            "/tasks/0/command/argv",
        ),
        (
            {"tasks": [{"id": "a", "title": "A", "command": {"argv": ["x"], "fail_on": {"exitt": [1]}}}]},
            422,
            "invalid-request",
            "/tasks/0/command/fail_on/exitt",
        ),
        ({"files": {"a.txt": "beef"}}, 422, "invalid-request", "/files/a.txt"),
        ({"tasks": [{"id": "a", "title": "A", "criteria": ["x" * 150_000]}]}, 422, "task-too-large", "/tasks/0"),
    ],
)
async def test_a_bad_request_is_refused_at_its_place_and_leaves_nothing(
    gateway: Gateway, change: dict[str, Any], status: int, code: str, pointer: str | None
) -> None:
    await gateway.project()

    answer = await gateway.client().post(PLANS, json={**BODY, **change})

    assert (answer.status_code, answer.json()["code"]) == (status, code)
    if pointer is not None:
        assert [fault["pointer"] for fault in answer.json()["errors"]] == [pointer]
    assert await count(gateway) == (0, 0)


@ON_SQLITE
@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[" * 100_000,
        b'{"document": "\xff"}',
        b"\x00\x01\x02",
        b'{"document": "\\ud800", "document_name": "x"}',
        b'{"document": "x", "document_name": "x", "\\ud800": 1}',
        b'{"document": "x", "document_name": "x", "tasks": [{"id": "a", "title": "A", "points": NaN}]}',
        b'{"document": "x", "document_name": "x", "tasks": [{"id": "a", "title": "A", "points": 1e999}]}',
        b'{"document": "x", "document_name": "x", "tasks": [{"id": "a", "title": "A", "minutes": 1%s}]}'
        % (b"0" * 5000),
    ],
    ids=[
        "empty",
        "cut off",
        "deep",
        "no utf-8",
        "binary",
        "half a character",
        "half a name",
        "nan",
        "infinity",
        "huge",
    ],
)
async def test_malformed_json_is_a_clear_refusal(gateway: Gateway, content: bytes) -> None:
    await gateway.project()

    answer = await gateway.client().post(PLANS, content=content, headers={"content-type": "application/json"})

    assert answer.status_code in (400, 422)
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"]
    assert await count(gateway) == (0, 0)


async def test_commands_are_shown_to_the_policy_once_each_before_anything_is_written(gateway: Gateway) -> None:
    await gateway.project()
    gateway["executor"].says(
        "POST", "/policy/check", {"refusals": [{"index": 1, "code": "tool-not-allowed", "detail": "rm is not allowed"}]}
    )
    tasks = [
        {"id": "person", "title": "A person's task", "points": 1},
        {"id": "fine", "title": "Fine", "command": COMMAND},
        {"id": "bad", "title": "Bad", "command": {"argv": ["rm"], "tools": ["rm"]}},
        {"id": "good", "title": "Good", "command": COMMAND},
        {"id": "worse", "title": "Worse", "command": {"argv": ["rm"], "tools": ["rm"]}},
    ]

    answer = await gateway.client().post(PLANS, json={**BODY, "tasks": tasks})

    assert (answer.status_code, answer.json()["code"]) == (403, "policy-denied")
    assert answer.json()["errors"] == [
        {"pointer": f"/tasks/{at}/command", "code": "tool-not-allowed", "detail": "rm is not allowed"} for at in (2, 4)
    ]
    [asked] = gateway["executor"].asked("POST", "/policy/check")
    assert asked.body == b'{"commands":[{"argv":["wc","-l","a.txt"],"tools":["wc"]},{"argv":["rm"],"tools":["rm"]}]}'
    assert await count(gateway) == (0, 0)


async def test_hosts_are_shown_to_the_policy_where_a_command_names_some(gateway: Gateway) -> None:
    await gateway.project()
    refusal = {"index": 0, "code": "host-not-allowed", "detail": "evil.test is not allowed"}
    gateway["executor"].says("POST", "/policy/check", {"refusals": [refusal]})
    asking = {"id": "ask", "title": "Ask", "command": {**COMMAND, "hosts": ["evil.test"]}}

    answer = await gateway.client().post(PLANS, json={**BODY, "tasks": [asking]})

    assert answer.json()["errors"] == [
        {"pointer": "/tasks/0/command", "code": "host-not-allowed", "detail": "evil.test is not allowed"}
    ]
    [asked] = gateway["executor"].asked("POST", "/policy/check")
    assert asked.body == b'{"commands":[{"argv":["wc","-l","a.txt"],"tools":["wc"],"hosts":["evil.test"]}]}'


async def test_work_for_an_agent_is_passed_on_whole_where_the_policy_allows_its_programs(gateway: Gateway) -> None:
    await gateway.project()
    gateway["executor"].says("POST", "/policy/check", {"refusals": []})
    agent = {"instructions": "Do it.", "commands": ["make"], "tools": ["run_command"], "budget_usd": 0.1}

    answer = await gateway.client().post(PLANS, json={**BODY, "tasks": [{"id": "a", "title": "A", "agent": agent}]})

    assert answer.status_code == 202
    [request] = await gateway.plan_requests()
    found = request.tasks[0].agent
    assert found is not None
    assert (found.instructions, found.commands, found.tools) == ("Do it.", ("make",), ("run_command",))
    assert str(found.budget_usd) == "0.1"
    [asked] = gateway["executor"].asked("POST", "/policy/check")
    assert asked.body == b'{"commands":[{"argv":[],"tools":["make"],"agent":true}]}'


@pytest.mark.parametrize(
    ("agent", "where"),
    [
        ({"budget_usd": "much"}, "/budget_usd"),
        ({"kind": "poem"}, "/kind"),
        ({"retries": 101}, "/retries"),
        ({"unknown": 1}, "/unknown"),
        ({"tools": "fetch"}, "/tools"),
    ],
)
async def test_a_brief_of_another_shape_is_refused_at_its_place(
    gateway: Gateway, agent: dict[str, object], where: str
) -> None:
    await gateway.project()
    task = {"id": "a", "title": "A", "agent": {"instructions": "Do it.", **agent}}

    answer = await gateway.client().post(PLANS, json={**BODY, "tasks": [task]})

    assert answer.status_code == 422
    assert [fault["pointer"] for fault in answer.json()["errors"]] == [f"/tasks/0/agent{where}"]
    assert await count(gateway) == (0, 0)


async def test_allowed_commands_are_passed_on_whole(gateway: Gateway) -> None:
    await gateway.project()
    gateway["executor"].says("POST", "/policy/check", {"refusals": []})
    task = {
        "id": "a",
        "title": "A",
        "minutes": 5,
        "command": {**COMMAND, "fail_on": {"exit": [2], "output": ["ERROR"]}},
    }

    answer = await gateway.client().post(PLANS, json={**BODY, "tasks": [task], "files": {"a.txt": "0" * 64}})

    assert answer.status_code == 202
    [request] = await gateway.plan_requests()
    assert request.mode == "given"
    command = request.tasks[0].command
    assert command is not None
    assert (command.argv, command.fail_on.exit, command.fail_on.output) == (("wc", "-l", "a.txt"), (2,), ("ERROR",))
    assert request.files == {"a.txt": "0" * 64}


@pytest.mark.parametrize("service", ["planner", "executor"])
async def test_nothing_is_written_while_a_service_that_must_be_asked_is_away(gateway: Gateway, service: str) -> None:
    await gateway.project()
    gateway["executor"].says("POST", "/policy/check", {"refusals": []})
    path = ("GET", "/projects/prj_1") if service == "planner" else ("POST", "/policy/check")
    gateway[service].says(*path, {"code": "unavailable"}, 503)

    answer = await gateway.client().post(PLANS, json={**BODY, "tasks": [{"id": "a", "title": "A", "command": COMMAND}]})

    assert answer.status_code == 503
    assert answer.headers["retry-after"]
    assert await count(gateway) == (0, 0)


async def test_edits_reach_the_planner_as_the_contract_has_them_and_say_no_more_than_was_said(gateway: Gateway) -> None:
    await gateway.project()
    path = "/projects/prj_1/plans/edits"
    gateway["planner"].says("POST", path, {"id": "pln_2"}, 201)
    wire = {"op": "add_dependency", "predecessor": "a", "successor": "b", "kind": "SS", "lag": "1h30m"}
    change = {"op": "change_task", "id": "a", "set": {"points": 3}}

    answer = await gateway.client().post(f"/api/v1{path}", json={"edits": [wire, change]}, headers={"If-Match": "*"})

    assert answer.status_code == 201
    [received] = gateway["planner"].asked("POST", path)
    del wire["lag"]
    assert json.loads(received.body) == {"edits": [{**wire, "lag_minutes": 90}, change]}


async def test_a_lead_is_refused_at_its_place(gateway: Gateway) -> None:
    await gateway.project()
    wire = {"op": "add_dependency", "predecessor": "a", "successor": "b", "lag": -5}

    answer = await gateway.client().post(
        "/api/v1/projects/prj_1/plans/edits", json={"edits": [wire]}, headers={"If-Match": "*"}
    )

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"].endswith("/lag")
