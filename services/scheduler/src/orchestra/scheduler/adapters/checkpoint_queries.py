"""What people read of checkpoints."""

from typing import Any

from sqlalchemy import ColumnElement, func, select

from orchestra.chassis.database.unit_of_work import UnitOfWork
from orchestra.contracts.ids import CheckpointId, ProjectId, RunId, WorkspaceId
from orchestra.scheduler.adapters.checkpoint_table import CHECKPOINT
from orchestra.scheduler.adapters.checkpoints import OPEN
from orchestra.scheduler.adapters.tables import RUN, TASK
from orchestra.scheduler.domain.checkpoint_errors import UnknownCheckpoint
from orchestra.scheduler.domain.work.checkpoint import CheckpointStatus

OPEN_OF_TASK = (
    select(CHECKPOINT.c.id).where(CHECKPOINT.c.task_id == TASK.c.id, OPEN).correlate(TASK).scalar_subquery()
).label("checkpoint_id")
OPEN_IN_RUN = (
    select(func.count()).where(CHECKPOINT.c.run_id == RUN.c.id, OPEN).correlate(RUN).scalar_subquery()
).label("open_checkpoints")
"""Columns for what is shown of a task and of a run."""


async def shown_checkpoint(view: UnitOfWork, workspace_id: WorkspaceId, checkpoint_id: CheckpointId) -> dict[str, Any]:
    """Raises UnknownCheckpoint; one of another workspace is one."""
    found = await _shown(view, 1, CHECKPOINT.c.id == checkpoint_id, CHECKPOINT.c.workspace_id == workspace_id)
    if not found:
        raise UnknownCheckpoint(checkpoint_id)
    return found[0]


async def checkpoint_page(
    view: UnitOfWork,
    workspace_id: WorkspaceId,
    limit: int,
    after: CheckpointId | None,
    *,
    status: CheckpointStatus | None = None,
    project_id: ProjectId | None = None,
    run_id: RunId | None = None,
) -> list[dict[str, Any]]:
    """The newest first."""
    where = [CHECKPOINT.c.workspace_id == workspace_id]
    where += [CHECKPOINT.c.id < after] if after else []
    wanted = {"status": status, "project_id": project_id, "run_id": run_id}
    where += [CHECKPOINT.c[name] == value for name, value in wanted.items() if value]
    return await _shown(view, limit, *where)


async def _shown(view: UnitOfWork, limit: int, *where: ColumnElement[bool]) -> list[dict[str, Any]]:
    await view.flush()
    query = select(CHECKPOINT, TASK.c.key, TASK.c.title).join(TASK, TASK.c.id == CHECKPOINT.c.task_id)
    rows = await view.connection.execute(query.where(*where).order_by(CHECKPOINT.c.id.desc()).limit(limit))
    return [dict(row) for row in rows.mappings()]
