"""What endpoints stand on: the grant a route needs, the services it speaks to, the database it reads by itself."""

from typing import Annotated, Any

from fastapi import Depends, Request

from orchestra.chassis.database.unit_of_work import Database
from orchestra.chassis.http.identity import CurrentCaller
from orchestra.chassis.http.problems import Problem
from orchestra.gateway.adapters.services import Services
from orchestra.gateway.adapters.work import GatewayWork

PREFIX = "/api/v1"


def needs(grant: str) -> Any:
    """A route's dependency: 403 without the grant."""

    async def check(caller: CurrentCaller) -> None:
        if grant not in caller.grants:
            raise Problem(403, "not-granted", f"this needs the grant `{grant}`")

    return Depends(check)


def _services(request: Request) -> Services:
    return request.app.state.services


CurrentServices = Annotated[Services, Depends(_services)]


def _database(request: Request) -> Database[GatewayWork]:
    return request.app.state.database


CurrentDatabase = Annotated[Database[GatewayWork], Depends(_database)]
"""For endpoints that must not keep a connection while they wait for something else."""
