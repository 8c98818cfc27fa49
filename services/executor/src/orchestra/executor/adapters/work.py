"""The executor's unit of work."""

from collections.abc import Sequence

from orchestra.chassis.database.unit_of_work import UnitOfWork
from orchestra.executor.adapters.artifact_register import SqlArtifactRegister
from orchestra.executor.adapters.attempts import SqlAttempts
from orchestra.executor.domain.policy import Policy


class ExecutorWork(UnitOfWork):
    @property
    def attempts(self) -> SqlAttempts:
        return SqlAttempts(self)

    @property
    def register(self) -> SqlArtifactRegister:
        return SqlArtifactRegister(self)

    @property
    def policy(self) -> Policy:
        return self.settings.policy

    @property
    def traces(self) -> Sequence[str | None]:
        return [envelope.cloud.traceparent for envelope in self.delivery]
