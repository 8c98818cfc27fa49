"""Other engines on the same workload: what a user would take instead. Each has an environment of its own.

The versions are those of `requirements/`, made by
`echo NAME==VERSION | uv pip compile --universal --generate-hashes --no-emit-index-url - -o requirements/NAME.txt`.
"""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
HOME = ROOT / ".bench"


@dataclass(frozen=True)
class Peer:
    module: str
    requirements: str
    shapes: tuple[str, ...]

    def command(self) -> list[str]:
        """The program; its environment is made at the first use, and again when its versions have changed."""
        pins = HERE / "requirements" / f"{self.requirements}.txt"
        home = HOME / self.requirements
        mark = home / "pins.txt"
        if not mark.exists() or mark.read_bytes() != pins.read_bytes():
            uv = Path(sys.executable).parent / "uv"
            subprocess.run([uv, "venv", "--quiet", "--clear", "--python", sys.executable, home], check=True)
            install = [uv, "pip", "sync", "--quiet", "--compile-bytecode", "--require-hashes", pins]
            subprocess.run(install, check=True, env=os.environ | {"VIRTUAL_ENV": str(home)})
            mark.write_bytes(pins.read_bytes())
        return [str(home / "bin" / "python"), "-m", self.module]


PEERS = {
    "dbos": Peer("bench.peers.peer_dbos", "dbos", ("fan", "chain", "dag")),
    "celery-durable": Peer("bench.peers.peer_celery", "celery", ("fan", "chain", "dag")),
    "procrastinate": Peer("bench.peers.peer_procrastinate", "procrastinate", ("fan", "chain")),
    "prefect": Peer("bench.peers.peer_prefect", "prefect", ("fan", "chain", "dag")),
    "dagster": Peer("bench.peers.peer_dagster", "dagster", ("fan", "chain", "dag")),
}
