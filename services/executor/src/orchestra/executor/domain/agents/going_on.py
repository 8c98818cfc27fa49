"""Which conversation an attempt goes on with: the one that its task's earlier attempts have left, or a new one."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass

from orchestra.contracts.execution import FailureClass
from orchestra.contracts.ids import AttemptId, Sha256
from orchestra.contracts.scheduling import TaskDispatched
from orchestra.executor.domain.attempt import AttemptStatus


@dataclass(frozen=True)
class Past:
    """What became of an attempt."""

    id: AttemptId
    status: AttemptStatus
    failure: FailureClass | None
    agent: str | None = None
    """Who had it; None where nobody was given it."""

    @property
    def was_lost(self) -> bool:
        """Ended from outside, at any moment."""
        return self.failure in ("lost", "cancelled")

    @property
    def has_ended_it(self) -> bool:
        """A lost, cancelled or suspended one is gone on with; any other end has its conversation ended too."""
        return self.status == "succeeded" or not (self.failure is None or self.was_lost)


def conversation_of(dispatch: TaskDispatched, before: Sequence[Past]) -> Sha256:
    """The same for all who go on with the same work, told the same. Answers are no part of it: they come into it where
    they were asked for."""
    told = [
        dispatch.task_id,
        dispatch.run_id,
        sum(each.has_ended_it for each in before),
        dispatch.title,
        dispatch.command.model_dump(mode="json"),
        [[each.path, each.sha256] for each in dispatch.handed_on],
        dispatch.guidance,
        dispatch.feedback,
    ]
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


def last_agent(before: Sequence[Past]) -> str | None:
    """Of these attempts, the oldest first."""
    return next((each.agent for each in reversed(before) if each.agent is not None), None)
