"""Ids are opaque text with a prefix that names the thing (`tsk_0190f3…`); the aliases say which one is meant."""

from typing import TypeAlias

WorkspaceId: TypeAlias = str
ProjectId: TypeAlias = str
PlanId: TypeAlias = str
TaskId: TypeAlias = str
RunId: TypeAlias = str
AttemptId: TypeAlias = str
MemberId: TypeAlias = str
CheckpointId: TypeAlias = str
CallId: TypeAlias = str
EventId: TypeAlias = str
Sha256: TypeAlias = str
"""Lower-case hexadecimal digest, 64 characters."""
