"""Log lines: structured, with their trace, without the values of variables."""

import errno
import io
import json
import logging
import sys
from collections.abc import Iterator

import pytest
import structlog

from orchestra.chassis.telemetry.logging import CONSOLE, SHARED, configure_logging, logger
from orchestra.chassis.telemetry.tracing import span, trace_id, traceparent


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    structlog.reset_defaults()
    structlog.configure(processors=[*SHARED, CONSOLE])
    root.handlers[:] = handlers
    root.setLevel(level)


def fail(secret: str) -> None:
    hidden = secret.upper()
    raise ValueError(len(hidden))


@pytest.mark.parametrize("configured", ["not", "console", "json"])
def test_a_traceback_shows_no_variables(configured: str, capsys: pytest.CaptureFixture[str]) -> None:
    if configured != "not":
        configure_logging(json=configured == "json")
    try:
        fail("sword" + "fish")
    except ValueError:
        logger("test").exception("failed", at="here")

    written = "".join(capsys.readouterr())
    assert "raise ValueError(len(hidden))" in written
    assert "swordfish" not in written.lower()


def test_a_json_line_has_its_room_level_time_and_trace(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging(json=True)
    with span("test", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"):
        logger("kitchen").info("done", dishes=3)

    line = json.loads(capsys.readouterr().err)
    assert line.pop("timestamp").endswith("Z")
    assert line == {
        "event": "done",
        "level": "info",
        "room": "kitchen",
        "dishes": 3,
        "trace_id": "0af7651916cd43dd8448eb211c80319c",
    }


def test_other_libraries_are_heard_from_warnings_up_in_the_same_form(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging(json=True)
    logging.getLogger("library").info("not this")
    logging.getLogger("library").warning("but %s", "this")

    line = json.loads(capsys.readouterr().err)
    assert (line["event"], line["level"], line["logger"]) == ("but this", "warning", "library")


def test_debug_lines_need_the_level(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("info", json=True)
    logger("test").debug("quiet")
    configure_logging("debug", json=True)
    logger("test").debug("loud")

    assert [json.loads(line)["event"] for line in capsys.readouterr().err.splitlines()] == ["loud"]


def test_a_span_goes_on_with_the_trace_it_is_given() -> None:
    with span("outer"):
        outer, parent = trace_id(), traceparent()
        with span("inner"):
            assert trace_id() == outer
    with span("elsewhere", parent):
        assert trace_id() == outer
        assert traceparent() != parent
    with span("new"):
        assert trace_id() != outer


@pytest.mark.parametrize("parent", ["", "nonsense", "00-0-0-00", "00-" + "0" * 32 + "-" + "0" * 16 + "-01"])
def test_a_trace_that_makes_no_sense_begins_anew(parent: str) -> None:
    with span("test", parent):
        assert len(trace_id() or "") == 32


class Full(io.StringIO):
    def write(self, text: str) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")


def test_a_disk_that_takes_no_line_breaks_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", Full())
    configure_logging(json=True)
    logger("kitchen").info("done")
    logging.getLogger("another").warning("done")
