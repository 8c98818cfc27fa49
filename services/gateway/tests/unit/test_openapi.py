"""One OpenAPI document out of many."""

from typing import Any

import pytest
from fastapi import FastAPI
from pydantic import BaseModel

from orchestra.gateway.entrypoints.openapi import merged
from orchestra.gateway.entrypoints.routes import FORWARDED


def planner() -> FastAPI:
    class Owner(BaseModel):
        name: str

    class Item(BaseModel):
        owner: Owner

    class Hidden(BaseModel):
        secret: str

    app = FastAPI()

    @app.get("/projects/{project}")
    def show(project: str) -> Item: ...

    @app.post("/projects")
    def create(body: Item) -> Item: ...

    @app.get("/internal")
    def internal() -> Hidden: ...

    return app


def scheduler() -> FastAPI:
    class Owner(BaseModel):
        email: str

    class Item(BaseModel):
        owner: Owner

    class Task(BaseModel):
        title: str

    app = FastAPI()

    @app.get("/runs/{run_id}")
    def show(run_id: str) -> Item: ...

    @app.get("/tasks/{task_id}")
    def task(task_id: str) -> Task: ...

    return app


@pytest.fixture
def document() -> dict[str, Any]:
    own = FastAPI()

    @own.get("/api/v1/me")
    def me() -> dict[str, str]: ...

    @own.get("/dead-letters")
    def internal() -> dict[str, str]: ...

    return merged(own.openapi(), {"planner": planner().openapi(), "scheduler": scheduler().openapi()})


def schema_of(document: dict[str, Any], path: str, method: str = "get", status: str = "200") -> Any:
    content = document["paths"][path][method]["responses"][status]["content"]
    return content["application/json"]["schema"]["$ref"].removeprefix("#/components/schemas/")


def test_only_forwarded_routes_and_the_gateways_own_are_shown(document: dict[str, Any]) -> None:
    assert set(document["paths"]) == {
        "/api/v1/me",
        "/api/v1/projects",
        "/api/v1/projects/{project}",
        "/api/v1/runs/{run_id}",
        "/api/v1/tasks/{task_id}",
    }
    assert "Hidden" not in document["components"]["schemas"]


def test_schemas_of_one_name_and_two_meanings_are_told_apart(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]

    assert schema_of(document, "/api/v1/projects/{project}") == "Item"
    assert schema_of(document, "/api/v1/runs/{run_id}") == "SchedulerItem"
    assert schemas["Owner"]["required"] == ["name"]
    assert schemas["SchedulerOwner"]["required"] == ["email"]
    assert schemas["SchedulerItem"]["properties"]["owner"]["$ref"].endswith("/SchedulerOwner")
    assert "Task" in schemas


def test_every_operation_has_an_id_of_its_own_a_security_scheme_and_problems(document: dict[str, Any]) -> None:
    operations = [operation for path in document["paths"].values() for operation in path.values()]

    assert len({operation["operationId"] for operation in operations}) == len(operations)
    assert all("application/problem+json" in operation["responses"]["default"]["content"] for operation in operations)
    assert not any("422" in operation["responses"] for operation in operations)
    assert document["security"] == [{"bearer": []}]
    assert document["openapi"].startswith("3.1")


def test_commands_take_an_idempotency_key(document: dict[str, Any]) -> None:
    [parameter] = document["paths"]["/api/v1/projects"]["post"]["parameters"]

    assert parameter["name"] == "Idempotency-Key"


def test_no_reference_leads_nowhere(document: dict[str, Any]) -> None:
    def references(value: Any) -> list[str]:
        if isinstance(value, dict):
            own = [value["$ref"]] if "$ref" in value else []
            return own + [found for inner in value.values() for found in references(inner)]
        return [found for inner in value for found in references(inner)] if isinstance(value, list) else []

    names = {name.removeprefix("#/components/schemas/") for name in references(document)}
    assert names
    assert names <= set(document["components"]["schemas"])


def test_no_route_is_forwarded_twice() -> None:
    assert len({(route.method, route.path) for route in FORWARDED}) == len(FORWARDED)
