"""The JSON Schema snapshot of every event: `python -m tools.schemas` writes them, `--check` only compares."""

import json
import sys
from pathlib import Path
from typing import Any

from orchestra.contracts.catalog import CATALOG

FOLDER = Path(__file__).resolve().parents[1] / "libs" / "contracts" / "schemas"


def snapshots() -> dict[str, str]:
    """The text of each snapshot by its file name, `<kind>.json`."""
    return {f"{entry.event.kind}.json": _text(entry.event.model_json_schema()) for entry in CATALOG}


def drift(folder: Path = FOLDER) -> list[str]:
    """The snapshots that are missing, left over, or not what the code says."""
    stored = {path.name: path.read_text() for path in folder.glob("*.json")}
    current = snapshots()
    return sorted(name for name in stored.keys() | current.keys() if stored.get(name) != current.get(name))


def write(folder: Path = FOLDER) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    current = snapshots()
    for path in folder.glob("*.json"):
        if path.name not in current:
            path.unlink()
    for name, text in current.items():
        (folder / name).write_text(text)


def _text(schema: dict[str, Any]) -> str:
    described = {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
    return json.dumps(described, indent=2, ensure_ascii=False) + "\n"


def main(arguments: list[str]) -> int:
    if arguments != ["--check"]:
        write()
        return 0
    stale = drift()
    if stale:
        print(f"stale snapshots, run `make schemas`: {', '.join(stale)}")
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
