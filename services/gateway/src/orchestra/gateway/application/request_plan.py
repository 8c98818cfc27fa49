"""Somebody wants a plan: by REST or through the inbound door alike."""

from collections.abc import Sequence

from orchestra.chassis.ids import new_id
from orchestra.contracts.edits import AddTask, ChangeTask, PlanEdits
from orchestra.contracts.planning import PlanRequested, TaskRequest
from orchestra.gateway.application.ports import Policy, Requester, Unit
from orchestra.gateway.domain.errors import PolicyDenied, ProjectArchived
from orchestra.gateway.domain.operation import Operation
from orchestra.gateway.domain.plan_request import Project, WantedPlan, in_parts


async def check_commands(policy: Policy, requester: Requester, tasks: Sequence[TaskRequest]) -> None:
    """Before anything is written: a tool outside the whitelist is refused here. Raises PolicyDenied."""
    if any(task.command for task in tasks) and (denials := await policy.denials(requester, tasks)):
        raise PolicyDenied(denials)


async def check_edits(policy: Policy, requester: Requester, request: PlanEdits) -> None:
    """The same of what the edits would have run, with pointers to the edits. Raises PolicyDenied."""
    asked: dict[str, TaskRequest] = {}
    for at, edit in enumerate(request.edits):
        if isinstance(edit, AddTask):
            asked[f"/edits/{at}/task"] = edit.task
        elif isinstance(edit, ChangeTask) and edit.set.command:
            asked[f"/edits/{at}/set"] = TaskRequest(id=edit.id, title="", command=edit.set.command)
    places = list(asked)
    try:
        await check_commands(policy, requester, list(asked.values()))
    except PolicyDenied as denied:
        raise PolicyDenied(
            [
                fault.model_copy(update={"pointer": f"{places[int(fault.pointer.split('/')[2])]}/command"})
                for fault in denied.faults
            ]
        ) from denied


async def request_plan(work: Unit, wanted: WantedPlan, project: Project, requester: Requester) -> Operation:
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
        tasks=tuple(wanted.tasks),
        files=wanted.files,
        requested_by=operation.requested_by,
    )
    work.publish(*in_parts(request))
    return operation
