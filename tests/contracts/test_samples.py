"""One published message of each kind, kept as it was sent: whoever listens to that kind must be able to read it.

A sample is never edited. When an event grows, the old sample stays and shows that old messages are still understood.
"""

import importlib
import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from tools.schemas import FOLDER

from orchestra.chassis.messaging.message import decode
from orchestra.contracts.catalog import BY_KIND, CATALOG

SAMPLES = Path(__file__).parent / "samples"
KINDS = sorted(BY_KIND)


def sample(kind: str) -> str:
    return (SAMPLES / f"{kind}.json").read_text()


def with_unknown_fields(value: Any) -> Any:
    """The same document from a newer publisher: every object in it has a field more."""
    if isinstance(value, list):
        return [with_unknown_fields(each) for each in value]
    if isinstance(value, dict):
        return {name: with_unknown_fields(each) for name, each in value.items()} | {"added_later": 1}
    return value


def lost(said: Any, understood: Any, where: str = "") -> list[str]:
    """The places of a document that are missing or different in what became of it; additions do not count."""
    if isinstance(said, dict) and isinstance(understood, dict):
        return [place for name in said for place in lost(said[name], understood.get(name), f"{where}/{name}")]
    if isinstance(said, list) and isinstance(understood, list) and len(said) == len(understood):
        pairs = enumerate(zip(said, understood, strict=True))
        return [place for index, pair in pairs for place in lost(*pair, f"{where}/{index}")]
    return [] if said == understood else [where]


def test_there_is_a_sample_of_every_event_and_of_nothing_else() -> None:
    assert sorted(path.stem for path in SAMPLES.iterdir()) == KINDS


@pytest.mark.parametrize("kind", KINDS)
def test_a_sample_is_what_its_snapshot_describes(kind: str) -> None:
    snapshot = json.loads((FOLDER / f"{kind}.json").read_text())

    jsonschema.validate(json.loads(sample(kind))["data"], snapshot)


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_that_a_sample_says_is_lost_on_its_reader(kind: str) -> None:
    """So that a field that was renamed or retyped cannot hide behind a default."""
    (envelope,) = decode(sample(kind))

    assert lost(envelope.cloud.data, json.loads(envelope.event.model_dump_json())) == []


@pytest.mark.parametrize(
    ("consumer", "kind"), [(consumer, entry.event.kind) for entry in CATALOG for consumer in entry.consumers]
)
def test_a_consumer_reads_the_published_sample(consumer: str, kind: str) -> None:
    service = importlib.import_module(f"orchestra.{consumer}.service").service
    (subscription,) = [each for each in service.subscriptions if each.event.kind == kind]
    (envelope,) = decode(sample(kind))

    assert isinstance(envelope.event, subscription.event)
    assert envelope.kind == kind
    assert envelope.cloud.subject == envelope.event.subject
    assert envelope.cloud.workspaceid == envelope.event.workspace_id


@pytest.mark.parametrize("kind", KINDS)
def test_fields_that_a_newer_publisher_adds_are_ignored(kind: str) -> None:
    newer = json.loads(sample(kind))
    newer = {**newer, "addedlater": 1, "data": with_unknown_fields(newer["data"])}
    for name in {"files", "totals"} & newer["data"].keys():
        del newer["data"][name]["added_later"]  # a map by design: there it would be one more entry

    assert decode(json.dumps(newer))[0].event == decode(sample(kind))[0].event


def test_a_renamed_field_is_found() -> None:
    assert lost({"a": [{"old": 1}]}, {"a": [{"new": 1}], "b": 2}) == ["/a/0/old"]
