"""GET /openapi.json: one document of the whole public API, put together from the services' own."""

import asyncio
import json
import re
from collections.abc import Iterator, Mapping
from copy import deepcopy
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from orchestra.gateway.adapters.services import SERVICES
from orchestra.gateway.entrypoints.access import PREFIX, CurrentServices
from orchestra.gateway.entrypoints.routes import FORWARDED, Route

Document = dict[str, Any]

SCHEMAS = "#/components/schemas/"
PROBLEM: Document = {
    "description": "A problem (RFC 9457): what was wrong, where, and whether trying again may help.",
    "content": {"application/problem+json": {"schema": {"$ref": f"{SCHEMAS}Problem"}}},
}
PROBLEM_SCHEMA: Document = {
    "type": "object",
    "required": ["type", "title", "status", "detail", "code"],
    "properties": {
        **{name: {"type": "string"} for name in ("type", "title", "detail", "code", "instance", "rule", "trace_id")},
        "status": {"type": "integer"},
        "retryable": {"type": "boolean"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {name: {"type": "string"} for name in ("pointer", "code", "detail")},
            },
        },
    },
}
KEY: Document = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "The same key with the same body has one effect and the same answer.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255},
}

_REFERENCE = re.compile(f'"\\$ref": "{SCHEMAS}([^"]+)"')
"""As it stands in a document written as JSON text."""

router = APIRouter()


@router.get("/openapi.json", include_in_schema=False)
async def openapi(request: Request, services: CurrentServices) -> JSONResponse:
    """Made at the first request and kept. 503 while a service is away."""
    state = request.app.state
    if getattr(state, "document", None) is None:
        documents = await asyncio.gather(*(services.document(name) for name in SERVICES))
        state.document = merged(request.app.openapi(), dict(zip(SERVICES, documents, strict=True)))
    return JSONResponse(state.document)


def merged(own: Document, documents: Mapping[str, Document]) -> Document:
    """The forwarded routes of `documents`, by service, beside the gateway's own."""
    document: Document = {
        "openapi": "3.1.0",
        "info": {"title": "Orchestra", "version": "1"},
        "security": [{"bearer": []}],
        "paths": {},
        "components": {
            "schemas": {"Problem": PROBLEM_SCHEMA},
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer", "description": "An API key: ork_<env>_<id>_<secret>."}
            },
        },
    }
    for name, source in {"gateway": own, **documents}.items():
        _add(document, name, source)
    return document


def _add(document: Document, service: str, source: Document) -> None:
    operations = {
        (path, method): deepcopy(operation)
        for path, method, operation in (_own(source) if service == "gateway" else _forwarded(source, service))
    }
    for (_, method), operation in operations.items():
        _complete(operation, service, method)
    schemas: Document = source.get("components", {}).get("schemas", {})
    needed = _reached(operations, schemas)
    names = _names(needed, document["components"]["schemas"], service)
    for (path, method), operation in operations.items():
        document["paths"].setdefault(path, {})[method] = _renamed(operation, names)
    for name, schema in needed.items():
        document["components"]["schemas"][names.get(name, name)] = _renamed(schema, names)


def _own(source: Document) -> Iterator[tuple[str, str, Document]]:
    for path, operations in source["paths"].items():
        if path.startswith(PREFIX) or path == "/version":
            for method, operation in operations.items():
                yield path, method, operation


def _forwarded(source: Document, service: str) -> Iterator[tuple[str, str, Document]]:
    paths = {_shape(path): path for path in source["paths"]}
    for route in FORWARDED:
        path = paths.get(_shape(route.path)) if route.service == service else None
        if path and (operation := source["paths"][path].get(route.method.lower())):
            yield PREFIX + path, route.method.lower(), _granted(operation, route)


def _granted(operation: Document, route: Route) -> Document:
    return {**operation, "x-grant": route.grant}


def _shape(path: str) -> str:
    """A path whatever its parameters are called."""
    return re.sub(r"\{[^}]*\}", "{}", path)


def _complete(operation: Document, service: str, method: str) -> None:
    operation["operationId"] = f"{service}_{operation.get('operationId', method)}"
    operation.setdefault("tags", [service])
    responses = operation.setdefault("responses", {})
    responses.pop("422", None)
    responses["default"] = PROBLEM
    if method == "post":
        operation["parameters"] = [*operation.get("parameters", []), KEY]


def _references(value: Any) -> list[str]:
    """The schemas that a piece of a document names."""
    return _REFERENCE.findall(json.dumps(value))


def _reached(operations: Any, schemas: Document) -> Document:
    """The schemas that the operations need, directly or not."""
    reached: Document = {}
    waiting = list(_references(list(operations.values())))
    while waiting:
        name = waiting.pop()
        if name in schemas and name not in reached:
            reached[name] = schemas[name]
            waiting += _references(schemas[name])
    return reached


def _names(schemas: Document, taken: Document, service: str) -> dict[str, str]:
    """New names for schemas that differ from one of the same name, or that name one which does."""
    renamed = {name for name, schema in schemas.items() if name in taken and taken[name] != schema}
    while more := {name for name, s in schemas.items() if name not in renamed and renamed & set(_references(s))}:
        renamed |= more
    return {name: f"{service.capitalize()}{name}" for name in renamed}


def _renamed(value: Document, names: Mapping[str, str]) -> Document:
    def rename(found: re.Match[str]) -> str:
        return f'"$ref": "{SCHEMAS}{names.get(found[1], found[1])}"'

    return json.loads(_REFERENCE.sub(rename, json.dumps(value)))
