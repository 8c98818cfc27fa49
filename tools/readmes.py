"""The facts in the members' READMEs, made from code and catalog: written, or with `--check` compared."""

import ast
import inspect
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from sqlalchemy import MetaData
from tools.generated import ROOT, Generated, between, main

from orchestra.chassis.database.tables import add_chassis_tables
from orchestra.chassis.service import Service
from orchestra.chassis.settings import PREFIX, ServiceSettings
from orchestra.contracts.catalog import consumed_by, published_by

SERVICES = ("gateway", "planner", "scheduler", "executor", "notifier")

FACTS = ("<!-- facts, by `make docs` -->\n", "<!-- end of the facts -->")
SETTINGS = ("<!-- settings, by `make docs` -->\n", "<!-- end of the settings -->")


def facts(name: str) -> str:
    """What a service hears and says, what it keeps, what it answers."""
    service: Service[Any, Any] = import_module(f"orchestra.{name}.service").service
    rows = {
        "consumes": _kinds(entry.event.kind for entry in consumed_by(name)),
        "publishes": _kinds(entry.event.kind for entry in published_by(name)),
        "tables": _kinds(sorted(service.metadata.tables.keys() - _chassis_tables())),
        "answers": "<br>".join(_routes(service)),
    }
    return "| | |\n|---|---|\n" + "".join(f"| {key} | {value or 'nothing'} |\n" for key, value in rows.items())


def settings(model: type[ServiceSettings]) -> str:
    """The settings that the class itself declares; the comment under each field says what it means."""
    words = _comments(model)
    own = [(key, field) for key, field in model.model_fields.items() if key in inspect.get_annotations(model)]
    rows = [f"| `{PREFIX}{key.upper()}` | {_default(field)} | {words.get(key, '')} |\n" for key, field in own]
    return "| variable | default | |\n|---|---|---|\n" + "".join(rows)


def _kinds(names: Any) -> str:
    return " ".join(f"`{name}`" for name in names)


def _chassis_tables() -> set[str]:
    metadata = MetaData()
    add_chassis_tables(metadata)
    return set(metadata.tables)


def _routes(service: Service[Any, Any]) -> Iterator[str]:
    """`GET POST /projects` for each path, in the order of the code."""
    app = FastAPI()
    for router in service.routers:
        app.include_router(router)
    return (f"{' '.join(map(str.upper, of))} `{path}`" for path, of in app.openapi()["paths"].items())


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "needed"
    if field.default_factory is not None:
        return "computed"
    value = field.default
    if isinstance(value, frozenset | tuple | list | dict):
        return "none" if not value else f"`{value}`"
    return "none" if value is None else f"`{value}`"


def _comments(model: type[BaseModel]) -> dict[str, str]:
    """The text literal under each field of the class."""
    tree = ast.parse(inspect.getsource(model)).body[0]
    assert isinstance(tree, ast.ClassDef)
    found: dict[str, str] = {}
    for field, comment in zip(tree.body, tree.body[1:], strict=False):
        match field, comment:
            case ast.AnnAssign(target=ast.Name(key)), ast.Expr(ast.Constant(str(text))):
                found[key] = " ".join(text.split())
    return found


def generated() -> Generated:
    pages: dict[Path, str] = {}
    for name in SERVICES:
        path = ROOT / "services" / name / "README.md"
        page = between(path.read_text(), *FACTS, facts(name))
        model = import_module(f"orchestra.{name}.service").service.settings
        pages[path] = between(page, *SETTINGS, settings(model))
    path = ROOT / "libs" / "chassis" / "README.md"
    pages[path] = between(path.read_text(), *SETTINGS, settings(ServiceSettings))
    return Generated(pages)


if __name__ == "__main__":
    main(generated())
