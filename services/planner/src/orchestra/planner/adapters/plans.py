"""Plans on SQL."""

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import Select, Update, select, update

from orchestra.chassis.database.statement import Copy
from orchestra.chassis.database.unit_of_work import UnitOfWork
from orchestra.chassis.errors import Transient
from orchestra.chassis.telemetry.tracing import traceparent
from orchestra.contracts.ids import PlanId, ProjectId, TaskId, WorkspaceId
from orchestra.contracts.planning import Fault, PlanRequested
from orchestra.planner.adapters.tables import COVERAGE, PLAN, PLAN_TASK, STANDING, TASK_KEY
from orchestra.planner.application.ports import Proposal, Waiting
from orchestra.planner.application.views import PlanSummary
from orchestra.planner.domain.plan import Plan

_PLAN = TypeAdapter(Plan)
_FAULTS = TypeAdapter(Sequence[Fault])
_TASKS = Copy(PLAN_TASK, "plan_id", "position", "key", "task_id")
_KEYS = Copy(TASK_KEY, "workspace_id", "project_id", "key", "task_id")
_COVERED = Copy(COVERAGE, "plan_id", "number", "position")
_SUMMARY = tuple(PLAN.c[name] for name in PlanSummary.__dataclass_fields__)


class SqlPlans:
    def __init__(self, work: UnitOfWork) -> None:
        self._work = work

    async def request(self, request: PlanRequested) -> None:
        await self._work.connection.execute(
            self._work.dialect.insert(PLAN)
            .values(
                id=request.plan_id,
                workspace_id=request.workspace_id,
                project_id=request.project_id,
                status="requested",
                mode=request.mode,
                document_name=request.document_name,
                request=request.to_json(),
                requested_by=request.requested_by,
                trace=traceparent(),
                created_at=self._work.now,
            )
            .on_conflict_do_nothing()
        )

    async def oldest_requested(self) -> Waiting | None:
        query = select(PLAN.c.request, PLAN.c.trace).where(PLAN.c.status == "requested")
        row = (await self._work.connection.execute(query.order_by(PLAN.c.created_at, PLAN.c.id).limit(1))).first()
        return Waiting(PlanRequested.model_validate_json(row.request), row.trace) if row else None

    async def propose(self, plan_id: PlanId, proposal: Proposal, follows: PlanId | None) -> bool:
        return await self._plan(
            plan_id,
            status="proposed",
            follows=follows,
            version=proposal.version,
            hash=proposal.hash,
            content=_text(proposal.plan),
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

    async def approve(self, plan_id: PlanId, approved_by: str, plan: Plan, ids: Mapping[str, TaskId]) -> None:
        proposed = update(PLAN).where(PLAN.c.id == plan_id, PLAN.c.status == "proposed")
        await self._work.connection.execute(
            proposed.values(status="approved", approved_by=approved_by, approved_at=self._work.now)
        )
        positions = {task.id: position for position, task in enumerate(plan.tasks)}
        tasks = ((plan_id, position, key, ids[key]) for key, position in positions.items())
        await self._work.copy(_TASKS, tasks)
        await self._name_tasks(plan_id, ids)
        covered = (
            (plan_id, requirement.number, positions[key])
            for requirement in plan.requirements
            for key in plan.coverage[requirement.id]
        )
        await self._work.copy(_COVERED, covered)

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
