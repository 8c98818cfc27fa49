"""Two versions of a schedule side by side."""

from typing import Any

from sqlalchemy import select

from orchestra.chassis.database.unit_of_work import UnitOfWork
from orchestra.contracts.ids import ProjectId, WorkspaceId
from orchestra.scheduler.adapters.schedules import schedule_of
from orchestra.scheduler.adapters.tables import SCHEDULE, TASK
from orchestra.scheduler.domain.errors import UnknownProject
from orchestra.scheduler.domain.timeline.difference import difference

_SUMMARY = [SCHEDULE.c[n] for n in ("version", "input_hash", "cause", "as_of", "at", "project_end", "moved")]


async def schedule_difference(
    view: UnitOfWork, workspace_id: WorkspaceId, project_id: ProjectId, since: int, version: int
) -> dict[str, Any]:
    """Either may be the older one. Raises UnknownProject where there is no such version."""
    execute = view.connection.execute
    mine = (SCHEDULE.c.project_id == project_id, SCHEDULE.c.workspace_id == workspace_id)
    contents = select(SCHEDULE.c.version, SCHEDULE.c.content).where(*mine, SCHEDULE.c.version.in_((since, version)))
    schedules = {row[0]: schedule_of(row[1]) for row in await execute(contents)}
    for wanted in (since, version):
        if wanted not in schedules:
            raise UnknownProject(f"{project_id}, version {wanted}")
    low, high = sorted((since, version))
    between = select(*_SUMMARY).where(*mine, SCHEDULE.c.version.between(low, high)).order_by(SCHEDULE.c.version)
    summaries = {row["version"]: dict(row) for row in (await execute(between)).mappings()}
    moves = difference(schedules[since], schedules[version])
    tasks = select(TASK.c.id, TASK.c.key, TASK.c.title).where(TASK.c.project_id == project_id)
    names = {row[0]: (row[1], row[2]) for row in await execute(tasks)}
    return {
        "since": summaries[since],
        "version": summaries[version],
        "causes": [each for number, each in summaries.items() if number > low],
        "moves": [{**vars(m), "key": names[m.task_id][0], "title": names[m.task_id][1]} for m in moves],
    }
