"""Documents that are made from code are what the code says, and what programs read of them is valid."""

import json
from pathlib import Path
from typing import Any

import pytest
from faststream.specification.asyncapi.v3_0_0.schema import ApplicationSchema
from openapi_spec_validator import validate
from tools import asyncapi, documents, openapi
from tools.generated import Generated

from orchestra.contracts.catalog import CATALOG
from orchestra.gateway.entrypoints.routes import FORWARDED


def test_no_document_has_drifted_from_the_code() -> None:
    assert documents.generated().stale() == [], "run `make docs`"


def test_what_is_stale_missing_or_left_over_is_found_and_mended(tmp_path: Path) -> None:
    made = Generated({tmp_path / name: name for name in ("a", "b", "c")}, owned=(tmp_path,))
    made.write()
    assert made.stale() == []

    (tmp_path / "a").write_text("other")
    (tmp_path / "b").unlink()
    (tmp_path / "d").touch()
    assert [path.name for path in made.stale()] == ["a", "b", "d"]

    made.write()
    assert made.stale() == []


def test_the_public_api_is_valid_openapi_and_has_every_forwarded_route() -> None:
    document = json.loads(openapi.FILE.read_text())

    validate(document)
    said = {(openapi_path, method) for openapi_path, methods in document["paths"].items() for method in methods}
    shapes = {(path.replace("{", "").replace("}", ""), method) for path, method in said}
    missing = [
        (route.method, route.path)
        for route in FORWARDED
        if (f"/api/v1{route.path}".replace("{", "").replace("}", ""), route.method.lower()) not in shapes
    ]
    assert missing == []


@pytest.mark.parametrize("service", asyncapi.SERVICES)
def test_what_a_service_says_and_hears_is_asyncapi_3(service: str) -> None:
    document = json.loads((asyncapi.FOLDER / f"{service}.json").read_text())

    ApplicationSchema.model_validate(document)
    dangling = [reference for reference in _references(document) if not _leads(document, reference)]
    assert dangling == []
    operations = {
        (one["action"], one["messages"][0]["$ref"].rpartition("/")[2]) for one in document["operations"].values()
    }
    said = {("send", entry.event.kind) for entry in CATALOG if entry.publisher == service}
    heard = {("receive", entry.event.kind) for entry in CATALOG if service in entry.consumers}
    assert operations == said | heard


def _references(value: Any) -> list[str]:
    if isinstance(value, dict):
        found = [value["$ref"]] if isinstance(value.get("$ref"), str) else []
        return found + [reference for each in value.values() for reference in _references(each)]
    if isinstance(value, list):
        return [reference for each in value for reference in _references(each)]
    return []


def _leads(document: Any, reference: str) -> bool:
    """Whether a JSON Pointer within the document leads somewhere."""
    for step in reference.removeprefix("#/").split("/"):
        if not isinstance(document, dict) or step not in document:
            return False
        document = document[step]
    return True
