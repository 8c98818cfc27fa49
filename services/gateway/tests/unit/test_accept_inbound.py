"""The inbound door: who comes in, and what becomes of everybody else."""

from typing import Any

import pytest
from services.gateway.tests.fakes import FakeServices, FakeUnit
from services.gateway.tests.letters import KEY, letter, plan_data

from orchestra.contracts.planning import TeamMember
from orchestra.gateway.application.accept_inbound import Door, accept_inbound
from orchestra.gateway.domain.door import Arrival, BrokerUser, InboundMessage, project_id_by_name
from orchestra.gateway.entrypoints.inbound import open_letter

COMMAND = {"argv": ["rm", "-rf"], "tools": ["rm"]}


@pytest.fixture
def unit() -> FakeUnit:
    unit = FakeUnit()
    unit.broker_users["partner"] = BrokerUser("partner", "wsp_1", (KEY,))
    unit.broker_users["reporter"] = BrokerUser("reporter", "wsp_1", ("progress.reported.v1",))
    return unit


async def arrive(
    unit: FakeUnit,
    body: bytes,
    *,
    user: str | None = "partner",
    routing_key: str = KEY,
    services: FakeServices | None = None,
) -> InboundMessage | None:
    services = services or FakeServices(forbidden=frozenset({"rm"}))
    door = Door(unit.begin, unit.begin, services, services, services)
    return await accept_inbound(door, Arrival(user, routing_key, body), open_letter(body))


async def test_a_message_becomes_a_plan_request_of_its_users_workspace(unit: FakeUnit) -> None:
    row = await arrive(unit, letter())

    [request] = unit.plan_requests
    assert (request.workspace_id, request.project_name) == ("wsp_1", "Billing")
    assert (request.document, request.document_name, request.mode) == ("- It bills.", "billing.md", "auto")
    assert request.requested_by == "broker:partner"
    assert row is not None
    assert (row.verdict, row.plan_id, row.stamp.event_id) == ("accepted", request.plan_id, "order-1")
    assert unit.operations[request.plan_id].workspace_id == "wsp_1"
    assert unit.inbound.answered.event_id == "order-1"


async def test_whoever_plans_by_a_model_is_told_the_team_and_nobody_else(unit: FakeUnit) -> None:
    services = FakeServices(members=(TeamMember(roles=("developer",)),))
    await arrive(unit, letter(), services=services)
    await arrive(unit, letter(plan_data(mode="document"), id="order-2"), services=services)

    assert [request.team for request in unit.plan_requests] == [services.members, ()]


async def test_the_same_project_name_means_the_same_project_within_a_workspace_only(unit: FakeUnit) -> None:
    await arrive(unit, letter())
    await arrive(unit, letter(id="order-2"))

    assert {request.project_id for request in unit.plan_requests} == {project_id_by_name("wsp_1", "Billing")}
    assert project_id_by_name("wsp_2", "Billing") != project_id_by_name("wsp_1", "Billing")


async def test_a_project_named_by_its_id_must_exist_in_the_users_workspace(unit: FakeUnit) -> None:
    services = FakeServices({("wsp_1", "prj_a"): "Alpha", ("wsp_2", "prj_b"): "Beta"})
    known = await arrive(unit, letter(plan_data(project_id="prj_a")), services=services)
    other = await arrive(unit, letter(plan_data(project_id="prj_b"), id="2"), services=services)

    assert known is not None
    assert known.verdict == "accepted"
    assert unit.plan_requests[0].project_name == "Alpha"
    assert other is not None
    assert other.reason == "unknown-project"


async def test_a_repetition_is_answered_once(unit: FakeUnit) -> None:
    await arrive(unit, letter())

    assert await arrive(unit, letter()) is None
    assert len(unit.plan_requests) == 1
    assert len(unit.inbound) == 1


