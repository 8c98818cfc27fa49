"""Snapshots for the calculation, and the schedules it gave, on SQL."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, case, select, update

from orchestra.chassis.database.unit_of_work import UnitOfWork
from orchestra.contracts.ids import ProjectId, TaskId
from orchestra.contracts.planning import Wait
from orchestra.scheduler.adapters.gates import EDGE_COLUMNS, edge_of
from orchestra.scheduler.adapters.people import SqlMembers
from orchestra.scheduler.adapters.tables import DEPENDENCY, PROJECT, RUN, SCHEDULE, TASK
from orchestra.scheduler.application.project_ports import Project, PublishedSchedule
from orchestra.scheduler.domain.people.member import Need
from orchestra.scheduler.domain.timeline.difference import Moved
from orchestra.scheduler.domain.timeline.placement import Cause, Placement, Schedule, Unplaced
from orchestra.scheduler.domain.timeline.snapshot import Snapshot
from orchestra.scheduler.domain.timeline.snapshot import Task as PlannedTask
from orchestra.scheduler.domain.work.task import need_of_pool


class SqlSchedules:
    def __init__(self, work: UnitOfWork) -> None:
        self._execute = work.connection.execute
        self._work = work

    async def snapshot(self, project: Project) -> Snapshot:
        mine = (TASK.c.workspace_id == project.workspace_id, TASK.c.project_id == project.id)
        # What is in a run that begins later begins no earlier than that.
        begins = case((RUN.c.start_at > self._work.now, RUN.c.start_at)).label("begins")
        inputs = select(*_INPUTS, begins).outerjoin(RUN, RUN.c.id == TASK.c.run_id)
        # The edges first: a plan that is applied between the two then adds tasks, which make the schedule stale again,
        # and never edges whose tasks were not read.
        bound = select(*EDGE_COLUMNS).join(TASK, TASK.c.id == DEPENDENCY.c.successor).where(*mine)
        edges = (await self._execute(bound)).mappings().all()
        tasks = (await self._execute(inputs.where(*mine).order_by(TASK.c.position))).mappings().all()
        last = await self.latest(project.id)
        return Snapshot(
            as_of=self._work.now,
            grain=project.grain,
            members=tuple(await SqlMembers(self._work).of_project(project.workspace_id, project.id)),
            tasks=tuple(_planned(row) for row in tasks),
            dependencies=tuple(edge_of(row) for row in edges),
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

    async def publish(self, project: Project, published: PublishedSchedule, moves: Sequence[Moved]) -> None:
        await self._execute(
            SCHEDULE.insert().values(
                workspace_id=project.workspace_id,
                project_id=project.id,
                version=published.version,
                input_hash=published.input_hash,
                cause=published.cause,
                as_of=published.as_of,
                at=published.at,
                project_end=published.schedule.project_end,
                moved=len(moves),
                content={**schedule_to_json(published.schedule), "moves": _plain([asdict(move) for move in moves])},
            )
        )
        await self._calculated(project, schedule_version=published.version)

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

    async def set_planned(self, placements: Sequence[Placement], unplaced: Sequence[TaskId]) -> None:
        if placements:
            await self._execute(
                update(TASK)
                .where(TASK.c.id == bindparam("b_id"))
                .values(
                    planned_member=bindparam("b_member"),
                    planned_start=bindparam("b_start"),
                    planned_end=bindparam("b_end"),
                    share=bindparam("b_share"),
                ),
                [
                    {"b_id": p.task, "b_member": p.member, "b_start": p.start, "b_end": p.end, "b_share": p.share}
                    for p in placements
                ],
            )
        if unplaced:
            gone = {"planned_member": None, "planned_start": None, "planned_end": None}
            await self._execute(update(TASK).where(self._work.dialect.one_of(TASK.c.id, unplaced)).values(**gone))


_INPUTS = [
    TASK.c[name]
    for name in (
        "id",
        "position",
        "status",
        "pool",
        "points",
        "minutes",
        "priority",
        "assignee",
        "started_at",
        "assigned_at",
        "ended_at",
        "not_before",
        "performed_at",
        "share",
        "declined",
        "wait",
        "ends_at",
    )
]


def _planned(row: Any) -> PlannedTask:
    pool = need_of_pool(row["pool"])
    declined = frozenset(row["declined"] or ())
    need = Need(pool.role, pool.command, pool.tools, row["points"], row["minutes"], declined)
    return PlannedTask(
        id=row["id"],
        order=row["position"],
        status=row["status"],
        need=need,
        assignee=row["assignee"],
        started_at=row["started_at"],
        ended_at=row["ended_at"],
        not_before=max((each for each in (row["not_before"], row["begins"]) if each), default=None),
        performed_at=row["performed_at"] if row["status"] == "in_review" else None,
        share=row["share"] if row["started_at"] else None,
        priority=row["priority"],
        wait=Wait.model_validate(row["wait"]) if row["wait"] else None,
        ends_at=row["ends_at"] if row["wait"] and row["status"] == "running" else None,
    )


def _plain(value: Any) -> Any:
    """JSON values; instants as text."""
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}  # pyright: ignore[reportUnknownVariableType]
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]  # pyright: ignore[reportUnknownVariableType]
    return value.isoformat() if isinstance(value, datetime) else value


def schedule_to_json(schedule: Schedule) -> dict[str, Any]:
    return {
        "placements": [_placement_to_json(placement) for placement in schedule.placements],
        "unplaced": [asdict(each) for each in schedule.unplaced],
        "project_end": _plain(schedule.project_end),
    }


def _placement_to_json(placement: Placement) -> dict[str, Any]:
    """What says nothing is left out: who knows only finish to start reads what has only that."""
    content = {**vars(placement), **{name: getattr(placement, name).isoformat() for name in _INSTANTS}}
    content |= {"cause": dict(vars(placement.cause)), "held": placement.held and dict(vars(placement.held))}
    if not content["held"]:
        del content["held"]
    if not content["cause"]["edge"]:
        del content["cause"]["edge"]
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
