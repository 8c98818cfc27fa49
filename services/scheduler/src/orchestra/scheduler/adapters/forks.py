"""Copies of a project's people and tasks, on SQL."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Table, literal, select

from orchestra.chassis.database.unit_of_work import UnitOfWork
from orchestra.chassis.ids import new_id
from orchestra.contracts.ids import MemberId, PlanId, TaskId
from orchestra.scheduler.adapters.limit_tables import ADMISSION_LIMIT
from orchestra.scheduler.adapters.tables import MEMBER, ROLE, RUN, TASK
from orchestra.scheduler.adapters.task_statements import minute_of
from orchestra.scheduler.application.fork_ports import Copies
from orchestra.scheduler.application.project_ports import Plan, Project
from orchestra.scheduler.domain.work.fork import FIRST, Fate
from orchestra.scheduler.domain.work.run import Run

_SAID = (
    *("position", "key", "title", "pool", "role", "covers", "criteria", "points", "minutes", "priority", "command"),
    *("start_at", "deadline", "wait", "watched", "end_gated", "guidance", "edits"),
)
"""What every copy has: what the plan says, and what people have said for further tries."""

_DONE = (
    *("attempt_id", "assigned_at", "started_at", "performed_at", "ended_at", "outputs", "evidence"),
    *("progress", "share", "expires_at"),
)
"""What an adopted one has besides."""


class SqlForks:
    def __init__(self, work: UnitOfWork) -> None:
        self._execute = work.connection.execute
        self._now = work.now

    async def rehearsed(self, plan_id: PlanId) -> set[TaskId]:
        query = select(TASK.c.id, TASK.c.evidence).join(RUN, RUN.c.id == TASK.c.run_id)
        rows = await self._execute(query.where(TASK.c.plan_id == plan_id, TASK.c.status == "done", RUN.c.dry_run))
        # A dry run may have adopted what was really done.
        return {task_id for task_id, evidence in rows if evidence and evidence["dry_run"]}

    async def team(self, source: Project, project: Project) -> dict[MemberId, MemberId]:
        mine = (MEMBER.c.workspace_id == source.workspace_id, MEMBER.c.project_id == source.id)
        members = [dict(row) for row in (await self._execute(select(MEMBER).where(*mine))).mappings()]
        ids = {member["id"]: new_id("mem") for member in members}
        if members:
            own = {"project_id": project.id}
            await self._execute(MEMBER.insert(), [{**member, **own, "id": ids[member["id"]]} for member in members])
        await self._again(ROLE, {"workspace_id": source.workspace_id, "project_id": source.id}, project_id=project.id)
        limit = {"workspace_id": source.workspace_id, "scope": "project", "name": source.id}
        await self._again(ADMISSION_LIMIT, limit, name=project.id)
        return ids

    async def _again(self, table: Table, which: Mapping[str, str], **otherwise: str) -> None:
        """These rows once more, with some columns otherwise."""
        columns = [literal(otherwise[c.name]).label(c.name) if c.name in otherwise else c for c in table.c]
        found = select(*columns).where(*(table.c[name] == value for name, value in which.items()))
        await self._execute(table.insert().from_select(table.c.keys(), found))

    async def tasks(
        self, source_id: PlanId, plan: Plan, run: Run, copies: Copies, members: Mapping[MemberId, MemberId]
    ) -> None:
        found = await self._execute(select(TASK).where(TASK.c.plan_id == source_id).order_by(TASK.c.position))
        mine = {"workspace_id": run.workspace_id, "project_id": run.project_id, "plan_id": plan.id, "run_id": run.id}
        rows = [mine | self._copy(row, *copies[row["id"]], members) for row in found.mappings() if row["id"] in copies]
        await self._execute(TASK.insert(), rows)

    def _copy(self, row: Any, copy_id: TaskId, fate: Fate, members: Mapping[MemberId, MemberId]) -> dict[str, Any]:
        adopted = fate == "adopted"
        values = {name: row[name] for name in _SAID} | {name: row[name] if adopted else None for name in _DONE}
        if not adopted:
            values["expires_at"] = row["deadline"] if row["command"] is not None else None
        if fate == "skipped":
            values["ended_at"] = row["ended_at"]
        return values | {
            "id": copy_id,
            "status": FIRST[fate],
            "rank": minute_of(self._now) - row["priority"],
            "assignee": members.get(row["assignee"]) if adopted else None,
            "declined": [members[each] for each in row["declined"] or () if each in members] or None,
            "newer": row["newer"] and {**row["newer"], "id": copy_id},
            "not_before": row["start_at"] if fate == "undone" else None,
            "adopted_from": row["id"] if adopted else None,
        }