REFUSED: dict[str, tuple[str, dict[str, Any]]] = {
    "no user_id": ("anonymous", {"user": None}),
    "a user that stands for nothing": ("unknown-user", {"user": "stranger"}),
    "a type the user may not say": ("unauthorised-type", {"user": "reporter"}),
    "a type that is none of ours": ("unauthorised-type", {"body": letter(type="com.example.order")}),
    "another routing key than type": ("unauthorised-type", {"routing_key": "progress.reported.v1"}),
    "a forged workspace in the data": ("forged-workspace", {"body": letter(plan_data(workspace_id="wsp_2"))}),
    "a forged workspace in an attribute": ("forged-workspace", {"body": letter(workspaceid="wsp_2")}),
    "no JSON": ("malformed", {"body": b"\xff\x00"}),
    "JSON without an end": ("malformed", {"body": b'{"id": '}),
    "JSON of another shape": ("malformed", {"body": b"[1, 2]"}),
    "JSON too deep to read": ("malformed", {"body": b"[" * 100_000}),
    "no id": ("malformed", {"body": letter(id=None)}),
    "an empty source": ("malformed", {"body": letter(source="")}),
    "another specversion": ("malformed", {"body": letter(specversion="0.3")}),
    "no data": ("malformed", {"body": letter(data="text")}),
    "an unknown field": ("malformed", {"body": letter(plan_data(priority=1))}),
    "a task without a title": ("malformed", {"body": letter(plan_data(tasks=[{"id": "a"}]))}),
    "no document": ("malformed", {"body": letter({"project_name": "Billing"})}),
    "a document over the limit": ("document-too-large", {"body": letter(plan_data(document="x" * 1_000_001))}),
    "a binary document": ("binary-document", {"body": letter(plan_data(document="\x00"))}),
    "a forbidden command": (
        "policy-denied",
        {"body": letter(plan_data(tasks=[{"id": "a", "title": "A", "command": COMMAND}]))},
    ),
}


@pytest.mark.parametrize(("reason", "arrival"), REFUSED.values(), ids=REFUSED.keys())
async def test_whatever_is_refused_becomes_a_row_with_its_reason(
    unit: FakeUnit, reason: str, arrival: dict[str, Any]
) -> None:
    row = await arrive(unit, **{"body": letter(), **arrival})

    assert row is not None
    assert (row.verdict, row.reason) == ("refused", reason)
    assert row.detail
    assert unit.inbound == [row]
    assert not unit.published
    assert not unit.operations


async def test_a_malformed_message_says_where(unit: FakeUnit) -> None:
    row = await arrive(unit, letter(plan_data(tasks=[{"id": "a", "title": "A", "comand": {}}])))

    assert row is not None
    assert row.detail is not None
    assert row.detail.startswith("/data/tasks/0/comand: ")


async def test_an_id_that_was_used_for_another_message_is_refused(unit: FakeUnit) -> None:
    await arrive(unit, letter())
    row = await arrive(unit, letter(plan_data(document="Something else.")))

    assert row is not None
    assert row.reason == "reused-id"
    assert len(unit.plan_requests) == 1


async def test_a_workspace_that_is_named_rightly_is_no_offence(unit: FakeUnit) -> None:
    row = await arrive(unit, letter(plan_data(workspace_id="wsp_1"), workspaceid="wsp_1"))

    assert row is not None
    assert row.verdict == "accepted"


async def test_tasks_and_files_come_along(unit: FakeUnit) -> None:
    tasks = [{"id": "a", "title": "A", "minutes": 5, "command": {"argv": ["wc"], "inputs": ["a.txt"]}}]
    await arrive(unit, letter(plan_data(tasks=tasks, files={"a.txt": "0" * 64})))

    [request] = unit.plan_requests
    assert request.mode == "given"
    assert request.tasks[0].command is not None
    assert request.tasks[0].command.inputs == ("a.txt",)
    assert request.files == {"a.txt": "0" * 64}
