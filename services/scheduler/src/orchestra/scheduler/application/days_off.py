"""Days off of a member: added and taken back in stretches, with the reason (BR-SCHED-003)."""

from dataclasses import replace

from orchestra.contracts.ids import ProjectId, WorkspaceId
from orchestra.scheduler.application.change_team import change_member, find_member
from orchestra.scheduler.application.ports import SchedulingWork
from orchestra.scheduler.domain.people.absence import Absence
from orchestra.scheduler.domain.people.member import Member


async def add_days_off(
    work: SchedulingWork, workspace_id: WorkspaceId, project_id: ProjectId, key: str, absence: Absence
) -> Member:
    """Days that were off already are off for this reason now. Raises UnknownMember, NoWorkingTime."""
    return await _set(work, workspace_id, project_id, key, absence, off=True)


async def take_back_days_off(
    work: SchedulingWork, workspace_id: WorkspaceId, project_id: ProjectId, key: str, absence: Absence
) -> Member:
    """Days that were not off stay as they are. Raises UnknownMember."""
    return await _set(work, workspace_id, project_id, key, absence, off=False)


async def _set(
    work: SchedulingWork, workspace_id: WorkspaceId, project_id: ProjectId, key: str, absence: Absence, *, off: bool
) -> Member:
    project = await work.projects.hold(workspace_id, project_id)
    member = await find_member(work, workspace_id, project_id, key)
    days = set(absence)
    reasons = (await work.members.reasons(project)).get(member.id, {})
    kept = {day: reason for day, reason in reasons.items() if day not in days and day in member.days_off}
    if off:
        kept |= dict.fromkeys(days, absence.reason)
    await work.members.give_reasons(member.id, kept)
    after = replace(member, days_off=member.days_off | days if off else member.days_off - days)
    span = f"{absence.first}" if absence.first == absence.last else f"{absence.first} to {absence.last}"
    cause = f"{member.name} is {'away' if off else 'there'} {span}"
    return await change_member(work, workspace_id, project_id, after, cause)
