"""What a run goes on from, read in one exchange."""

from orchestra.chassis.database.unit_of_work import UnitOfWork
from orchestra.scheduler.adapters import task_statements as sql
from orchestra.scheduler.adapters.graph import RETURNED
from orchestra.scheduler.adapters.people import OF_PROJECT, members_of
from orchestra.scheduler.adapters.rows import task_from
from orchestra.scheduler.application.ports import Standing
from orchestra.scheduler.domain.work.run import Run


async def read_standing(work: UnitOfWork, run: Run) -> Standing:
    returned, members, pools, in_hand = await work.fetch_all(
        RETURNED,
        OF_PROJECT,
        sql.READY_POOLS,
        sql.COUNT_IN_HAND,
        run=run.id,
        workspace=run.workspace_id,
        project=run.project_id,
    )
    back = [(task_from(row), row[-1]) for row in returned]
    return Standing(
        members=members_of(members),
        pools=[row[0] for row in pools],
        in_hand=dict(in_hand),
        changed=[task for task, retired in back if not retired],
        gone=[task for task, retired in back if retired],
    )
