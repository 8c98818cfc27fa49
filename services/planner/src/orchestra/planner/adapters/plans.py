"""Plans on SQL."""

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any

from pydantic import TypeAdapter
from pydantic_core import from_json
from sqlalchemy import Select, Update, select, update

from orchestra.chassis.database.statement import Copy
from orchestra.chassis.database.unit_of_work import UnitOfWork
from orchestra.chassis.errors import Transient
from orchestra.chassis.telemetry.tracing import traceparent
from orchestra.contracts.ids import PlanId, ProjectId, TaskId, WorkspaceId
from orchestra.contracts.planning import Fault, PlanRequested
from orchestra.planner.adapters.tables import COVERAGE, PLAN, PLAN_TASK, STANDING, TASK_KEY, TO_HAND_ON
from orchestra.planner.application.ports import Approved, Proposal, Waiting
from orchestra.planner.application.views import PlanSummary
from orchestra.planner.domain.plan import Plan, whole

_PLAN = TypeAdapter(Plan)
_PARTS = TypeAdapter(list[PlanRequested])
_FAULTS = TypeAdapter(Sequence[Fault])
_TASKS = Copy(PLAN_TASK, "plan_id", "position", "key", "task_id")
_KEYS = Copy(TASK_KEY, "workspace_id", "project_id", "key", "task_id")
_COVERED = Copy(COVERAGE, "plan_id", "number", "position")
_APPROVED = select(
    *(PLAN.c[name] for name in ("workspace_id", "project_id", "id", "version", "hash", "follows", "trace", "content"))
)
_WAITING = tuple(PLAN.c[name] for name in ("workspace_id", "project_id", "id", "mode", "trace", "request"))
_SUMMARY = tuple(PLAN.c[name] for name in PlanSummary.__dataclass_fields__)


