"""The executor's settings, from the environment."""

import os
from functools import cached_property
from pathlib import Path

from pydantic import Field

from orchestra.chassis.settings import InvalidSettings, ServiceSettings
from orchestra.executor.domain.policy import MIB, Policy
from orchestra.executor.policy import BadPolicy, in_force


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
    """Below it commands are refused; a policy's own may be stricter."""
    policy_file: Path | None = None
    """What commands may do, in TOML; without it the usual policy. `orchestra policy check` judges one."""
    tools: frozenset[str] = frozenset()
    """Allowed beside those of the policy, as a JSON list."""
    max_artifact_bytes: int = Field(default=1024 * MIB, ge=1)
    """Of one upload."""

    @cached_property
    def policy(self) -> Policy:
        """Read once. Raises InvalidSettings with every fault of its file."""
        try:
            return in_force(self.policy_file, self.tools, self.min_sandbox_level)
        except BadPolicy as bad:
            raise InvalidSettings(f"{self.policy_file} is no policy:\n  " + "\n  ".join(bad.faults)) from bad
