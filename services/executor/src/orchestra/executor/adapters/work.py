"""The executor's unit of work."""

from collections.abc import Iterator, Sequence

from sqlalchemy import func, select

from orchestra.chassis.database.unit_of_work import UnitOfWork
from orchestra.chassis.messaging.inbox import gather
from orchestra.executor.adapters.agents.registry import SqlAgents
from orchestra.executor.adapters.agents.servers.project_servers import SqlToolServers
from orchestra.executor.adapters.agents.tool_calls import SqlToolCalls
from orchestra.executor.adapters.artifact_register import SqlArtifactRegister
from orchestra.executor.adapters.attempts import SqlAttempts
from orchestra.executor.adapters.calls import SqlCalls
from orchestra.executor.adapters.knowledge.embeddings import SqlEmbeddings
from orchestra.executor.adapters.knowledge.findings import SqlFindings
from orchestra.executor.adapters.models.project_keys import SqlProjectKeys
from orchestra.executor.adapters.models.project_models import SqlProjectModels
from orchestra.executor.adapters.money.budgets import SqlBudgets
from orchestra.executor.adapters.money.holds import SqlHolds
from orchestra.executor.adapters.money.ledger import SqlLedger
from orchestra.executor.adapters.money.tables import LEDGER
from orchestra.executor.application.agents.registry import AgentRegistry
from orchestra.executor.application.calls.ports import Part
from orchestra.executor.domain.policy import Policy


class ExecutorWork(UnitOfWork):
    @property
    def attempts(self) -> SqlAttempts:
        return SqlAttempts(self)

    @property
    def agents(self) -> SqlAgents:
        return SqlAgents(self)

    @property
    def tool_calls(self) -> SqlToolCalls:
        return SqlToolCalls(self)

    @property
    def registry(self) -> AgentRegistry:
        return AgentRegistry(self)

    @property
    def calls(self) -> SqlCalls:
        return SqlCalls(self)

    async def spent_by(self, holder: str) -> int:
        query = select(func.coalesce(func.sum(LEDGER.c.used_micros), 0)).where(LEDGER.c.holder == holder)
        return int((await self.connection.execute(query)).scalar_one())

    async def gathered(self, part: Part) -> Iterator[Part] | None:
        return await gather(self, f"{self.service}:{part.kind}", part)

    def seal(self, text: str, about: str) -> str:
        return self.settings.sealer.seal(text, about)

    def open(self, sealed: str, about: str) -> str:
        return self.settings.sealer.open(sealed, about)

    @property
    def register(self) -> SqlArtifactRegister:
        return SqlArtifactRegister(self)

    @property
    def project_keys(self) -> SqlProjectKeys:
        return SqlProjectKeys(self)

    @property
    def project_models(self) -> SqlProjectModels:
        return SqlProjectModels(self)

    @property
    def tool_servers(self) -> SqlToolServers:
        return SqlToolServers(self)

    @property
    def budgets(self) -> SqlBudgets:
        return SqlBudgets(self, self.settings.default_limits)

    @property
    def holds(self) -> SqlHolds:
        return SqlHolds(self)

    @property
    def ledger(self) -> SqlLedger:
        return SqlLedger(self)

    @property
    def findings(self) -> SqlFindings:
        return SqlFindings(self)

    @property
    def embeddings(self) -> SqlEmbeddings:
        return SqlEmbeddings(self)

    @property
    def policy(self) -> Policy:
        return self.settings.policy

    @property
    def traces(self) -> Sequence[str | None]:
        return [envelope.cloud.traceparent for envelope in self.delivery]
