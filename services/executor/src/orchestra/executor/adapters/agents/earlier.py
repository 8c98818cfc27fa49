"""Earlier attempts of tasks, and who had the conversations that can be gone on with."""

from collections.abc import Sequence

from sqlalchemy import select

from orchestra.chassis.database.unit_of_work import UnitOfWork
from orchestra.contracts.ids import AttemptId
from orchestra.executor.adapters.agents.tables import CONVERSATION
from orchestra.executor.adapters.tables import ATTEMPT
from orchestra.executor.domain.agents.going_on import Past, conversation_of, last_agent
from orchestra.executor.domain.attempt import HeldAttempt

_C = ATTEMPT.c


async def before(work: UnitOfWork, attempts: Sequence[HeldAttempt]) -> dict[AttemptId, list[Past]]:
    """For each the others of its task in its run, the oldest first."""
    one_of = work.dialect.one_of
    query = (
        select(_C.workspace_id, _C.task_id, _C.run_id, _C.id, _C.status, _C.failure, _C.agent)
        .where(one_of(_C.workspace_id, {each.workspace_id for each in attempts}))
        .where(one_of(_C.task_id, {each.dispatch.task_id for each in attempts}))
        .order_by(_C.id)
    )
    of_task: dict[tuple[str, ...], list[Past]] = {}
    for workspace_id, task_id, run_id, *past in await work.connection.execute(query):
        of_task.setdefault((workspace_id, task_id, run_id), []).append(Past(*past))
    found = {a.id: of_task.get((a.workspace_id, a.dispatch.task_id, a.dispatch.run_id), []) for a in attempts}
    return {id_: [each for each in pasts if each.id != id_] for id_, pasts in found.items()}


async def earlier_agents(work: UnitOfWork, attempts: Sequence[HeldAttempt]) -> dict[AttemptId, str]:
    """Who had the conversation that each of them goes on with; those that begin one are left out."""
    if not attempts:
        return {}
    pasts = await before(work, attempts)
    agents = {id_: agent for id_, past in pasts.items() if (agent := last_agent(past)) is not None}
    if not agents:
        return {}
    wanted = {each.id: conversation_of(each.dispatch, pasts[each.id]) for each in attempts if each.id in agents}
    query = select(CONVERSATION.c.id).where(work.dialect.one_of(CONVERSATION.c.id, wanted.values()))
    begun = set((await work.connection.execute(query)).scalars())
    return {id_: agent for id_, agent in agents.items() if wanted[id_] in begun}