class SqlPlans:
    def __init__(self, work: UnitOfWork) -> None:
        self._work = work

    async def request(self, part: PlanRequested, parts: Sequence[str]) -> None:
        await self._work.connection.execute(
            self._work.dialect.insert(PLAN)
            .values(
                id=part.plan_id,
                workspace_id=part.workspace_id,
                project_id=part.project_id,
                status="requested",
                mode=part.mode,
                document_name=part.document_name,
                request=f"[{','.join(parts)}]",
                requested_by=part.requested_by,
                trace=traceparent(),
                created_at=self._work.now,
            )
            .on_conflict_do_nothing()
        )

    async def oldest_requested(self) -> Waiting | None:
        query = select(*_WAITING).where(PLAN.c.status == "requested", PLAN.c.waits_for.is_(None))
        row = (await self._work.connection.execute(query.order_by(PLAN.c.created_at, PLAN.c.id).limit(1))).first()
        return _waiting(row) if row else None

    async def requested(self, plan_id: PlanId) -> Waiting:
        query = select(*_WAITING).where(PLAN.c.id == plan_id)
        return _waiting((await self._work.connection.execute(query)).one())

    async def propose(self, plan_id: PlanId, proposal: Proposal, follows: PlanId | None) -> bool:
        return await self._plan(
            plan_id,
            status="proposed",
            follows=follows,
            version=proposal.version,
            hash=proposal.hash,
            size=len(proposal.plan.tasks),
            content=_text(proposal.plan),
            mode=proposal.plan.mode,
        )

    async def add_proposed(
        self, workspace_id: WorkspaceId, plan: PlanSummary, proposal: Proposal, request: str
    ) -> None:
        now = self._work.now
        await self._work.connection.execute(
            PLAN.insert().values(
                id=plan.id,
                workspace_id=workspace_id,
                project_id=plan.project_id,
                status="proposed",
                mode=plan.mode,
                document_name=plan.document_name,
                request=request,
                requested_by=plan.requested_by,
                follows=plan.follows,
                version=proposal.version,
                hash=proposal.hash,
                size=len(proposal.plan.tasks),
                content=_text(proposal.plan),
                created_at=now,
                planned_at=now,
            )
        )

    async def fail(self, plan_id: PlanId, faults: Sequence[Fault]) -> bool:
        return await self._plan(plan_id, status="failed", faults=_FAULTS.dump_json(faults).decode())

    async def _plan(self, plan_id: PlanId, **values: Any) -> bool:
        requested = update(PLAN).where(PLAN.c.id == plan_id, PLAN.c.status == "requested")
        return await self._changed(requested.values(**values, planned_at=self._work.now))

    async def find(self, workspace_id: WorkspaceId, plan_id: PlanId) -> PlanSummary | None:
        return await self._summary(select(*_SUMMARY).where(PLAN.c.id == plan_id, PLAN.c.workspace_id == workspace_id))

    async def standing(self, workspace_id: WorkspaceId, project_id: ProjectId) -> PlanSummary | None:
        mine = (PLAN.c.workspace_id == workspace_id, PLAN.c.project_id == project_id)
        return await self._summary(select(*_SUMMARY).where(*mine, PLAN.c.status.in_(STANDING)))

    async def page(
        self, workspace_id: WorkspaceId, project_id: ProjectId, *, after: PlanId, limit: int
    ) -> list[PlanSummary]:
        mine = (PLAN.c.workspace_id == workspace_id, PLAN.c.project_id == project_id)
        query = select(*_SUMMARY).where(*mine, PLAN.c.id > after).order_by(PLAN.c.id).limit(limit)
        return [PlanSummary(*row) for row in await self._work.connection.execute(query)]

    async def proposal(self, plan_id: PlanId) -> Proposal | None:
        query = select(PLAN.c.version, PLAN.c.hash, PLAN.c.content).where(PLAN.c.id == plan_id)
        row = (await self._work.connection.execute(query)).first()
        return Proposal(row.version, row.hash, _PLAN.validate_json(row.content)) if row and row.content else None

    async def faults(self, plan_id: PlanId) -> Sequence[Fault]:
        query = select(PLAN.c.faults).where(PLAN.c.id == plan_id)
        return _FAULTS.validate_json((await self._work.connection.execute(query)).scalar_one())

    async def task_ids(self, plan_id: PlanId) -> dict[str, TaskId]:
        query = select(PLAN_TASK.c.key, PLAN_TASK.c.task_id).where(PLAN_TASK.c.plan_id == plan_id)
        return {row.key: row.task_id for row in await self._work.connection.execute(query)}

    async def keys(self, workspace_id: WorkspaceId, project_id: ProjectId) -> dict[str, TaskId]:
        mine = (TASK_KEY.c.workspace_id == workspace_id, TASK_KEY.c.project_id == project_id)
        rows = await self._work.connection.execute(select(TASK_KEY.c.key, TASK_KEY.c.task_id).where(*mine))
        return {row.key: row.task_id for row in rows}

    async def supersede(self, plan_id: PlanId, by: PlanId) -> bool:
        standing = update(PLAN).where(PLAN.c.id == plan_id, PLAN.c.status.in_(STANDING))
        return await self._changed(standing.values(status="superseded", superseded_by=by, ended_at=self._work.now))

    async def reject(self, plan_id: PlanId, rejected_by: str, reason: str) -> None:
        proposed = update(PLAN).where(PLAN.c.id == plan_id, PLAN.c.status == "proposed")
        await self._work.connection.execute(
            proposed.values(status="rejected", rejected_by=rejected_by, reason=reason, ended_at=self._work.now)
        )

    async def restore(self, workspace_id: WorkspaceId, plan_id: PlanId) -> None:
        superseded = update(PLAN).where(
            PLAN.c.id == plan_id, PLAN.c.workspace_id == workspace_id, PLAN.c.status == "superseded"
        )
        await self._work.connection.execute(superseded.values(status="applied", superseded_by=None, ended_at=None))

    async def approve(self, plan_id: PlanId, approved_by: str) -> None:
        proposed = update(PLAN).where(PLAN.c.id == plan_id, PLAN.c.status == "proposed")
        approved = {"status": "approved", "approved_by": approved_by, "approved_at": self._work.now}
        await self._work.connection.execute(proposed.values(**approved, trace=traceparent()))

    async def size(self, plan_id: PlanId) -> int | None:
        query = select(PLAN.c.size).where(PLAN.c.id == plan_id)
        return (await self._work.connection.execute(query)).scalar_one()

    async def approved(self, plan_id: PlanId) -> Approved:
        return _approved((await self._work.connection.execute(_APPROVED.where(PLAN.c.id == plan_id))).one())

    async def next_to_hand_on(self) -> Approved | None:
        waiting = _APPROVED.where(TO_HAND_ON).order_by(PLAN.c.approved_at, PLAN.c.id).limit(1)
        row = (await self._work.connection.execute(waiting)).first()
        return _approved(row) if row else None

    async def hand_on(self, plan_id: PlanId, ids: Mapping[str, TaskId], covered: Iterable[tuple[int, int]]) -> bool:
        waiting = update(PLAN).where(PLAN.c.id == plan_id, PLAN.c.handed_on_at.is_(None))
        if not await self._changed(waiting.values(handed_on_at=self._work.now)):
            return False
        tasks = ((plan_id, position, key, task_id) for position, (key, task_id) in enumerate(ids.items()))
        await self._work.copy(_TASKS, tasks)
        await self._name_tasks(plan_id, ids)
        await self._work.copy(_COVERED, ((plan_id, number, position) for number, position in covered))
        return True

    async def _name_tasks(self, plan_id: PlanId, ids: Mapping[str, TaskId]) -> None:
        query = select(PLAN.c.workspace_id, PLAN.c.project_id).where(PLAN.c.id == plan_id)
        workspace_id, project_id = (await self._work.connection.execute(query)).one()
        # Nobody else names tasks of the project meanwhile: the caller holds it.
        known = await self.keys(workspace_id, project_id)
        fresh = ((workspace_id, project_id, key, task_id) for key, task_id in ids.items() if key not in known)
        await self._work.copy(_KEYS, fresh)

    async def settle(
        self, workspace_id: WorkspaceId, plan_id: PlanId, *, applied: bool, faults: Sequence[Fault] = ()
    ) -> bool:
        approved = update(PLAN).where(
            PLAN.c.id == plan_id, PLAN.c.workspace_id == workspace_id, PLAN.c.status == "approved"
        )
        if await self._changed(
            approved.values(
                status="applied" if applied else "refused",
                faults=_FAULTS.dump_json(faults).decode(),
                settled_at=self._work.now,
            )
        ):
            return True
        plan = await self.find(workspace_id, plan_id)
        if plan is None or plan.approved_at is None:
            raise Transient(f"the plan {plan_id} is not approved yet")
        return False

    async def _summary(self, query: Select[Any]) -> PlanSummary | None:
        row = (await self._work.connection.execute(query)).first()
        return PlanSummary(*row) if row else None

    async def _changed(self, change: Update) -> bool:
        return (await self._work.connection.execute(change)).rowcount == 1


def _text(plan: Plan) -> str:
    return _PLAN.dump_json(plan, exclude_defaults=True).decode()


def _approved(row: Any) -> Approved:
    workspace_id, project_id, plan_id, version, content_hash, follows, trace, content = row
    return Approved(workspace_id, project_id, plan_id, version, content_hash, follows, trace, from_json(content))


def _waiting(row: Any) -> Waiting:
    return Waiting(row.workspace_id, row.project_id, row.id, row.mode, row.trace, partial(_request, row.request))


def _request(text: str) -> PlanRequested:
    """The request from its parts; older rows have it as one."""
    return whole(_PARTS.validate_json(text if text.startswith("[") else f"[{text}]"))
