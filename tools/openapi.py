"""docs/openapi/orchestra.json, the public API as GET /openapi.json answers it: written, or with `--check` compared."""

import json
from importlib import import_module
from typing import Any

from fastapi import FastAPI
from tools.generated import ROOT, Generated, main

from orchestra.chassis.http import operations
from orchestra.chassis.service import Service
from orchestra.gateway.adapters.services import SERVICES
from orchestra.gateway.entrypoints.openapi import merged

FILE = ROOT / "docs" / "openapi" / "orchestra.json"


def document() -> dict[str, Any]:
    """Made from the routers alone: nothing is started."""
    return merged(_own("gateway"), {name: _own(name) for name in SERVICES})


def _own(name: str) -> dict[str, Any]:
    service: Service[Any, Any] = import_module(f"orchestra.{name}.service").service
    app = FastAPI()
    for router in (*service.routers, operations.router, operations.internal):
        app.include_router(router)
    return app.openapi()


def generated() -> Generated:
    return Generated({FILE: json.dumps(document(), indent=2, ensure_ascii=False) + "\n"}, owned=(FILE.parent,))


if __name__ == "__main__":
    main(generated())
