"""The executor's settings, from the environment."""

import os
from collections.abc import Mapping
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, field_validator
from pydantic_settings import NoDecode

from orchestra.chassis.http.addresses import Networks
from orchestra.chassis.sealing import Sealer, SealingKeys
from orchestra.chassis.settings import InvalidSettings, ServiceSettings
from orchestra.executor.adapters.agents.servers.servers_file import BadServers, Declared, read_servers
from orchestra.executor.adapters.models.environment import from_environment
from orchestra.executor.adapters.models.models_file import BadModels, read_models
from orchestra.executor.adapters.models.vault import read_master_keys
from orchestra.executor.domain.models.catalogue import Catalogue
from orchestra.executor.domain.money.amounts import micros
from orchestra.executor.domain.money.budget import Defaults, Limits
from orchestra.executor.domain.money.scopes import ScopeKind
from orchestra.executor.domain.policy import MIB, Policy
from orchestra.executor.policy import BadPolicy, in_force


def _keys(value: Any) -> Any:
    return read_master_keys(value) if isinstance(value, str) and value else value or {}


class ExecutorSettings(ServiceSettings):
    http_port: int = Field(default=8003, ge=0, le=65535)
    artifacts_dir: Path
    """Content by its SHA-256. Executors of one database share it."""
    workspaces_dir: Path
    """Workspaces and logs of running commands. No executor of another database may use it: it would clear it away."""
    sealing_keys: SealingKeys
    """Shared with the planner: what is asked of models, and their answers, travels sealed. 32 bytes in URL-safe
    base64; several with commas between, the newest first."""
    slots: int = Field(default_factory=lambda: max(2, os.cpu_count() or 2), ge=1, le=1024)
    """Commands at a time; by default as many as there are processors, at least 2."""
    agent_slots: int = Field(default=8, ge=1, le=1024)
    """Attempts of agents at a time: most of the time they wait for a model."""
    call_slots: int = Field(default=8, ge=1, le=1024)
    """Calls of models at a time that other services have asked for."""
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
    models_file: Path | None = None
    """Providers, models, prices and routes, in TOML; without it those of `ANTHROPIC_API_KEY` and the like."""
    models: tuple[str, ...] = ()
    """Without a file: models beside the usual ones, as a JSON list of `PROVIDER/ID=TIER`."""
    model_secret_keys: Annotated[Mapping[int, bytes], NoDecode, BeforeValidator(_keys)] = Field(
        default_factory=dict[int, bytes], repr=False
    )
    """`<version>:<base64 of 32 bytes>`, with commas between them: the highest seals the keys of projects. Without it
    they have none."""
    model_allowed_networks: Networks = ()
    """Networks besides the public ones that a project's own address of a provider may be in, by plain http too."""
    model_calls: Literal["any", "loopback"] = "any"
    """`loopback`: no provider is asked but one on this machine, so that nothing can be spent."""
    tool_servers_file: Path | None = None
    """Servers of tools for agents, and ComfyUI, in TOML; without it projects have those of their own."""
    tool_allowed_networks: Networks = ()
    """Networks besides the public ones that a project's own server of tools may be in, by plain http too."""
    max_artifact_bytes: int = Field(default=1024 * MIB, ge=1)
    """Of one upload."""
    budget_day_usd: Decimal | None = Field(default=Decimal(5), ge=0, le=10**9)
    """What a workspace may spend in a day (UTC) where no limit is set by API; `none` for no limit."""
    budget_month_usd: Decimal | None = Field(default=Decimal(50), ge=0, le=10**9)
    """The same in a month."""
    budget_project_usd: Decimal | None = Field(default=Decimal(10), ge=0, le=10**9)
    """The same of a project, from its beginning to its end."""

    @field_validator("budget_day_usd", "budget_month_usd", "budget_project_usd", mode="before")
    @classmethod
    def _none(cls, given: object) -> object:
        return None if given == "none" else given

    @cached_property
    def default_limits(self) -> Defaults:
        """Runs and tasks have none: they are within their project's."""
        usd: dict[ScopeKind, Decimal | None] = {
            "day": self.budget_day_usd,
            "month": self.budget_month_usd,
            "project": self.budget_project_usd,
        }
        return {kind: Limits(None if limit is None else micros(limit)) for kind, limit in usd.items()}

    @cached_property
    def catalogue(self) -> Catalogue:
        """The models. Read once. Raises InvalidSettings with every fault."""
        try:
            if self.models_file is not None:
                return read_models(self.models_file)
            return from_environment(self.models, os.environ)
        except BadModels as bad:
            where = self.models_file or "ORCHESTRA_MODELS"
            raise InvalidSettings(f"{where} names no models:\n  " + "\n  ".join(bad.faults)) from bad

    @cached_property
    def declared_servers(self) -> Declared:
        """The operator's servers of tools. Read once. Raises InvalidSettings with every fault of their file."""
        if self.tool_servers_file is None:
            return Declared()
        try:
            return read_servers(self.tool_servers_file, os.environ)
        except BadServers as bad:
            where = self.tool_servers_file
            raise InvalidSettings(f"{where} names no servers of tools:\n  " + "\n  ".join(bad.faults)) from bad

    @cached_property
    def sealer(self) -> Sealer:
        return Sealer(self.sealing_keys.get_secret_value())

    @cached_property
    def policy(self) -> Policy:
        """Read once. Raises InvalidSettings with every fault of its file."""
        try:
            return in_force(self.policy_file, self.tools, self.min_sandbox_level)
        except BadPolicy as bad:
            raise InvalidSettings(f"{self.policy_file} is no policy:\n  " + "\n  ".join(bad.faults)) from bad
