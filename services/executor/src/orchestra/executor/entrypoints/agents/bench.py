"""What attempts of agents are performed with, put together."""

from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from orchestra.chassis.database.unit_of_work import Database
from orchestra.contracts.execution import Artifact
from orchestra.executor.adapters.agents.files import WorkspaceFiles
from orchestra.executor.adapters.agents.images import CannotWrite, Write
from orchestra.executor.adapters.agents.journal import SqlJournal
from orchestra.executor.adapters.agents.knowledge import ProjectKnowledge
from orchestra.executor.adapters.agents.schema import faults_of
from orchestra.executor.adapters.agents.standing import SqlStanding
from orchestra.executor.adapters.work import ExecutorWork
from orchestra.executor.application.agents.perform_agent import AgentBench, AgentModels
from orchestra.executor.application.agents.ports import Assignment, BadFile, Toolbox
from orchestra.executor.application.money.ports import Purse
from orchestra.executor.application.perform_attempt import Bench


def agent_bench(
    database: Database[ExecutorWork],
    bench: Bench,
    models: Callable[[], Awaitable[AgentModels]],
    purse: Purse,
    toolboxes: Sequence[Toolbox],
) -> AgentBench:
    async def files(workspace: Path) -> WorkspaceFiles:
        opened = WorkspaceFiles(workspace, bench.artifacts, bench.policy.limits)
        await opened.begin()
        return opened

    return AgentBench(
        bench,
        models,
        files,
        SqlJournal(database),
        SqlStanding(database),
        purse,
        faults_of,
        toolboxes,
        ProjectKnowledge(database),
    )


def writer(bench: Bench) -> Write:
    """For tools that bring a file from elsewhere into the workspace."""

    async def write(assignment: Assignment, path: str, content: bytes) -> Artifact:
        files = WorkspaceFiles(assignment.folder, bench.artifacts, bench.policy.limits)
        try:
            await files.write(path, content)
            stored = await files.stored(path)
        except BadFile as bad:
            raise CannotWrite(str(bad)) from None
        return Artifact(path=path, sha256=stored.sha256, size=stored.size)

    return write
