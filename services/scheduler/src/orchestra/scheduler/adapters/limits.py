"""Limits and mutexes on SQL: what is in flight is counted, never kept; only who has a mutex is a row."""

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select, and_, delete, exists, func, or_, select, update

from orchestra.chassis.database.unit_of_work import UnitOfWork
from orchestra.contracts.ids import AttemptId, ProjectId, RunId, WorkspaceId
from orchestra.scheduler.adapters.limit_tables import ADMISSION_LIMIT, ADMISSION_START, MUTEX
from orchestra.scheduler.adapters.rows import RUN_FIELDS, run_of
from orchestra.scheduler.adapters.tables import DISPATCH, RUN, TASK
from orchestra.scheduler.adapters.task_statements import AGENT
from orchestra.scheduler.application.limit_ports import Tokens
from orchestra.scheduler.domain.work.limits import Allowance, Limit, Mutex, Use, allowances
from orchestra.scheduler.domain.work.run import Run
from orchestra.scheduler.domain.work.status import RUN_OPEN
from orchestra.scheduler.domain.work.task import Task, mutexes_of_pool, need_of_pool

_LIMIT = [ADMISSION_LIMIT.c[name] for name in ("scope", "name", "concurrency", "starts", "seconds")]
_KEY = select(TASK.c.key).where(TASK.c.id == MUTEX.c.task_id).correlate(MUTEX).scalar_subquery().label("task_key")
_MUTEX = [*(MUTEX.c[name] for name in ("name", "token", "attempt_id", "task_id")), _KEY, MUTEX.c.since, MUTEX.c.until]
_OPEN = ("sent", "heard", "recalled")
_UNENDED = sorted(RUN_OPEN | {"failed"})
_FREE = {"attempt_id": None, "task_id": None, "since": None, "until": None}

InFlight = Counter[tuple[ProjectId, str]]
"""Commands that are queued or running, by project and pool."""


