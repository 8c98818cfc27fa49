"""The envelope on the wire."""

import json

import pytest
from libs.chassis.tests.example.events import AT, NoteTaken, envelope, note

from orchestra.chassis.messaging.message import Envelope, Undecodable, decode, pack, wrap


def test_an_envelope_is_a_cloud_event_and_comes_back_the_same() -> None:
    sent = wrap(note("ü", sequence=7), event_id="evt_1", source="/s", time=AT, traceparent="00-1", causation_id="evt_0")

    content = json.loads(sent.to_json())
    assert content == {
        "specversion": "1.0",
        "id": "evt_1",
        "source": "/s",
        "type": "orchestra.note.taken.v1",
        "subject": "not_1",
        "time": "2026-11-20T09:30:00Z",
        "datacontenttype": "application/json",
        "workspaceid": "wsp_1",
        "sequence": 7,
        "traceparent": "00-1",
        "correlationid": "evt_1",
        "causationid": "evt_0",
        "data": {"workspace_id": "wsp_1", "project_id": "prj_1", "sequence": 7, "note_id": "not_1", "text": "ü"},
    }
    for event in (None, NoteTaken):
        [received] = decode(sent.to_json(), event)
        assert (attributes(received), received.event, received.kind) == (attributes(sent), sent.event, "note.taken.v1")
        assert json.loads(received.to_json()) == json.loads(sent.to_json())


def attributes(envelope: Envelope) -> dict[str, object]:
    return envelope.cloud.model_dump(exclude={"data"})


def test_what_a_newer_publisher_adds_is_ignored() -> None:
    content = json.loads(envelope(note("a")).to_json())
    content["data"]["colour"] = "red"
    content["extension"] = "x"

    assert decode(json.dumps(content))[0].event == note("a")


@pytest.mark.parametrize("count", [1, 3])
def test_packed_envelopes_come_back_in_order(count: int) -> None:
    sent = [envelope(note(str(number))) for number in range(count)]

    for event in (None, NoteTaken):
        received = decode(pack([each.to_json() for each in sent]), event)
        assert [(attributes(each), each.event) for each in received] == [(attributes(e), e.event) for e in sent]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"7",
        b"{}",
        b'"text"',
        b"[7]",
        b"\xff\xfe",
        b"{" * 100_000,
        b"[" * 100_000,
        b'{"id": NaN}',
        envelope(note("a")).to_json().replace('"evt_', '"' + "x" * 64).encode(),
        envelope(note("a")).to_json().replace('"data":{', '"data":[{').encode(),
    ],
)
def test_what_is_no_cloud_event_is_undecodable(body: bytes) -> None:
    for event in (None, NoteTaken):
        with pytest.raises(Undecodable):
            decode(body, event)


def test_an_event_of_an_unknown_kind_is_undecodable_when_it_is_looked_at() -> None:
    [unknown] = decode(envelope(note("a")).to_json().replace("note.taken.v1", "note.burnt.v1"))

    with pytest.raises(Undecodable, match=r"note\.burnt\.v1"):
        _ = unknown.event


def test_one_that_is_no_fact_of_the_expected_kind_spoils_no_other() -> None:
    sound, other = envelope(note("a")).to_json(), envelope(note("b")).to_json()
    strange = [other.replace('"text":', '"test":'), other.replace("note.taken.v1", "note.burnt.v1")]

    for each in strange:
        first, second = decode(f"[{sound},{each}]", NoteTaken)
        assert first.event == note("a")
        with pytest.raises(Undecodable):
            _ = second.event
