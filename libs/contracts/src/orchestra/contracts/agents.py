"""What is told of the agents of a workspace: whether each can be given work."""

from datetime import datetime
from typing import Literal

from orchestra.contracts.event import Event

AgentStatus = Literal["active", "paused", "retired", "away"]
"""`away`: it works outside, should be there, and gives no sign of life."""


class AgentStatusChanged(Event, kind="agent.status-changed.v1", subject="agent"):
    """It was registered, paused, resumed or retired, or it went away or came back. `project_id` is empty: an agent is
    its workspace's."""

    agent: str
    """Its name in the executor's registry."""
    state: AgentStatus
    before: AgentStatus | None = None
    """None: it is new."""
    type: str = ""
    outside: bool = False
    """It works in a process of its own, elsewhere."""
    by: str | None = None
    """Whose command it was; None: time, or the agent itself."""
    at: datetime
