"""Projects over HTTP: created, repeated, listed, and hidden from other workspaces."""

from datetime import UTC, datetime

import pytest
from services.planner.tests.integration.harness import Planner, plan_request

from orchestra.contracts.scheduling import ProjectChanged


async def test_a_project_gets_an_id_and_can_be_read(planner: Planner) -> None:
    created = await planner.call("POST", "/projects", json={"name": "  Shop "})

    assert created.status_code == 201
    assert created.headers["location"] == f"/projects/{created.json()['id']}"
    assert created.json()["id"].startswith("prj_")
    assert await planner.get(created.headers["location"]) == created.json()
    assert created.json()["name"] == "Shop"


async def test_a_client_that_brings_the_id_may_repeat_itself(planner: Planner) -> None:
    body = {"name": "Shop", "id": "prj_shop"}

    first, second = [await planner.call("POST", "/projects", json=body) for _ in range(2)]

    assert first.status_code == second.status_code == 201
    assert first.json() == second.json()


async def test_an_id_that_is_taken_under_another_name_is_refused(planner: Planner) -> None:
    await planner.call("POST", "/projects", json={"name": "Shop", "id": "prj_shop"})

    refused = await planner.call("POST", "/projects", json={"name": "Stop", "id": "prj_shop"})

    assert (refused.status_code, refused.json()["code"]) == (409, "project-exists")
    assert (await planner.get("/projects/prj_shop"))["name"] == "Shop"


async def test_two_workspaces_may_use_the_same_id_and_never_meet(planner: Planner) -> None:
    for workspace, name in (("wsp_1", "Shop"), ("wsp_2", "Stop")):
        body = {"name": name, "id": "prj_shop"}
        assert (await planner.call("POST", "/projects", workspace=workspace, json=body)).status_code == 201

    assert (await planner.get("/projects"))["data"] == [await planner.get("/projects/prj_shop")]
    assert (await planner.get("/projects/prj_shop"))["name"] == "Shop"


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "/name"),
        ({"name": "  "}, "/name"),
        ({"name": "a\x00b"}, "/name"),
        ({"name": "Shop", "id": "../etc"}, "/id"),
        ({"name": "Shop", "colour": "red"}, "/colour"),
    ],
)
async def test_a_bad_body_is_refused_at_its_place(planner: Planner, body: dict[str, str], pointer: str) -> None:
    refused = await planner.call("POST", "/projects", json=body)

    assert refused.status_code == 422
    assert [fault["pointer"] for fault in refused.json()["errors"]] == [pointer]


async def test_projects_come_in_pages(planner: Planner) -> None:
    for number in range(3):
        await planner.call("POST", "/projects", json={"name": "Shop", "id": f"prj_{number}"})

    first = await planner.get("/projects?limit=2")
    second = await planner.get(f"/projects?limit=2&cursor={first['next_cursor']}")

    assert [project["id"] for project in first["data"]] == ["prj_0", "prj_1"]
    assert [project["id"] for project in second["data"]] == ["prj_2"]
    assert second["next_cursor"] is None


async def test_a_project_is_renamed_by_whoever_has_read_it(planner: Planner) -> None:
    await planner.call("POST", "/projects", json={"name": "Shop", "id": "prj_shop", "description": "a shop"})
    tag = {"If-Match": (await planner.call("GET", "/projects/prj_shop")).headers["etag"]}

    careless = await planner.call("PATCH", "/projects/prj_shop", json={"name": "Stop"})
    renamed = await planner.call("PATCH", "/projects/prj_shop", json={"name": "Stop"}, headers=tag)
    late = await planner.call("PATCH", "/projects/prj_shop", json={"description": ""}, headers=tag)

    assert [answer.status_code for answer in (careless, renamed, late)] == [428, 200, 412]
    shown = await planner.get("/projects/prj_shop")
    assert (shown["name"], shown["description"]) == ("Stop", "a shop")


def archived(sequence: int, *, back: bool = False) -> ProjectChanged:
    at = None if back else datetime(2026, 11, 28, tzinfo=UTC)
    return ProjectChanged(workspace_id="wsp_1", project_id="prj_shop", sequence=sequence, archived_at=at, by="ada")


async def test_an_archived_project_takes_no_changes(planner: Planner) -> None:
    [plan] = await planner.proposed(plan_request())
    await planner.deliver(archived(1))

    edit = await planner.call("PATCH", "/projects/prj_shop", json={"name": "Stop"}, headers={"If-Match": "*"})
    late = await planner.planned(plan_request())

    assert [(a.status_code, a.json()["code"]) for a in (edit, await planner.approve(plan))] == [
        (409, "project-archived")
    ] * 2
    assert [fault["code"] for fault in late["faults"]] == ["project-archived"]
    assert [p["id"] for p in (await planner.get("/projects?archived=true"))["data"]] == ["prj_shop"]
    assert (await planner.get("/projects?archived=false"))["data"] == []
    await planner.deliver(archived(2, back=True))
    assert (await planner.approve(plan)).status_code == 200


async def test_of_two_archivings_that_change_places_the_later_one_counts(planner: Planner) -> None:
    await planner.call("POST", "/projects", json={"name": "Shop", "id": "prj_shop"})
    await planner.deliver(archived(2, back=True), archived(1))

    assert (await planner.get("/projects/prj_shop"))["archived_at"] is None


async def test_nothing_of_another_workspace_exists(planner: Planner) -> None:
    plan = await planner.planned(plan_request())
    paths = [
        "/projects/prj_shop",
        "/projects/prj_shop/requirements",
        "/projects/prj_shop/plans",
        f"/plans/{plan['id']}",
    ]

    reads = [await planner.call("GET", path, workspace="wsp_2") for path in paths]
    body = {"hash": plan["hash"]}
    approval = await planner.call("POST", f"/plans/{plan['id']}/approve", workspace="wsp_2", json=body)

    assert [answer.json()["code"] for answer in reads] == ["unknown-project"] * 3 + ["unknown-plan"]
    assert {answer.status_code for answer in (*reads, approval)} == {404}
    assert (await planner.get(f"/plans/{plan['id']}"))["status"] == "proposed"
