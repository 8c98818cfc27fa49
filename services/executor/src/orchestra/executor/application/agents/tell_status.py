"""Write an agent, and tell its status where that is news."""

from dataclasses import replace

from orchestra.contracts.agents import AgentStatusChanged
from orchestra.executor.application.agents.registry_ports import RegistryWork
from orchestra.executor.domain.agents.registry import Agent


async def write_and_tell(work: RegistryWork, agent: Agent) -> Agent:
    """Returns it as it is stored."""
    status = agent.status(work.now)
    if status != agent.told:
        work.publish(
            AgentStatusChanged(
                workspace_id=agent.workspace_id,
                project_id="",
                agent=agent.name,
                state=status,
                before=agent.told,
                type=agent.type,
                outside=agent.outside,
                by=work.by,
                at=work.now,
            )
        )
    agent = replace(agent, told=status, stored=True)
    await work.agents.write(agent)
    return agent
