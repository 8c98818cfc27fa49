"""The JSON Schema snapshot of every event: `python -m tools.schemas` writes them, `--check` only compares."""

import json
from pathlib import Path
from typing import Any

from tools.generated import ROOT, Generated, main

from orchestra.contracts.catalog import CATALOG

FOLDER = ROOT / "libs" / "contracts" / "schemas"


def generated(folder: Path = FOLDER) -> Generated:
    """`<kind>.json` for each event."""
    files = {folder / f"{entry.event.kind}.json": _text(entry.event.model_json_schema()) for entry in CATALOG}
    return Generated(files, owned=(folder,))


def _text(schema: dict[str, Any]) -> str:
    described = {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
    return json.dumps(described, indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    main(generated())
