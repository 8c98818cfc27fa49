"""What the command line is told: flags, else `ORCHESTRA_…` in the environment, else a file, else defaults.

The file is the one of `--config`, else `orchestra.toml` here, else `~/.config/orchestra/config.toml`.
"""

import os
import tomllib
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from orchestra.cli.exits import Exit, Stop

PREFIX = "ORCHESTRA_"
PLACES = (Path("orchestra.toml"), Path("~/.config/orchestra/config.toml"))


class CliSettings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="ignore", frozen=True)

    gateway: str | None = Field(default=None, pattern=r"^https?://")
    """URL of a gateway; without one the services run in this process."""
    api_key: str | None = None
    """For a gateway. In the environment only: a file would be read by too many."""
    home: Path = Path(".orchestra")
    """What the embedded host knows."""
    out: Path = Path("runs")
    """Where run directories are made."""
    concurrency: int | None = Field(default=None, ge=1, le=10_000)
    retries: int | None = Field(default=None, ge=0, le=100)
    back_off_seconds: float = Field(default=5.0, gt=0, le=120)
    log_level: str = Field(default="warning", pattern=r"^(debug|info|warning|error)$")


def load(config: Path | None, flags: dict[str, Any]) -> CliSettings:
    """The settings; flags that were not given are None. Raises Stop that names what is unknown or wrong."""
    path = config or next((place for place in map(Path.expanduser, PLACES) if place.is_file()), None)
    values = _read(path) if path is not None else {}
    unknown = sorted(set(values) - (set(CliSettings.model_fields) - {"api_key"}))
    if unknown:
        raise Stop(Exit.USAGE, f"{path}: unknown settings: {', '.join(unknown)}")
    given = {name: value for name, value in flags.items() if value is not None}
    try:
        # Values of the file are the weakest: those that the environment has too are left to it.
        return CliSettings(**{n: v for n, v in values.items() if PREFIX + n.upper() not in os.environ} | given)
    except ValidationError as error:
        faults = [f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()]
        raise Stop(Exit.USAGE, "the settings are wrong", faults) from error


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text())
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise Stop(Exit.USAGE, f"{path}: {error}") from error
