"""What the executor stores: attempts, and which workspace knows which artifact."""

from sqlalchemy import Boolean, Column, Index, Integer, LargeBinary, MetaData, String, Table, Text, text

from orchestra.chassis.database.tables import add_chassis_tables
from orchestra.chassis.database.types import Counter, Instant, Json

metadata = MetaData()

QUEUED = text("status = 'queued'")
LEASED = text("status = 'leased'")
HELD = text("status IN ('leased', 'running')")
# A partial index serves only a query that repeats its condition word for word; a bound value would not do.

ATTEMPT = Table(
    "attempt",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("workspace_id", String(64), nullable=False),
    Column("project_id", String(64), nullable=False),
    Column("task_id", String(64), nullable=False),
    Column("run_id", String(64)),
    Column("number", Integer),
    Column("token", Counter),
    Column("dry_run", Boolean, nullable=False),
    Column("kind", String(16), nullable=False, server_default="command"),
    Column("agent", String(64)),
    Column("dispatch", Text),
    Column("trace", Text),
    Column("status", String(16), nullable=False),
    Column("lease_owner", String(200)),
    Column("lease_until", Instant),
    Column("withdrawn", Text),
    Column("accepted_at", Instant, nullable=False),
    Column("started_at", Instant),
    Column("ended_at", Instant),
    Column("failure", String(16)),
    Column("reason", Text),
    Column("outputs", Json),
    Column("evidence", Json),
    Index("attempt_queued", "dry_run", "kind", "id", postgresql_where=QUEUED, sqlite_where=QUEUED),
    Index("attempt_turns", "dry_run", "kind", "workspace_id", "id", postgresql_where=QUEUED, sqlite_where=QUEUED),
    Index("attempt_held", "lease_until", postgresql_where=HELD, sqlite_where=HELD),
    Index("attempt_run", "workspace_id", "run_id", "id"),
    Index("attempt_task", "workspace_id", "task_id", "id"),
)
"""One row an attempt.

`dispatch` is the TaskDispatched that asked for it, as JSON text: it is read only as a whole. A row without one is the
tombstone of a dispatch that was withdrawn before it came. `kind` says who performs it, a command or an agent; `agent`
which one, once it was taken. `withdrawn` is the reason of a withdrawal. `lease_owner`
stays after the end, so that one sees who performed it.
"""

ENDED_RUN = Table(
    "ended_run",
    metadata,
    Column("run_id", String(64), primary_key=True),
    Column("workspace_id", String(64), nullable=False),
    Column("reason", Text, nullable=False),
    Column("at", Instant, nullable=False),
)
"""Tombstones of runs that were cancelled: of such a run nothing is begun, whenever its dispatches arrive."""

MODEL_CALL = Table(
    "model_call",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("workspace_id", String(64), nullable=False),
    Column("project_id", String(64), nullable=False),
    Column("request", Text),
    Column("trace", Text),
    Column("status", String(16), nullable=False),
    Column("token", Counter, nullable=False, server_default="0"),
    Column("lost", Integer, nullable=False, server_default="0"),
    Column("not_before", Instant),
    Column("lease_owner", String(200)),
    Column("lease_until", Instant),
    Column("cancelled", Text),
    Column("code", String(64)),
    Column("accepted_at", Instant, nullable=False),
    Column("ended_at", Instant),
    Index("model_call_queued", "id", postgresql_where=QUEUED, sqlite_where=QUEUED),
    Index("model_call_held", "lease_until", postgresql_where=LEASED, sqlite_where=LEASED),
)
"""Calls that other services want: queued, leased, then answered, failed or cancelled.

`request` is the ModelCallRequested as JSON text, the prompt in it sealed; a row without one is the tombstone of a call
that was cancelled before it came. `token` counts how often it was taken, `lost` how often whoever had it was gone.
"""

RECORDED_ANSWER = Table(
    "recorded_answer",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("workspace_id", String(64), nullable=False),
    Column("hold_id", String(64), nullable=False),
    Column("answer", LargeBinary, nullable=False),
    Column("at", Instant, nullable=False),
)
"""What models have answered, written in the transaction that settles it: so that it is never asked and paid for twice.

`id` is the digest of the request and of what it may be repeated within.
"""

ARTIFACT = Table(
    "artifact",
    metadata,
    Column("workspace_id", String(64), primary_key=True),
    Column("sha256", String(64), primary_key=True),
    Column("size", Counter, nullable=False),
    Column("at", Instant, nullable=False),
)
"""Which workspace knows which content. The content itself is stored once, whoever knows it."""

MODEL_KEY = Table(
    "model_key",
    metadata,
    Column("workspace_id", String(64), primary_key=True),
    Column("project_id", String(64), primary_key=True),
    Column("provider", String(64), primary_key=True),
    Column("url", Text),
    Column("key_version", Integer, nullable=False),
    Column("data_key", LargeBinary, nullable=False),
    Column("secret", LargeBinary, nullable=False),
    Column("set_at", Instant, nullable=False),
    Column("last_used_at", Instant),
    Index("model_key_version", "key_version"),
)
"""A project's own key of a provider. `secret` is sealed by a data key, and that by the master key of `key_version`."""

PROJECT_MODEL = Table(
    "project_model",
    metadata,
    Column("workspace_id", String(64), primary_key=True),
    Column("project_id", String(64), primary_key=True),
    Column("choice", String(200), nullable=False),
    Column("set_at", Instant, nullable=False),
)
"""What a project has chosen: `choice` is a model's name or a tier, which may be configured no more."""

add_chassis_tables(metadata)
