"""Somebody wants a plan: by REST or through the inbound door alike."""

from collections.abc import Sequence

from orchestra.chassis.ids import new_id
from orchestra.contracts.edits import AddTask, ChangeTask, PlanEdits
from orchestra.contracts.planning import PlanRequested, TaskRequest, TeamMember
from orchestra.gateway.application.ports import Policy, Requester, Teams, Unit
from orchestra.gateway.domain.errors import PolicyDenied, ProjectArchived
from orchestra.gateway.domain.operation import Operation
from orchestra.gateway.domain.plan_request import Project, WantedPlan, in_parts


async def check_commands(policy: Policy, requester: Requester, tasks: Sequence[TaskRequest]) -> None:
    """Before anything is written: a tool outside the whitelist is refused here. Raises PolicyDenied."""
    if any(task.work for task in tasks) and (denials := await policy.denials(requester, tasks)):
        raise PolicyDenied(denials)


async def check_edits(policy: Policy, requester: Requester, request: PlanEdits) -> None:
    """The same of what the edits would have run, with pointers to the edits. Raises PolicyDenied."""
    asked: dict[str, TaskRequest] = {}
    for at, edit in enumerate(request.edits):
        if isinstance(edit, AddTask):
            asked[f"/edits/{at}/task"] = edit.task
        elif isinstance(edit, ChangeTask) and (edit.set.command or edit.set.agent):
            asked[f"/edits/{at}/set"] = TaskRequest(
                id=edit.id, title="", command=edit.set.command, agent=edit.set.agent
            )
    places = list(asked)
    try:
        await check_commands(policy, requester, list(asked.values()))
    except PolicyDenied as denied:
        raise PolicyDenied(
            [fault.model_copy(update={"pointer": _moved(fault.pointer, places)}) for fault in denied.faults]
        ) from denied


def _moved(pointer: str, places: Sequence[str]) -> str:
    """`/tasks/1/command` at the second of the places."""
    _, _, at, what = pointer.split("/")
    return f"{places[int(at)]}/{what}"


async def team_for(teams: Teams, requester: Requester, wanted: WantedPlan, project: Project) -> tuple[TeamMember, ...]:
    """Whom a model may plan for: empty where none plans, and where nobody is known."""
    return await teams.team(requester, project.id) if wanted.mode in ("model", "auto") else ()


async def request_plan(
    work: Unit, wanted: WantedPlan, project: Project, requester: Requester, team: tuple[TeamMember, ...] = ()
) -> Operation:
    """Raises ProjectArchived."""
    if project.archived:
        raise ProjectArchived
    operation = Operation(
        id=new_id("opn"),
        workspace_id=requester.workspace_id,
        project_id=project.id,
        plan_id=new_id("pln"),
        status="accepted",
        requested_by=requester.subject,
        created_at=work.now,
    )
    await work.operations.add(operation)
    request = PlanRequested(
        workspace_id=operation.workspace_id,
        project_id=project.id,
        plan_id=operation.plan_id,
        mode=wanted.mode,
        project_name=project.name,
        document_name=wanted.document_name,
        document=wanted.document,
        files=wanted.files,
        team=team,
        requested_by=operation.requested_by,
    )
    work.publish(*in_parts(request, wanted.written))
    return operation
