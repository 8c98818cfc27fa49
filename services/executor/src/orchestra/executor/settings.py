"""The executor's settings, from the environment."""

import os
from functools import cached_property
from pathlib import Path

from pydantic import Field

from orchestra.chassis.settings import ServiceSettings
from orchestra.executor.domain.policy import DEFAULT_TOOLS, MIB, Level, Policy


class ExecutorSettings(ServiceSettings):
    http_port: int = Field(default=8003, ge=0, le=65535)
    artifacts_dir: Path
    """Content by its SHA-256. Executors of one database share it."""
    workspaces_dir: Path
    """Workspaces and logs of running commands. No executor of another database may use it: it would clear it away."""
    slots: int = Field(default_factory=lambda: max(2, os.cpu_count() or 2), ge=1, le=1024)
    """Commands at a time; by default as many as there are processors, at least 2."""
    lease_seconds: float = Field(default=15, ge=0.3, le=3600)
    """After so long without a sign of life an attempt is lost."""
    stop_grace_seconds: float = Field(default=10, ge=0, le=3600)
    """What running commands are given at a stop before they are ended."""
    min_sandbox_level: str = Field(default="L2", pattern=r"^L[123]$")
    """Below it commands are refused."""
    tools: frozenset[str] = frozenset()
    """Allowed beside the usual ones, as a JSON list."""
    max_artifact_bytes: int = Field(default=1024 * MIB, ge=1)
    """Of one upload."""

    @cached_property
    def policy(self) -> Policy:
        return Policy(tools=DEFAULT_TOOLS | self.tools, min_level=Level[self.min_sandbox_level])