class SqlLimits:
    def __init__(self, work: UnitOfWork) -> None:
        self._work = work
        self._execute = work.connection.execute

    async def hold(self, run: Run, mutexes: Collection[str]) -> Sequence[Allowance]:
        if mutexes:
            rows = [{"workspace_id": run.workspace_id, "name": name} for name in sorted(mutexes)]
            await self._execute(self._work.dialect.insert(MUTEX).on_conflict_do_nothing(), rows)
        mine = or_(ADMISSION_LIMIT.c.scope != "project", ADMISSION_LIMIT.c.name == run.project_id)
        return await self._allowances(run.workspace_id, mutexes, mine, held=True)

    async def seen(self, workspace_id: WorkspaceId, mutexes: Collection[str]) -> Sequence[Allowance]:
        return await self._allowances(workspace_id, mutexes)

    async def _allowances(
        self, workspace_id: WorkspaceId, mutexes: Collection[str], *which: Any, held: bool = False
    ) -> Sequence[Allowance]:
        # Counted after the rows are held: whoever held them before has committed what it has sent out.
        limits = await self._limits(workspace_id, *which, held=held)
        query = select(*_MUTEX).where(MUTEX.c.workspace_id == workspace_id, MUTEX.c.name.in_(mutexes))
        found = await self._mutexes(query, held=held) if mutexes else []
        return allowances(await self._used(workspace_id, limits), found, self._work.now)

    async def _limits(self, workspace_id: WorkspaceId, *where: Any, held: bool = False) -> list[Limit]:
        query = select(*_LIMIT).where(ADMISSION_LIMIT.c.workspace_id == workspace_id, *where)
        query = query.order_by(ADMISSION_LIMIT.c.scope, ADMISSION_LIMIT.c.name)
        rows = await self._execute(self._work.dialect.locked(query) if held else query)
        return [Limit(*row) for row in rows]

    async def _mutexes(self, query: Select[Any], *, held: bool = False) -> list[Mutex]:
        query = query.order_by(MUTEX.c.name)
        return [Mutex(*row) for row in await self._execute(self._work.dialect.locked(query) if held else query)]

    async def _used(self, workspace_id: WorkspaceId, limits: Sequence[Limit]) -> list[Use]:
        if not limits:
            return []
        flight = await self._in_flight(workspace_id)
        return [await self._use(workspace_id, limit, flight) for limit in limits]

    async def _use(self, workspace_id: WorkspaceId, limit: Limit, flight: InFlight) -> Use:
        in_flight = sum(number for (project, pool), number in flight.items() if _counts(limit, project, pool))
        if limit.starts is None or limit.seconds is None:
            return Use(limit, in_flight)
        window = timedelta(seconds=limit.seconds)
        starts = (ADMISSION_START.c.scope == limit.scope, ADMISSION_START.c.name == limit.name)
        query = select(func.count(), func.min(ADMISSION_START.c.at)).where(
            ADMISSION_START.c.workspace_id == workspace_id, *starts, ADMISSION_START.c.at > self._work.now - window
        )
        started, oldest = (await self._execute(query)).one()
        return Use(limit, in_flight, started, oldest + window if oldest else None)

    async def _in_flight(self, workspace_id: WorkspaceId) -> InFlight:
        runs = select(RUN.c.id).where(RUN.c.status.in_(_UNENDED), RUN.c.workspace_id == workspace_id, ~RUN.c.dry_run)
        query = (
            select(TASK.c.project_id, TASK.c.pool, func.count())
            .where(TASK.c.run_id.in_(runs), TASK.c.status.in_(("queued", "running")), TASK.c.pool.startswith(AGENT))
            .group_by(TASK.c.project_id, TASK.c.pool)
        )
        await self._work.flush()
        return Counter({(project_id, pool): number for project_id, pool, number in await self._execute(query)})

    async def in_flight(self, workspace_id: WorkspaceId) -> Mapping[ProjectId, int]:
        found = Counter[ProjectId]()
        for (project_id, _), number in (await self._in_flight(workspace_id)).items():
            found[project_id] += number
        return found

    async def take(self, run: Run, taken: Sequence[tuple[Task, AttemptId]], allowances: Sequence[Allowance]) -> Tokens:
        now, workspace_id = self._work.now, run.workspace_id
        started = [
            {"attempt_id": attempt, "scope": rate.scope, "workspace_id": workspace_id, "name": rate.name, "at": now}
            for rate in allowances
            if rate.kind == "rate"
            for task, attempt in taken
            if rate.covers(task.pool)
        ]
        if started:
            await self._execute(ADMISSION_START.insert(), started)
            for rate in (each for each in allowances if each.kind == "rate"):
                await self._forget_starts(workspace_id, rate)
        tokens: dict[AttemptId, Mapping[str, int]] = {}
        for task, attempt in taken:
            if wanted := mutexes_of_pool(task.pool):
                tokens[attempt] = await self._lock(workspace_id, task, attempt, wanted)
        return tokens

    async def _forget_starts(self, workspace_id: WorkspaceId, rate: Allowance) -> None:
        mine = (ADMISSION_START.c.scope == rate.scope, ADMISSION_START.c.name == rate.name)
        gone = ADMISSION_START.c.at <= self._work.now - timedelta(seconds=rate.seconds)
        await self._execute(delete(ADMISSION_START).where(ADMISSION_START.c.workspace_id == workspace_id, *mine, gone))

    async def _lock(
        self, workspace_id: WorkspaceId, task: Task, attempt: AttemptId, wanted: Collection[str]
    ) -> Mapping[str, int]:
        """Their rows are held, and were free: `hold` has looked."""
        rows = await self._execute(
            update(MUTEX)
            .where(
                MUTEX.c.workspace_id == workspace_id,
                MUTEX.c.name.in_(wanted),
                or_(MUTEX.c.attempt_id.is_(None), MUTEX.c.until <= self._work.now),
            )
            .values(token=MUTEX.c.token + 1, attempt_id=attempt, task_id=task.id, since=self._work.now, until=None)
            .returning(MUTEX.c.name, MUTEX.c.token)
        )
        tokens: dict[str, int] = dict(rows.all())
        assert tokens.keys() == set(wanted), "a mutex was taken that is not free"
        return tokens

    async def of_attempts(self, attempt_ids: Sequence[AttemptId]) -> Tokens:
        query = select(MUTEX.c.attempt_id, MUTEX.c.name, MUTEX.c.token).where(
            self._work.dialect.one_of(MUTEX.c.attempt_id, attempt_ids)
        )
        tokens: defaultdict[AttemptId, dict[str, int]] = defaultdict(dict)
        for attempt, name, token in await self._execute(query):
            tokens[attempt][name] = token
        return tokens

    async def free(self, attempt_ids: Sequence[AttemptId]) -> None:
        await self._execute(
            update(MUTEX).where(self._work.dialect.one_of(MUTEX.c.attempt_id, attempt_ids)).values(**_FREE)
        )
        self._work.wake("admission")

    async def free_later(self, attempt_ids: Sequence[AttemptId], until: datetime) -> None:
        await self._execute(
            update(MUTEX).where(self._work.dialect.one_of(MUTEX.c.attempt_id, attempt_ids)).values(until=until)
        )

    async def forgotten(self, limit: int) -> list[AttemptId]:
        open_ = exists().where(DISPATCH.c.attempt_id == MUTEX.c.attempt_id, DISPATCH.c.status.in_(_OPEN))
        over = and_(MUTEX.c.attempt_id.is_not(None), MUTEX.c.until.is_(None), ~open_)
        return list((await self._execute(select(MUTEX.c.attempt_id).where(over).limit(limit))).scalars())

    async def kept_back(self, limit: int) -> list[Run]:
        going = (RUN.c.waits_since.is_not(None), RUN.c.status.in_(("running", "waiting")))
        query = select(*(RUN.c[name] for name in RUN_FIELDS)).where(*going).order_by(RUN.c.waits_since).limit(limit)
        return [run_of(row) for row in (await self._execute(query)).mappings()]

    async def others_wait(self, run: Run) -> bool:
        going = (RUN.c.waits_since.is_not(None), RUN.c.status.in_(("running", "waiting")))
        others = exists().where(RUN.c.workspace_id == run.workspace_id, RUN.c.id != run.id, *going)
        return bool((await self._execute(select(others))).scalar_one())

    async def keep_back(self, run_id: RunId, since: datetime | None) -> None:
        await self._execute(update(RUN).where(RUN.c.id == run_id).values(waits_since=since))

    async def uses(self, workspace_id: WorkspaceId) -> list[Use]:
        return await self._used(workspace_id, await self._limits(workspace_id))

    async def mutexes(self, workspace_id: WorkspaceId) -> list[Mutex]:
        return await self._mutexes(select(*_MUTEX).where(MUTEX.c.workspace_id == workspace_id))

    async def put(self, workspace_id: WorkspaceId, limit: Limit) -> None:
        values = {"concurrency": limit.concurrency, "starts": limit.starts, "seconds": limit.seconds}
        await self._execute(
            self._work.dialect.insert(ADMISSION_LIMIT)
            .values(workspace_id=workspace_id, scope=limit.scope, name=limit.name, **values)
            .on_conflict_do_update(index_elements=["workspace_id", "scope", "name"], set_=values)
        )

    async def remove(self, workspace_id: WorkspaceId, scope: str, name: str) -> bool:
        mine = (ADMISSION_LIMIT.c.workspace_id == workspace_id, ADMISSION_LIMIT.c.scope == scope)
        rows = await self._execute(delete(ADMISSION_LIMIT).where(*mine, ADMISSION_LIMIT.c.name == name))
        return rows.rowcount > 0


def _counts(limit: Limit, project_id: ProjectId, pool: str) -> bool:
    match limit.scope:
        case "workspace":
            return True
        case "project":
            return limit.name == project_id
        case "pool":
            return need_of_pool(pool).role == limit.name
