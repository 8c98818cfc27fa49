"""The scheduler's unit of work: its repositories over one transaction."""

from collections.abc import Iterator

from orchestra.chassis.database.unit_of_work import UnitOfWork
from orchestra.chassis.messaging import inbox
from orchestra.contracts.planning import TasksDecomposed
from orchestra.scheduler.adapters.checkpoints import SqlCheckpoints
from orchestra.scheduler.adapters.forks import SqlForks
from orchestra.scheduler.adapters.gates import SqlGates
from orchestra.scheduler.adapters.graph import SqlGraph
from orchestra.scheduler.adapters.limits import SqlLimits
from orchestra.scheduler.adapters.log import SqlLog
from orchestra.scheduler.adapters.people import SqlMembers, SqlRoles
from orchestra.scheduler.adapters.projects import SqlPlans, SqlProjects
from orchestra.scheduler.adapters.runs import SqlChanges, SqlDispatches, SqlRuns
from orchestra.scheduler.adapters.schedules import SqlSchedules
from orchestra.scheduler.adapters.standing import read_standing
from orchestra.scheduler.adapters.tasks import SqlTasks
from orchestra.scheduler.adapters.times import SqlTimes
from orchestra.scheduler.application.ports import Standing
from orchestra.scheduler.domain.work.run import Run


class SqlSchedulingWork(UnitOfWork):
    @property
    def back_off_s(self) -> float:
        return self.settings.back_off_seconds

    @property
    def checkpoint_hours(self) -> tuple[float, float]:
        return self.settings.checkpoint_escalates_hours, self.settings.checkpoint_expires_hours

    _projects: SqlProjects | None = None

    @property
    def projects(self) -> SqlProjects:
        if self._projects is None:
            self._projects = SqlProjects(self)
        return self._projects

    @property
    def members(self) -> SqlMembers:
        return SqlMembers(self)

    @property
    def plans(self) -> SqlPlans:
        return SqlPlans(self)

    @property
    def runs(self) -> SqlRuns:
        return SqlRuns(self)

    @property
    def tasks(self) -> SqlTasks:
        return SqlTasks(self)

    @property
    def gates(self) -> SqlGates:
        return SqlGates(self)

    @property
    def times(self) -> SqlTimes:
        return SqlTimes(self)

    @property
    def graph(self) -> SqlGraph:
        return SqlGraph(self)

    @property
    def forks(self) -> SqlForks:
        return SqlForks(self)

    @property
    def checkpoints(self) -> SqlCheckpoints:
        return SqlCheckpoints(self)

    @property
    def dispatches(self) -> SqlDispatches:
        return SqlDispatches(self)

    @property
    def schedules(self) -> SqlSchedules:
        return SqlSchedules(self)

    @property
    def changes(self) -> SqlChanges:
        return SqlChanges(self)

    @property
    def log(self) -> SqlLog:
        return SqlLog(self)

    @property
    def roles(self) -> SqlRoles:
        return SqlRoles(self)

    @property
    def limits(self) -> SqlLimits:
        return SqlLimits(self)

    async def standing(self, run: Run) -> Standing:
        return await read_standing(self, run)

    async def gathered(self, event: TasksDecomposed) -> Iterator[TasksDecomposed] | None:
        return await inbox.gather(self, f"scheduler:{event.kind}", event)
