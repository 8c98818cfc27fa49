"""Register an agent, or change one."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from orchestra.contracts.ids import Sha256, WorkspaceId
from orchestra.executor.application.agents.registry_ports import RegistryWork
from orchestra.executor.application.agents.tell_status import write_and_tell
from orchestra.executor.domain.agents.registry import Agent


@dataclass(frozen=True)
class SetAgent:
    agent: Agent
    created: bool
    new_token: bool
    """It is proven by the token that was offered from now on."""


async def set_agent(
    work: RegistryWork,
    workspace_id: WorkspaceId,
    name: str,
    changes: Mapping[str, Any],
    *,
    offered: Sha256,
    renew: bool = False,
) -> SetAgent:
    """What `changes` do not name stays as it is, of a new agent at its default. A retired one is back with it, and its
    results are.

    `offered` is the hash of a token: an agent that comes to be outside gets it, and one that has another with `renew`.
    """
    before = await work.agents.locked(workspace_id, name)
    agent = replace(before or Agent(workspace_id, name), **changes)
    if agent.state == "retired":
        agent = replace(agent, state="active")
    gets = agent.outside and (renew or agent.token_hash is None)
    if gets:
        agent = replace(agent, token_hash=offered)
    elif not agent.outside:
        agent = replace(agent, token_hash=None, heartbeat_at=None)
    return SetAgent(await write_and_tell(work, agent), created=before is None, new_token=gets)
