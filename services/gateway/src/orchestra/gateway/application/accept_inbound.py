"""A message of another system: let in as a plan request, or refused with a reason; a row either way."""

from collections.abc import Callable
from dataclasses import dataclass

from orchestra.chassis.ids import new_id
from orchestra.contracts.ids import ProjectId, WorkspaceId
from orchestra.gateway.application.ports import Begin, Policy, Projects, Teams, Unit
from orchestra.gateway.application.request_plan import check_commands, request_plan, team_for
from orchestra.gateway.domain.door import (
    Arrival,
    BrokerUser,
    InboundMessage,
    Stamp,
    check_kind,
    check_user,
    check_workspace,
    project_id_by_name,
)
from orchestra.gateway.domain.errors import GatewayError, Refused
from orchestra.gateway.domain.operation import Operation
from orchestra.gateway.domain.plan_request import Project, WantedPlan, check_limits


@dataclass(frozen=True)
class InboundPlan:
    """What a message asks for. Without a `project_id` its `project_name` says which project, new or not."""

    wanted: WantedPlan
    project_name: str
    project_id: ProjectId | None
    workspaces: tuple[str | None, ...]
    """Those that the message names."""


@dataclass(frozen=True)
class Outsider:
    """The requester that a broker user is."""

    subject: str
    workspace_id: WorkspaceId
    grants: tuple[str, ...] = ("read", "write")


@dataclass(frozen=True)
class Letter:
    """A message that was opened: its attributes, empty where it has none, and how to read on (raises Refused)."""

    stamp: Stamp
    read: Callable[[], InboundPlan]
    traceparent: str | None = None


@dataclass(frozen=True)
class Door:
    """What the use case stands on."""

    begin: Begin
    read: Begin
    """The same for a view that writes nothing."""
    projects: Projects
    policy: Policy
    teams: Teams


async def accept_inbound(door: Door, arrival: Arrival, letter: Letter) -> InboundMessage | None:
    """The row that was written; None for a repetition of what was accepted before."""
    stamp = letter.stamp
    async with door.read() as view:
        user = await view.broker_users.find(arrival.user) if arrival.user else None
    try:
        user = check_user(arrival, user)
        plan = _read(letter, arrival, user)
        check_workspace(plan.workspaces, user)
        requester = Outsider(f"broker:{user.name}", user.workspace_id)
        check_limits(plan.wanted)
        project = await _project(door, requester, plan)
        await check_commands(door.policy, requester, plan.wanted.tasks)
        team = await team_for(door.teams, requester, plan.wanted, project)
        async with door.begin() as work:
            if not await _is_first(work, arrival, stamp, user):
                return None
            work.inbound.answer(stamp)
            operation = await request_plan(work, plan.wanted, project, requester, team)
            return await _record(work, arrival, stamp, user, operation)
    except GatewayError as error:
        refusal = error if isinstance(error, Refused) else Refused(error.code, str(error))
        async with door.begin() as work:
            return await _record(work, arrival, stamp, user, refusal)


def _read(letter: Letter, arrival: Arrival, user: BrokerUser) -> InboundPlan:
    if letter.stamp.kind:  # what has no attributes says itself what is wrong with it
        check_kind(arrival, letter.stamp, user)
    return letter.read()


async def _project(door: Door, requester: Outsider, plan: InboundPlan) -> Project:
    if plan.project_id is not None:
        return await door.projects.project(requester, plan.project_id)
    return Project(project_id_by_name(requester.workspace_id, plan.project_name), plan.project_name)


async def _is_first(work: Unit, arrival: Arrival, stamp: Stamp, user: BrokerUser) -> bool:
    earlier = await work.inbound.accepted(user.workspace_id, stamp)
    if earlier is not None and earlier.fingerprint != arrival.fingerprint:
        raise Refused("reused-id", f"Another message had the id {stamp.event_id} of {stamp.source} before.")
    return earlier is None


async def _record(
    work: Unit, arrival: Arrival, stamp: Stamp, user: BrokerUser | None, outcome: Operation | Refused
) -> InboundMessage:
    refused = outcome if isinstance(outcome, Refused) else None
    message = InboundMessage(
        id=new_id("inb"),
        workspace_id=user.workspace_id if user else None,
        user=arrival.user,
        routing_key=arrival.routing_key[:255],
        fingerprint=arrival.fingerprint,
        stamp=stamp,
        verdict="refused" if refused else "accepted",
        reason=refused.reason if refused else None,
        detail=str(refused) if refused else None,
        plan_id=None if isinstance(outcome, Refused) else outcome.plan_id,
        at=work.now,
    )
    await work.inbound.record(message)
    return message
