"""Signs of life of outside agents, and their absence."""

from dataclasses import replace

from orchestra.contracts.ids import WorkspaceId
from orchestra.executor.application.agents.registry_ports import RegistryWork
from orchestra.executor.application.agents.tell_status import write_and_tell
from orchestra.executor.domain.agents.errors import AgentRetired, NotOutside, UnknownAgent, WrongAgentToken
from orchestra.executor.domain.agents.registry import AWAY_AFTER, Agent

AT_ONCE = 100


async def heartbeat(work: RegistryWork, workspace_id: WorkspaceId, name: str, token: str) -> Agent:
    """It is there. Raises UnknownAgent, NotOutside, WrongAgentToken, AgentRetired."""
    agent = await work.agents.locked(workspace_id, name)
    if agent is None:
        raise UnknownAgent(name)
    if not agent.outside:
        raise NotOutside(name)
    if not agent.is_proven_by(token):
        raise WrongAgentToken(name)
    if agent.state == "retired":
        raise AgentRetired(name)
    return await write_and_tell(work, replace(agent, heartbeat_at=work.now))


async def tell_absences(work: RegistryWork) -> bool:
    """Tell of those that have fallen silent; true while there may be more."""
    silent = await work.agents.take_silent(work.now - AWAY_AFTER, AT_ONCE)
    for agent in silent:
        await write_and_tell(work, agent)
    return len(silent) == AT_ONCE
