"""Snapshots for the calculation, and the schedules it gave, on SQL."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Float, String, case, select, update

from orchestra.chassis.database.statement import Copy, Row, Statement, Write, given
from orchestra.chassis.database.types import Instant
from orchestra.chassis.database.unit_of_work import UnitOfWork
from orchestra.chassis.messaging.message import plain
from orchestra.contracts.ids import ProjectId, TaskId
from orchestra.contracts.planning import Wait
from orchestra.scheduler.adapters.gates import EDGE_COLUMNS
from orchestra.scheduler.adapters.people import SqlMembers
from orchestra.scheduler.adapters.tables import DEPENDENCY, PROJECT, RUN, SCHEDULE, TASK
from orchestra.scheduler.application.project_ports import Calculated, Planned, Project, PublishedSchedule
from orchestra.scheduler.domain.people.member import Need
from orchestra.scheduler.domain.timeline.difference import Moved
from orchestra.scheduler.domain.timeline.placement import Cause, Placement, Schedule, Unplaced
from orchestra.scheduler.domain.timeline.snapshot import Snapshot
from orchestra.scheduler.domain.timeline.snapshot import Task as PlannedTask
from orchestra.scheduler.domain.work.dependency import Edge
from orchestra.scheduler.domain.work.task import need_of_pool

AT_A_TIME = 5_000
"""Tasks whose dates one statement sets."""


class SqlSchedules:
    def __init__(self, work: UnitOfWork) -> None:
        self._execute = work.connection.execute
        self._work = work

    async def snapshot(self, project: Project) -> Snapshot:
        mine = {"workspace": project.workspace_id, "project": project.id}
        # The edges first: a plan that is applied between the two then adds tasks, which make the schedule stale again,
        # and never edges whose tasks were not read.
        edges = tuple(map(Edge._make, await self._work.fetch(_EDGES, **mine)))
        tasks = _planned(await self._work.fetch(_TASKS, **mine, now=self._work.now))
        last = await self.latest(project.id)
        return Snapshot(
            as_of=self._work.now,
            grain=project.grain,
            members=tuple(await SqlMembers(self._work).of_project(project.workspace_id, project.id)),
            tasks=tasks,
            dependencies=edges,
            previous=last.schedule if last else None,
            previous_version=last.version if last else 0,
        )

    async def latest(self, project_id: ProjectId) -> PublishedSchedule | None:
        query = select(SCHEDULE).where(SCHEDULE.c.project_id == project_id).order_by(SCHEDULE.c.version.desc()).limit(1)
        row = (await self._execute(query)).mappings().first()
        if row is None:
            return None
        return PublishedSchedule(
            version=row["version"],
            input_hash=row["input_hash"],
            cause=row["cause"],
            as_of=row["as_of"],
            at=row["at"],
            schedule=schedule_of(row["content"]),
        )

    def written(self, schedule: Schedule, moves: Sequence[Moved]) -> str:
        return plain({**schedule_to_json(schedule), "moves": list(map(_move_to_json, moves))})

    async def publish(self, calculated: Calculated) -> None:
        project = calculated.project
        row = (
            project.workspace_id,
            project.id,
            project.schedule_version + 1,
            calculated.input_hash,
            project.stale_cause,
            calculated.as_of,
            self._work.now,
            calculated.project_end,
            calculated.moved,
            calculated.content,
        )
        await self._work.copy(_PUBLISHED, [row])
        await self._calculated(project, schedule_version=project.schedule_version + 1)

    async def unchanged(self, project: Project) -> None:
        await self._calculated(project)

    async def _calculated(self, project: Project, **values: Any) -> None:
        # What made it stale after it was read makes it stale still.
        later = PROJECT.c.stale_count > project.stale_count
        await self._execute(
            update(PROJECT)
            .where(PROJECT.c.workspace_id == project.workspace_id, PROJECT.c.id == project.id)
            .values(stale_cause=case((later, PROJECT.c.stale_cause)), recalculated_at=self._work.now, **values)
        )

    async def set_planned(self, planned: Sequence[Planned], unplaced: Sequence[TaskId]) -> None:
        for at in range(0, len(planned), AT_A_TIME):  # others have their turn in between
            self._work.later(_PLAN, (each._asdict() for each in planned[at : at + AT_A_TIME]))
            await self._work.flush()
        if unplaced:
            gone = {"planned_member": None, "planned_start": None, "planned_end": None}
            await self._execute(update(TASK).where(self._work.dialect.one_of(TASK.c.id, unplaced)).values(**gone))


_MINE = (TASK.c.workspace_id == given("workspace"), TASK.c.project_id == given("project"))
_INPUTS = (
    "id",
    "position",
    "status",
    "pool",
    "points",
    "minutes",
    "declined",
    "assignee",
    "started_at",
    "ended_at",
    "not_before",
    "performed_at",
    "share",
    "priority",
    "wait",
    "ends_at",
)
_EDGES = Statement(lambda _: select(*EDGE_COLUMNS).join(TASK, TASK.c.id == DEPENDENCY.c.successor).where(*_MINE))
_TASKS = Statement(
    # What is in a run that begins later begins no earlier than that.
    lambda _: (
        select(*(TASK.c[name] for name in _INPUTS), case((RUN.c.start_at > given("now", Instant), RUN.c.start_at)))
        .outerjoin(RUN, RUN.c.id == TASK.c.run_id)
        .where(*_MINE)
        .order_by(TASK.c.position)
    )
)
_PLAN = Write(
    lambda v: (
        update(TASK)
        .where(TASK.c.id == v("task"))
        .values(planned_member=v("member"), planned_start=v("start"), planned_end=v("end"), share=v("share"))
    ),
    {"task": String(), "member": String(), "start": Instant(), "end": Instant(), "share": Float()},
)
_PUBLISHED = Copy(
    SCHEDULE,
    "workspace_id",
    "project_id",
    "version",
    "input_hash",
    "cause",
    "as_of",
    "at",
    "project_end",
    "moved",
    "content",
)


def _planned(rows: Iterable[Row]) -> tuple[PlannedTask, ...]:
    needs: dict[Row, Need] = {}
    return tuple(_task(row, needs) for row in rows)


def _task(row: Row, needs: dict[Row, Need]) -> PlannedTask:
    """`needs`: those of the rows before; thousands of tasks ask for the same."""
    (task_id, position, status, pool_name, points, minutes, declined, assignee, started, ended, *more) = row
    not_before, performed, share, priority, wait, ends, begins = more
    asked = (pool_name, points, minutes, tuple(declined or ()))
    need = needs.get(asked)
    if need is None:
        pool = need_of_pool(pool_name)
        need = needs[asked] = replace(pool, points=points, minutes=minutes, declined=frozenset(asked[-1]))
    return PlannedTask(
        id=task_id,
        order=position,
        status=status,
        need=need,
        assignee=assignee,
        started_at=started,
        ended_at=ended,
        not_before=max(not_before, begins) if not_before and begins else not_before or begins,
        performed_at=performed if status == "in_review" else None,
        share=share if started else None,
        priority=priority,
        wait=Wait.model_validate(wait) if wait else None,
        ends_at=ends if wait and status == "running" else None,
    )


def _move_to_json(move: Moved) -> dict[str, Any]:
    """Instants as text."""
    return {name: each.isoformat() if isinstance(each, datetime) else each for name, each in vars(move).items()}


def schedule_to_json(schedule: Schedule) -> dict[str, Any]:
    return {
        "placements": [_placement_to_json(placement) for placement in schedule.placements],
        "unplaced": list(map(vars, schedule.unplaced)),
        "project_end": schedule.project_end and schedule.project_end.isoformat(),
    }


def _placement_to_json(placement: Placement) -> dict[str, Any]:
    """What says nothing is left out: who knows only finish to start reads what has only that."""
    content = dict(vars(placement))
    for name in _INSTANTS:
        content[name] = content[name].isoformat()
    cause = placement.cause
    content["cause"] = vars(cause) if cause.edge else {"kind": cause.kind, "task": cause.task}
    if placement.held:
        content["held"] = vars(placement.held)
    else:
        del content["held"]
    return content


_INSTANTS = ("start", "end", "late_start", "late_end")


def schedule_of(content: dict[str, Any]) -> Schedule:
    end = content["project_end"]
    return Schedule(
        placements=tuple(_placement(each) for each in content["placements"]),
        unplaced=tuple(Unplaced(**each) for each in content["unplaced"]),
        project_end=datetime.fromisoformat(end) if end else None,
    )


def _placement(content: dict[str, Any]) -> Placement:
    instants = {name: datetime.fromisoformat(content[name]) for name in _INSTANTS}
    held = content.get("held")
    values: dict[str, Any] = {
        **content,
        **instants,
        "cause": Cause(**content["cause"]),
        "held": Cause(**held) if held else None,
    }
    return Placement(**values)
