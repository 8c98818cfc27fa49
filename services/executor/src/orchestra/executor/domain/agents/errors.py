"""Why the registry refuses; a class's docstring is its message.

ExecutionError
├── UnknownAgent
├── AgentRetired
├── NotOutside
└── WrongAgentToken
"""

from typing import ClassVar

from orchestra.executor.domain.errors import ExecutionError


class UnknownAgent(ExecutionError):
    """No agent is called so."""

    code: ClassVar[str] = "unknown-agent"


class AgentRetired(ExecutionError):
    """The agent is retired; set it anew to have it back."""

    code = "agent-retired"


class NotOutside(ExecutionError):
    """The agent works inside: it gives no signs of life."""

    code = "not-outside"


class WrongAgentToken(ExecutionError):
    """The token in X-Agent-Token is not this agent's."""

    code = "wrong-agent-token"
