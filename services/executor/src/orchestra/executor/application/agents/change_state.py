"""Pause, resume or retire an agent. What it has under way goes on to its end."""

from dataclasses import replace

from orchestra.contracts.ids import WorkspaceId
from orchestra.executor.application.agents.registry_ports import RegistryWork
from orchestra.executor.application.agents.tell_status import write_and_tell
from orchestra.executor.domain.agents.errors import AgentRetired, UnknownAgent
from orchestra.executor.domain.agents.registry import Agent, AgentState


async def change_state(work: RegistryWork, workspace_id: WorkspaceId, name: str, state: AgentState) -> Agent:
    """Doing it again changes nothing. Raises UnknownAgent; AgentRetired where it should be paused or resumed."""
    agent = await work.agents.locked(workspace_id, name)
    if agent is None:
        raise UnknownAgent(name)
    if agent.state == state:
        return agent
    if agent.state == "retired":
        raise AgentRetired(name)
    return await write_and_tell(work, replace(agent, state=state))
