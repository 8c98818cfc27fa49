"""What people read: runs, tasks and schedules as the API shows them."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Select, and_, func, or_, select

from orchestra.chassis.database.unit_of_work import UnitOfWork
from orchestra.contracts.ids import ProjectId, RunId, TaskId, WorkspaceId
from orchestra.scheduler.adapters.checkpoint_queries import OPEN_IN_RUN, OPEN_OF_TASK
from orchestra.scheduler.adapters.checkpoint_table import CHECKPOINT
from orchestra.scheduler.adapters.checkpoints import OPEN as UNANSWERED
from orchestra.scheduler.adapters.rows import task_of
from orchestra.scheduler.adapters.schedules import schedule_of
from orchestra.scheduler.adapters.tables import DEPENDENCY, MEMBER, PROJECT, RUN, SCHEDULE, TASK
from orchestra.scheduler.adapters.task_statements import PERSON
from orchestra.scheduler.domain.errors import UnknownProject, UnknownRun, UnknownTask
from orchestra.scheduler.domain.work.status import OPEN
from orchestra.scheduler.domain.work.task import TIMER

_HIDDEN = ("workspace_id", "plan_hash", "sequence", "trace", "requested_by", "retries", "leftover")
_PEOPLE_WAIT = ("assigned", "waiting", "in_review")
_RUNS = select(RUN, OPEN_IN_RUN)
_TASKS = select(TASK, OPEN_OF_TASK)
_Counts = defaultdict[RunId, Counter[str]]
_REASONS = {"assigned": "is theirs to do", "running": "is being done by them"}


class Queries:
    """What there is; in a transaction that writes, what it has put off included."""

    def __init__(self, work: UnitOfWork, workspace_id: WorkspaceId) -> None:
        self._work = work
        self._workspace_id = workspace_id

    async def _execute(self, query: Any) -> Any:
        await self._work.flush()
        return await self._work.connection.execute(query)

    async def runs(self, project_id: ProjectId | None, limit: int, after: RunId | None) -> list[dict[str, Any]]:
        """The newest first."""
        query = _RUNS.where(RUN.c.workspace_id == self._workspace_id).order_by(RUN.c.id.desc()).limit(limit)
        if project_id:
            query = query.where(RUN.c.project_id == project_id)
        if after:
            query = query.where(RUN.c.id < after)
        return await self._runs(query)

    async def run(self, run_id: RunId) -> dict[str, Any]:
        found = await self._runs(_RUNS.where(RUN.c.id == run_id, RUN.c.workspace_id == self._workspace_id))
        if not found:
            raise UnknownRun(run_id)
        return found[0]

    async def _runs(self, query: Select[Any]) -> list[dict[str, Any]]:
        rows = (await self._execute(query)).mappings().all()
        ids = [row["id"] for row in rows]
        left = {row["id"] for row in rows if row["leftover"]}
        counts = select(TASK.c.run_id, TASK.c.status, func.count()).where(TASK.c.run_id.in_(ids))
        totals: defaultdict[str, Counter[str]] = defaultdict(Counter)
        for run_id, status, count in await self._execute(counts.group_by(TASK.c.run_id, TASK.c.status)):
            # What is still to be cancelled of a cancelled run counts as what it will be.
            totals[run_id]["cancelled" if run_id in left and status in OPEN else status] += count
        waiting = await self._waiting(ids)
        levels, cgroups = await self._confinement(ids)
        stale = await self._stale({row["project_id"] for row in rows})
        return [
            {
                **{name: value for name, value in row.items() if name not in _HIDDEN},
                "totals": totals[row["id"]],
                "waiting_for": waiting[row["id"]],
                "sandbox_levels": levels[row["id"]],
                "cgroups": cgroups[row["id"]],
                "schedule_is_current": row["project_id"] not in stale,
            }
            for row in rows
        ]

    async def _stale(self, project_ids: set[ProjectId]) -> set[ProjectId]:
        query = select(PROJECT.c.id).where(PROJECT.c.workspace_id == self._workspace_id, PROJECT.c.id.in_(project_ids))
        return set((await self._execute(query.where(PROJECT.c.stale_cause.is_not(None)))).scalars())

    async def _waiting(self, run_ids: Sequence[RunId]) -> dict[RunId, list[dict[str, Any]]]:
        asked = and_(TASK.c.status.in_(_PEOPLE_WAIT), TASK.c.performed_at.is_(None))
        counts = and_(TASK.c.status == "running", TASK.c.pool == TIMER)
        at_it = and_(TASK.c.status == "running", TASK.c.pool.startswith(PERSON))
        paused = and_(or_(TASK.c.status == "ready", counts), TASK.c.paused_by.is_not(None))
        query = (
            select(
                TASK.c.run_id,
                TASK.c.id,
                TASK.c.key,
                TASK.c.title,
                TASK.c.status,
                TASK.c.paused_by,
                paused,
                MEMBER.c.key,
                MEMBER.c.definition,
                CHECKPOINT.c.id,
                CHECKPOINT.c.question,
                CHECKPOINT.c.choices,
            )
            .outerjoin(MEMBER, MEMBER.c.id == TASK.c.assignee)
            .outerjoin(CHECKPOINT, and_(CHECKPOINT.c.task_id == TASK.c.id, UNANSWERED))
            .where(TASK.c.run_id.in_(run_ids), or_(asked, at_it, paused))
            .order_by(TASK.c.planned_start, TASK.c.position)
        )
        waiting: defaultdict[RunId, list[dict[str, Any]]] = defaultdict(list)
        for row in await self._execute(query):
            run_id, task_id, key, title, status, paused_by, held, member_key, definition, *checkpoint = row
            checkpoint_id, question, choices = checkpoint
            person = definition and definition["kind"] == "person" and {"key": member_key, "name": definition["name"]}
            reason = _REASONS.get(status, "waits for a decision")
            waiting[run_id].append(
                {
                    "task_id": task_id,
                    "key": key,
                    "title": title,
                    "member": person or None,
                    "reason": f"was paused by {paused_by}" if held else reason,
                    "paused": bool(held),
                    "checkpoint_id": checkpoint_id,
                    "question": question,
                    "choices": choices or [],
                }
            )
        return waiting

    async def _confinement(self, run_ids: Sequence[RunId]) -> tuple[_Counts, _Counts]:
        """How many tasks of each run had which level of the sandbox, and which control groups."""
        level, cgroup = (TASK.c.evidence[name].as_string() for name in ("sandbox_level", "cgroup"))
        query = select(TASK.c.run_id, level, cgroup, func.count()).where(
            TASK.c.run_id.in_(run_ids), TASK.c.evidence.is_not(None)
        )
        levels: _Counts = defaultdict(Counter)
        cgroups: _Counts = defaultdict(Counter)
        for run_id, was, had, count in await self._execute(query.group_by(TASK.c.run_id, level, cgroup)):
            levels[run_id][was] += count
            cgroups[run_id][had or "none"] += count
        return levels, cgroups

    async def tasks(
        self, limit: int, after: str | None, *, run_id: RunId | None = None, project_id: ProjectId | None = None
    ) -> list[dict[str, Any]]:
        """In plan order, by run or by project."""
        query = _TASKS.where(TASK.c.workspace_id == self._workspace_id)
        query = query.where(TASK.c.run_id == run_id) if run_id else query.where(TASK.c.project_id == project_id)
        if after:
            plan_id, _, position = after.partition(":")
            last = (TASK.c.plan_id == plan_id) & (TASK.c.position > int(position))
            query = query.where((TASK.c.plan_id > plan_id) | last)
        return await self._tasks(query.order_by(TASK.c.plan_id, TASK.c.position).limit(limit))

    async def task(self, task_id: TaskId) -> dict[str, Any]:
        found = await self._tasks(_TASKS.where(TASK.c.id == task_id, TASK.c.workspace_id == self._workspace_id))
        if not found:
            raise UnknownTask(task_id)
        return found[0]

    async def _tasks(self, query: Select[Any]) -> list[dict[str, Any]]:
        rows = (await self._execute(query)).mappings().all()
        edges = await self._edges([row["id"] for row in rows])
        members = await self._members({row["assignee"] or row["planned_member"] for row in rows})
        plans = await self._placements({row["project_id"] for row in rows})
        return [
            {
                **dict(row),
                "order": row["position"],
                "cursor": f"{row['plan_id']}:{row['position']}",
                "after": list(dict.fromkeys(edge["task_id"] for edge in edges[row["id"]])),
                "dependencies": edges[row["id"]],
                "assignee": members.get(row["assignee"]),
                "planned_member": members.get(row["planned_member"]),
                "outputs": row["outputs"] or [],
                "guidance": row["guidance"] or [],
                **_dialogue(row),
                "edited_inputs": {path: content for path, _, content in row["edits"] or ()},
                "next_try_at": row["not_before"] if row["attempts"] else None,
                "planned_end": _planned_end(row),
                "late": row["deadline"] is not None and task_of(row).late(self._work.now),
                "newer": _differences(row),
                **plans.get(row["id"], {"critical": False, "slack_minutes": None}),
            }
            for row in rows
        ]

    async def _edges(self, task_ids: Sequence[TaskId]) -> dict[TaskId, list[dict[str, Any]]]:
        opens_at = func.coalesce(DEPENDENCY.c.opens_at, DEPENDENCY.c.opened_at).label("opens_at")
        query = (
            select(DEPENDENCY.c.successor, TASK.c.id.label("task_id"), TASK.c.key, opens_at)
            .add_columns(DEPENDENCY.c.kind, DEPENDENCY.c.lag_minutes, DEPENDENCY.c.clock)
            .join(TASK, TASK.c.id == DEPENDENCY.c.predecessor)
            .where(DEPENDENCY.c.successor.in_(task_ids))
            .order_by(DEPENDENCY.c.predecessor, DEPENDENCY.c.kind)
        )
        edges: defaultdict[TaskId, list[dict[str, Any]]] = defaultdict(list)
        for row in (await self._execute(query)).mappings():
            edges[row["successor"]].append({name: value for name, value in row.items() if name != "successor"})
        return edges

    async def _members(self, ids: set[str | None]) -> dict[str | None, dict[str, Any]]:
        query = select(MEMBER.c.id, MEMBER.c.key, MEMBER.c.definition).where(MEMBER.c.id.in_([i for i in ids if i]))
        return {
            row[0]: {"id": row[0], "key": row[1], "name": row[2]["name"], "kind": row[2]["kind"]}
            for row in await self._execute(query)
        }

    async def _placements(self, project_ids: set[ProjectId]) -> dict[TaskId, dict[str, Any]]:
        found: dict[TaskId, dict[str, Any]] = {}
        for project_id in project_ids:
            row = await self._schedule_row(project_id, None)
            for each in row["content"]["placements"] if row else ():
                found[each["task"]] = {"critical": each["critical"], "slack_minutes": each["slack"]}
        return found

    async def _schedule_row(self, project_id: ProjectId, version: int | None) -> Any:
        query = select(SCHEDULE).where(
            SCHEDULE.c.project_id == project_id, SCHEDULE.c.workspace_id == self._workspace_id
        )
        if version is not None:
            query = query.where(SCHEDULE.c.version == version)
        return (await self._execute(query.order_by(SCHEDULE.c.version.desc()).limit(1))).mappings().first()

    async def schedule(self, project_id: ProjectId, version: int | None) -> dict[str, Any]:
        row = await self._schedule_row(project_id, version)
        if row is None:
            raise UnknownProject(project_id if version is None else f"{project_id}, version {version}")
        schedule = schedule_of(row["content"])
        named = select(TASK.c.id, TASK.c.key, TASK.c.title, TASK.c.deadline).where(TASK.c.project_id == project_id)
        rows = [tuple(each) for each in await self._execute(named)]
        names = {each[0]: (each[1], each[2]) for each in rows}
        deadlines = {each[0]: each[3] for each in rows if each[3] is not None}
        members = await self._members({placement.member for placement in schedule.placements})
        return {
            **{name: row[name] for name in ("version", "input_hash", "cause", "as_of", "at", "project_end")},
            "critical_path": [placement.task for placement in schedule.critical_path],
            "tasks": [
                {
                    "task_id": p.task,
                    "key": names[p.task][0],
                    "title": names[p.task][1],
                    "member": members.get(p.member),
                    "start": p.start,
                    "end": p.end,
                    "slack_minutes": p.slack,
                    "critical": p.critical,
                    "cause": _named(str(p.cause), p.cause.task, names),
                    "held": _named(str(p.held), p.held.task, names) if p.held else None,
                    "late": p.task in deadlines and p.end > deadlines[p.task],
                }
                for p in schedule.placements
            ],
            "unplaced": [
                {"task_id": u.task, "key": names[u.task][0], "reason": _named(str(u), u.by, names)}
                for u in schedule.unplaced
            ],
            "moves": row["content"]["moves"],
        }

    async def schedules(self, project_id: ProjectId, limit: int, before: int | None) -> list[dict[str, Any]]:
        """The newest first."""
        columns = [SCHEDULE.c[n] for n in ("version", "input_hash", "cause", "as_of", "at", "project_end", "moved")]
        query = select(*columns).where(
            SCHEDULE.c.project_id == project_id, SCHEDULE.c.workspace_id == self._workspace_id
        )
        if before is not None:
            query = query.where(SCHEDULE.c.version < before)
        rows = await self._execute(query.order_by(SCHEDULE.c.version.desc()).limit(limit))
        return [dict(row) for row in rows.mappings()]


def _differences(row: Any) -> dict[str, Any] | None:
    """What a newer plan says otherwise of a task."""
    newer: dict[str, Any] = row["newer"] or {}
    return {name: value for name, value in newer.items() if not _same(row[name], value)} or None


def _dialogue(row: Any) -> dict[str, Any]:
    if not row["dialogue"]:
        return {}
    task = task_of(row)
    assert task.dialogue is not None
    waits_for = task.waits_for if task.status in ("waiting", "ready") else None
    return {"feedback": task.dialogue.feedback, "kept": task.dialogue.kept, "waits_for": waits_for}


def _same(stood: Any, newer: Any) -> bool:
    """JSON has instants as text."""
    if isinstance(stood, datetime) and newer is not None:
        return stood == datetime.fromisoformat(newer)
    return bool(stood == newer)


def _planned_end(row: Any) -> datetime | None:
    """A timer that counts ends to the second, whatever minute is planned."""
    return row["ends_at"] if row["pool"] == TIMER and row["status"] == "running" else row["planned_end"]


def _named(text: str, task_id: str | None, names: dict[str, tuple[str, str]]) -> str:
    """The text with the task's key instead of its id."""
    return text.replace(task_id, names[task_id][0]) if task_id in names else text
