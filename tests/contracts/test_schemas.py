"""The snapshots in libs/contracts/schemas are what the code says, and a released one only ever grows.

Until version 1 is released names may still improve; from the first `v…` tag on, every snapshot is compared with the
one under the newest tag.
"""

import copy
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from tools.breaking_changes import breaking_changes
from tools.schemas import FOLDER, generated

from orchestra.contracts.catalog import CATALOG
from orchestra.contracts.event import Fact

ROOT = Path(__file__).resolve().parents[2]
KINDS = [entry.event.kind for entry in CATALOG]


def git(repository: Path, *arguments: str) -> str:
    """What git prints, or nothing where it has nothing to say."""
    return subprocess.run(["git", *arguments], cwd=repository, capture_output=True, text=True).stdout


def released(repository: Path, path: str) -> dict[str, Any] | None:
    """A snapshot as it stands under the newest release tag."""
    tag = git(repository, "describe", "--tags", "--match", "v*", "--abbrev=0").strip()
    text = git(repository, "show", f"{tag}:{path}") if tag else ""
    return json.loads(text) if text else None


def breaches(repository: Path, path: str) -> list[str]:
    before = released(repository, path)
    return breaking_changes(before, json.loads((repository / path).read_text())) if before else []


def test_the_snapshots_are_what_the_code_says() -> None:
    assert generated().stale() == [], "run `make docs`"


def test_a_stale_a_missing_and_a_leftover_snapshot_are_all_found(tmp_path: Path) -> None:
    snapshots = generated(tmp_path)
    snapshots.write()
    assert snapshots.stale() == []

    (tmp_path / "task.completed.v1.json").write_text("{}")
    (tmp_path / "run.changed.v1.json").unlink()
    (tmp_path / "task.forgotten.v1.json").touch()

    names = ["run.changed.v1.json", "task.completed.v1.json", "task.forgotten.v1.json"]
    assert [path.name for path in snapshots.stale()] == names

    snapshots.write()
    assert snapshots.stale() == []


@pytest.mark.parametrize("kind", KINDS)
def test_a_released_event_only_grows(kind: str) -> None:
    assert breaches(ROOT, (FOLDER / f"{kind}.json").relative_to(ROOT).as_posix()) == []


def test_a_breach_of_a_released_snapshot_is_found(tmp_path: Path) -> None:
    snapshot = tmp_path / "a.json"
    snapshot.write_text(json.dumps({"properties": {"id": {"type": "string"}}}))
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", ".")
    git(tmp_path, "-c", "user.name=a", "-c", "user.email=a@localhost", "commit", "-qm", "first")
    snapshot.write_text(json.dumps({"properties": {}}))
    assert breaches(tmp_path, "a.json") == []  # nothing is released yet

    git(tmp_path, "tag", "v1.0.0")

    assert breaches(tmp_path, "a.json") == ["/properties/id: the field is gone"]


class Part(Fact):
    path: str
    size: int | None = None


class Sample(Fact):
    sample_id: str
    sequence: int = 0
    level: str = "low"
    parts: tuple[Part, ...] = ()


def changed(*path: str, **fields: Any) -> dict[str, Any]:
    """The sample's schema with some words at one place replaced; None removes a word."""
    schema = copy.deepcopy(Sample.model_json_schema())
    place = schema
    for name in path:
        place = place[name]
    for name, value in fields.items():
        if value is None:
            del place[name]
        else:
            place[name] = value
    return schema


HARMLESS = {
    "nothing": changed(),
    "a new optional field": changed("properties", note={"type": "string", "default": ""}),
    "another title": changed(title="Specimen"),
    "a field is no longer required": changed(required=[]),
    "a wider number": changed("properties", "sequence", type="number"),
    "another default": changed("properties", "level", default="high"),
    "one more alternative": changed(
        "$defs", "Part", "properties", "path", anyOf=[{"type": "string"}, {"type": "null"}], type=None
    ),
}
BREAKING = {
    "a removed field": changed("properties", level=None),
    "a newly required field": changed(required=["sample_id", "level"]),
    "another type": changed("properties", "level", type="integer"),
    "only some values": changed("properties", "level", enum=["low", "high"]),
    "a shorter text": changed("properties", "level", maxLength=3),
    "a pattern": changed("properties", "level", pattern="^l"),
    "a lost alternative": changed("$defs", "Part", "properties", "size", anyOf=[{"type": "integer"}]),
    "a removed field inside": changed("$defs", "Part", "properties", path=None),
    "closed to unknown fields": changed(additionalProperties=False),
}


@pytest.mark.parametrize("name", HARMLESS)
def test_what_only_adds_is_harmless(name: str) -> None:
    assert breaking_changes(Sample.model_json_schema(), HARMLESS[name]) == []


@pytest.mark.parametrize("name", BREAKING)
def test_what_takes_away_is_breaking(name: str) -> None:
    assert len(breaking_changes(Sample.model_json_schema(), BREAKING[name])) == 1


def test_a_lost_value_of_an_enumeration_is_breaking() -> None:
    before, after = {"enum": ["low", "high"]}, {"const": "low"}

    assert breaking_changes(before, after) == [": the value 'high' is gone"]
    assert breaking_changes(after, before) == []


def test_a_definition_that_contains_itself_is_compared_once() -> None:
    again = {"anyOf": [{"$ref": "#/$defs/Node"}, {"type": "null"}]}
    tree = {"$ref": "#/$defs/Node", "$defs": {"Node": {"type": "object", "properties": {"next": again}}}}

    assert breaking_changes(tree, copy.deepcopy(tree)) == []
