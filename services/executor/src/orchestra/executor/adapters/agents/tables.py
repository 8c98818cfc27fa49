"""What the executor stores of agents: who they are, what they have done, conversations, calls of tools, approvals."""

from sqlalchemy import Boolean, Column, Float, Index, Integer, String, Table, Text, text

from orchestra.chassis.database.types import Counter, Instant, Json
from orchestra.executor.adapters.tables import metadata

BEGUN = text("status = 'begun'")
HEARD = text("told = 'active' AND outside")

AGENT = Table(
    "agent",
    metadata,
    Column("workspace_id", String(64), primary_key=True),
    Column("name", String(64), primary_key=True),
    Column("type", String(64), nullable=False),
    Column("kinds", Json, nullable=False),
    Column("capabilities", Json, nullable=False),
    Column("model", String(200)),
    Column("tools", Json),
    Column("concurrency", Integer, nullable=False),
    Column("state", String(16), nullable=False),
    Column("outside", Boolean, nullable=False),
    Column("token_hash", String(64)),
    Column("heartbeat_at", Instant),
    Column("told", String(16)),
    Column("passed", Integer, nullable=False, server_default="0"),
    Index("agent_heard", "heartbeat_at", postgresql_where=HEARD, sqlite_where=HEARD),
)
"""One row an agent that somebody has registered or changed. `told` is the status that was published last; `passed`
counts the tasks that it could have had since it had one, while it is on probation."""

AGENT_RESULT = Table(
    "agent_result",
    metadata,
    Column("workspace_id", String(64), primary_key=True),
    Column("agent", String(64), primary_key=True),
    Column("kind", String(16), primary_key=True),
    Column("done", Counter, nullable=False),
    Column("partial", Counter, nullable=False),
    Column("failed", Counter, nullable=False),
    Column("gaps", Counter, nullable=False),
    Column("success", Float(53), nullable=False),
    Column("quality", Float(53), nullable=False),
    Column("degraded", Boolean, nullable=False),
    Column("cost_micros", Counter, nullable=False),
    Column("duration_ms", Counter, nullable=False),
)
"""Counters, one row for each kind of work of an agent, and one of the kind '' for all of them. The agent need not be
stored: the built-in one has results too."""

CONVERSATION = Table(
    "conversation",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("workspace_id", String(64), nullable=False),
    Column("task_id", String(64), nullable=False),
    Column("sealed", Text, nullable=False),
    Column("at", Instant, nullable=False),
    Index("conversation_task", "task_id"),
)
"""The first words that a model was told, sealed: whoever goes on says the same, so that answers are found again."""

TOOL_CALL = Table(
    "tool_call",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("workspace_id", String(64), nullable=False),
    Column("run_id", String(64), nullable=False),
    Column("task_id", String(64), nullable=False),
    Column("attempt_id", String(64), nullable=False),
    Column("conversation", String(64), nullable=False),
    Column("place", Integer, nullable=False),
    Column("tool", String(200), nullable=False),
    Column("digest", String(64), nullable=False),
    Column("effect", String(16), nullable=False),
    Column("key", String(64), nullable=False),
    Column("status", String(16), nullable=False),
    Column("approval", String(64)),
    Column("sealed", Text, nullable=False),
    Column("result", Text),
    Column("effected", Json),
    Column("at", Instant, nullable=False),
    Column("ended_at", Instant),
    Index("tool_call_place", "conversation", "place", "id"),
    Index("tool_call_attempt", "workspace_id", "attempt_id", "id"),
    Index("tool_call_task", "task_id", "id"),
    Index("tool_call_begun", "key", postgresql_where=BEGUN, sqlite_where=BEGUN),
)
"""The effect ledger and the log of the broker's decisions: a row before a call is made, or instead of it.

`effect` is `outside` only where the call may not be made twice. `sealed` is JSON of the arguments, the call in words,
and the reason of a decision; `result` is sealed too. `effected` are the files of the workspace that the call has
changed, by content: so that they are had again without its being made.
"""

USED_APPROVAL = Table(
    "used_approval",
    metadata,
    Column("checkpoint_id", String(64), primary_key=True),
    Column("call_id", String(64), nullable=False),
    Column("at", Instant, nullable=False),
)
"""Approvals that have let a call be made. Each does so once."""
