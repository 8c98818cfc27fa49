"""Attempts get an agent, and agents get results."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from orchestra.contracts.ids import AttemptId, WorkspaceId
from orchestra.executor.application.agents.registry_ports import Learned, RegistryWork
from orchestra.executor.domain.agents.choosing import Assigned, Choice, choose, given
from orchestra.executor.domain.agents.registry import ANY
from orchestra.executor.domain.agents.scoring import Candidate, Wanted
from orchestra.executor.domain.attempt import HeldAttempt


class AgentRegistry:
    """The port `Registry`, of one transaction."""

    def __init__(self, work: RegistryWork) -> None:
        self._work = work

    async def assign(self, held: Sequence[HeldAttempt]) -> Mapping[AttemptId, Choice]:
        asked = [
            (attempt, Wanted.of(attempt.dispatch, brief))
            for attempt in held
            if (brief := attempt.dispatch.command.agent) is not None
        ]
        if not asked:
            return {}
        going_on = await self._work.agents.earlier([attempt for attempt, wanted in asked if wanted.agent == ANY])
        workspaces = {attempt.workspace_id for attempt, _ in asked}
        before = await self._work.agents.candidates(workspaces, {attempt.id for attempt, _ in asked})
        after = dict(before)
        choices: dict[AttemptId, Choice] = {}
        for attempt, as_told in asked:
            wanted = replace(as_told, earlier=going_on.get(attempt.id))
            candidates = after[attempt.workspace_id]
            choice = choices[attempt.id] = choose(candidates, wanted, self._work.now)
            after[attempt.workspace_id] = given(candidates, wanted, choice, self._work.now)
        chosen = {id_: choice.agent.name for id_, choice in choices.items() if isinstance(choice, Assigned)}
        if chosen:
            await self._work.agents.hand_out(chosen, _changed(before, after))
        return choices

    async def learn(self, *learned: Learned) -> None:
        if learned:
            await self._work.agents.add_results(learned)


def _changed(
    before: Mapping[WorkspaceId, Sequence[Candidate]], after: Mapping[WorkspaceId, Sequence[Candidate]]
) -> dict[tuple[WorkspaceId, str], int]:
    """How often those were passed over of whom that is news."""
    return {
        (workspace_id, new.agent.name): new.passed
        for workspace_id, candidates in before.items()
        for old, new in zip(candidates, after[workspace_id], strict=True)
        if old.passed != new.passed and new.agent.stored
    }
