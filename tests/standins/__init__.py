"""Servers that stand in for those of others, over real sockets: model providers so far.

`async with ModelStandIn() as provider: provider.script(says("hello"))`; or as a process: `python -m tests.standins`.
"""

from tests.standins.server import ModelStandIn, Received
from tests.standins.turns import Tokens, ToolUse, Turn, calls_tool, cuts, huge, overloaded, refuses, says, stalls

__all__ = [
    "ModelStandIn",
    "Received",
    "Tokens",
    "ToolUse",
    "Turn",
    "calls_tool",
    "cuts",
    "huge",
    "overloaded",
    "refuses",
    "says",
    "stalls",
]
