"""A provider of models as a process of its own, that says what a test has scripted."""

import json
import subprocess
import sys
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import httpx
from tests.standins.configured import KEY_NAME, models_toml
from tests.standins.server import KEY
from tests.standins.turns import Turn


@dataclass(frozen=True)
class Provider:
    url: str
    environment: dict[str, str]
    """What an executor has to be told."""

    def script(self, *turns: Turn) -> None:
        """Begin anew with these: what was said and asked before is forgotten."""
        written = [asdict(turn) for turn in turns]
        httpx.post(f"{self.url}/_script", json=written).raise_for_status()

    def received(self) -> list[dict[str, Any]]:
        """The requests for an answer."""
        return httpx.get(f"{self.url}/_received").json()

    def stalled(self) -> int:
        """Answers that hang now."""
        return httpx.get(f"{self.url}/_state").json()["stalled"]


@contextmanager
def providing(folder: Path) -> Generator[Provider]:
    folder.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "tests.standins"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        models = folder / "models.toml"
        models.write_text(models_toml(url))
        told = {"ORCHESTRA_MODELS_FILE": str(models), "ORCHESTRA_MODEL_CALLS": "loopback", KEY_NAME: KEY}
        try:
            yield Provider(url, told)
        finally:
            process.terminate()


def said(tool: str, *holds: str, **arguments: Any) -> Turn:
    """A call of a tool, as often as it is asked for by a request that holds these texts."""
    made = json.loads(json.dumps({"tools": [{"name": tool, "arguments": arguments}]}))
    return Turn.of({**made, "holds": holds, "again": True})


def first_hangs(turn: Turn) -> Sequence[Turn]:
    """It is never heard the first time."""
    return Turn(stall_after=0, holds=turn.holds), turn
