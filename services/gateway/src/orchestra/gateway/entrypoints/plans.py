"""Asking for plans, and what there is to know of one that is on its way."""

from dataclasses import asdict
from datetime import datetime

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from orchestra.chassis.http.commands import CurrentCommand
from orchestra.chassis.http.identity import CurrentCaller
from orchestra.chassis.http.views import CurrentView
from orchestra.gateway.adapters.teams import HttpTeams
from orchestra.gateway.adapters.work import GatewayWork
from orchestra.gateway.application.request_plan import check_commands, check_edits, request_plan, team_for
from orchestra.gateway.domain.errors import UnknownOperation
from orchestra.gateway.domain.operation import OperationStatus
from orchestra.gateway.domain.plan_request import check_limits
from orchestra.gateway.entrypoints.access import PREFIX, CurrentDatabase, CurrentServices, needs
from orchestra.gateway.entrypoints.bodies import EditsBody, PlanBody
from orchestra.gateway.entrypoints.forwarding import call, relay
from orchestra.gateway.entrypoints.routes import EDITS, PLAN

router = APIRouter(prefix=PREFIX, tags=["plans"])


class PlanAccepted(BaseModel):
    plan_id: str
    operation_id: str


class OperationView(BaseModel):
    """`succeeded`: the plan is proposed; `failed`: it says itself what is wrong with it."""

    id: str
    status: OperationStatus
    project_id: str
    plan_id: str
    requested_by: str
    created_at: datetime
    ended_at: datetime | None


@router.post(
    "/projects/{project_id}/plans", status_code=202, response_model=PlanAccepted, dependencies=[needs("write")]
)
async def request(project_id: str, body: PlanBody, command: CurrentCommand, services: CurrentServices) -> Response:
    """Ask for a plan. The project must exist, and the policy must allow every command."""
    if (answered := await command.answered()) is not None:
        return answered
    wanted, caller = body.wanted(), command.caller
    check_limits(wanted)
    project = await services.project(caller, project_id)
    await check_commands(services, caller, wanted.tasks)
    team = await team_for(HttpTeams(services), caller, wanted, project)

    async def effect(work: GatewayWork) -> PlanAccepted:
        operation = await request_plan(work, wanted, project, caller, team)
        return PlanAccepted(plan_id=operation.plan_id, operation_id=operation.id)

    return await command.run(effect, status=202, location=lambda accepted: f"{PREFIX}/plans/{accepted.plan_id}")


@router.post(EDITS.path, dependencies=[needs(EDITS.grant)], include_in_schema=False)
async def edit(body: EditsBody, request: Request, caller: CurrentCaller, services: CurrentServices) -> Response:
    """Forwarded as the contract has it, if the policy allows every command."""
    await check_edits(services, caller, body)
    # What was not said must stay unsaid: a change of a task says which fields change by naming them.
    return relay(await call(EDITS, request, caller, services, body.model_dump_json(exclude_unset=True).encode()))


@router.get("/operations/{operation_id}", dependencies=[needs("read")])
async def show_operation(operation_id: str, caller: CurrentCaller, view: CurrentView) -> OperationView:
    operation = await view.operations.find(caller.workspace_id, operation_id)
    if operation is None:
        raise UnknownOperation
    return OperationView.model_validate(asdict(operation))


@router.get(PLAN.path, dependencies=[needs(PLAN.grant)], include_in_schema=False)
async def show_plan(
    plan_id: str, request: Request, caller: CurrentCaller, services: CurrentServices, database: CurrentDatabase
) -> Response:
    """The planner's answer; a plan that it does not know yet, but that was asked for here, is `requested`."""
    answer = await call(PLAN, request, caller, services)
    if answer.status_code != 404:
        return relay(answer)
    async with database.read() as view:
        operation = await view.operations.of_plan(caller.workspace_id, plan_id)
    if operation is None:
        return relay(answer)
    await answer.aclose()
    return JSONResponse({"id": plan_id, "project_id": operation.project_id, "status": "requested"})
