"""Requirements on SQL, and how far the tasks that cover them are."""

from collections import defaultdict
from collections.abc import Sequence

from sqlalchemy import ColumnElement, and_, select

from orchestra.chassis.database.unit_of_work import UnitOfWork
from orchestra.contracts.ids import ProjectId, WorkspaceId
from orchestra.planner.adapters.tables import COMPLETION, COVERAGE, PLAN, PLAN_TASK, REQUIREMENT, STANDING
from orchestra.planner.application.views import RequirementView
from orchestra.planner.domain.requirements import Requirement


class SqlRequirements:
    def __init__(self, work: UnitOfWork) -> None:
        self._work = work

    async def ever(self, workspace_id: WorkspaceId, project_id: ProjectId) -> list[Requirement]:
        columns = REQUIREMENT.c
        query = select(columns.number, columns.text).where(*_of(workspace_id, project_id))
        rows = await self._work.connection.execute(query.order_by(columns.last_version, columns.number))
        return [Requirement(*row) for row in rows]

    async def keep(
        self, workspace_id: WorkspaceId, project_id: ProjectId, version: int, requirements: Sequence[Requirement]
    ) -> None:
        if not requirements:
            return
        insert = self._work.dialect.insert(REQUIREMENT)
        latest = {name: insert.excluded[name] for name in ("text", "section", "line", "last_version")}
        await self._work.connection.execute(
            insert.on_conflict_do_update(index_elements=["workspace_id", "project_id", "number"], set_=latest),
            [
                {
                    "workspace_id": workspace_id,
                    "project_id": project_id,
                    "number": requirement.number,
                    "text": requirement.text,
                    "section": requirement.section,
                    "line": requirement.line,
                    "first_version": version,
                    "last_version": version,
                }
                for requirement in requirements
            ],
        )

    async def page(
        self, workspace_id: WorkspaceId, project_id: ProjectId, *, after: int, limit: int
    ) -> list[RequirementView]:
        columns = REQUIREMENT.c
        shown = select(columns.number, columns.text, columns.section, columns.line, columns.last_version)
        query = shown.where(*_of(workspace_id, project_id), columns.number > after)
        rows = (await self._work.connection.execute(query.order_by(columns.number).limit(limit))).all()
        covering = await self._covering(workspace_id, project_id, [row.number for row in rows])
        return [
            RequirementView(
                ref=f"R{row.number}",
                text=row.text,
                section=row.section,
                line=row.line,
                plan_version=row.last_version,
                covered_by=[key for key, _ in covering[row.number]],
                tasks_total=len(covering[row.number]),
                tasks_done=sum(done for _, done in covering[row.number]),
                satisfied=bool(covering[row.number]) and all(done for _, done in covering[row.number]),
            )
            for row in rows
        ]

    async def _covering(
        self, workspace_id: WorkspaceId, project_id: ProjectId, numbers: Sequence[int]
    ) -> dict[int, list[tuple[str, bool]]]:
        """{number: [(key of a task of the plan that stands, whether it is done)]}"""
        completed = and_(COMPLETION.c.workspace_id == PLAN.c.workspace_id, COMPLETION.c.task_id == PLAN_TASK.c.task_id)
        query = (
            select(COVERAGE.c.number, PLAN_TASK.c.key, COMPLETION.c.at)
            .join_from(PLAN, COVERAGE, COVERAGE.c.plan_id == PLAN.c.id)
            .join(PLAN_TASK)
            .outerjoin(COMPLETION, completed)
            .where(PLAN.c.workspace_id == workspace_id, PLAN.c.project_id == project_id, PLAN.c.status.in_(STANDING))
            .where(COVERAGE.c.number.in_(numbers))
            .order_by(COVERAGE.c.number, COVERAGE.c.position)
        )
        found: defaultdict[int, list[tuple[str, bool]]] = defaultdict(list)
        for number, key, at in await self._work.connection.execute(query):
            found[number].append((key, at is not None))
        return found


def _of(workspace_id: WorkspaceId, project_id: ProjectId) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return (REQUIREMENT.c.workspace_id == workspace_id, REQUIREMENT.c.project_id == project_id)
