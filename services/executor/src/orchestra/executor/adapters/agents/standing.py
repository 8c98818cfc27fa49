"""What is known of a task's attempts, in the database: the port Standing."""

from dataclasses import dataclass

from orchestra.chassis.database.unit_of_work import Database
from orchestra.executor.adapters.agents.earlier import before
from orchestra.executor.adapters.work import ExecutorWork
from orchestra.executor.application.agents.journal_ports import Earlier
from orchestra.executor.application.money.set_limit import set_limit
from orchestra.executor.domain.agents.going_on import conversation_of
from orchestra.executor.domain.attempt import HeldAttempt
from orchestra.executor.domain.money.scopes import scope_named


@dataclass(frozen=True)
class SqlStanding:
    database: Database[ExecutorWork]

    async def begin(self, attempt: HeldAttempt) -> Earlier:
        async with self.database.begin() as work:
            pasts = (await before(work, [attempt]))[attempt.id]
            await _limit(work, attempt)
        lost = [each.id for each in pasts if each.was_lost]
        return Earlier(conversation_of(attempt.dispatch, pasts), lost)

    async def spent(self, attempt: HeldAttempt) -> int:
        async with self.database.read() as view:
            return await view.spent_by(attempt.id)


async def _limit(work: ExecutorWork, attempt: HeldAttempt) -> None:
    brief, dispatch = attempt.dispatch.command.agent, attempt.dispatch
    if brief is None or brief.budget_micros is None:
        return
    scope = scope_named(dispatch.workspace_id, "task", dispatch.task_id, work.now)
    [budget] = await work.budgets.find([scope])
    if not budget.own:
        await set_limit(work, scope, {"micros": brief.budget_micros})
