"""Limit what a workspace has in flight, or what it starts in a time."""

from orchestra.contracts.ids import WorkspaceId
from orchestra.scheduler.application.ports import SchedulingWork
from orchestra.scheduler.domain.errors import UnknownProject
from orchestra.scheduler.domain.limit_errors import InvalidLimit, UnknownLimit
from orchestra.scheduler.domain.work.limits import WHOLE, Limit, LimitScope


async def set_limit(work: SchedulingWork, workspace_id: WorkspaceId, limit: Limit) -> None:
    """It holds for what goes out from now on. Raises InvalidLimit, UnknownProject."""
    if limit.scope == "workspace" and limit.name != WHOLE:
        raise InvalidLimit(f"the limit of the workspace is named {WHOLE}, not {limit.name}")
    if limit.scope == "project" and await work.projects.find(workspace_id, limit.name) is None:
        raise UnknownProject(limit.name)
    await work.limits.put(workspace_id, limit)
    work.wake("admission")


async def remove_limit(work: SchedulingWork, workspace_id: WorkspaceId, scope: LimitScope, name: str) -> None:
    """Raises UnknownLimit."""
    if not await work.limits.remove(workspace_id, scope, name):
        raise UnknownLimit(scope, name)
    work.wake("admission")
