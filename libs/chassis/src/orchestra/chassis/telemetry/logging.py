"""Structured logs: one canonical line for each request and each delivery, on standard error."""

import logging
import sys
from contextlib import suppress
from typing import Any, TextIO

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from orchestra.chassis.telemetry.tracing import trace_id


def _add_trace(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
    del logger, method
    if found := trace_id():
        event.setdefault("trace_id", found)
    return event


class _WhatItTakes:
    """Standard error, or as much of it as can be written: a full disk behind it must not break what is logged."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        with suppress(OSError, ValueError):  # full, cut off, or closed
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        with suppress(OSError, ValueError):  # full, cut off, or closed
            self._stream.flush()


SHARED: tuple[Processor, ...] = (
    structlog.contextvars.merge_contextvars,
    structlog.processors.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    _add_trace,
)

CONSOLE: Processor = structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
"""The library's own renders the value of every local variable: slow, and secrets are among them."""

structlog.configure(processors=[*SHARED, CONSOLE])  # until somebody configures it


def configure_logging(level: str = "info", *, json: bool | None = None) -> None:
    """JSON lines unless a person watches; other libraries' records from `warning` up take the same way."""
    if json is None:
        json = not sys.stderr.isatty()
    renderer = structlog.processors.JSONRenderer() if json else CONSOLE
    stream: Any = _WhatItTakes(sys.stderr)
    structlog.configure(
        processors=[*SHARED, structlog.processors.format_exc_info, renderer] if json else [*SHARED, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.PrintLoggerFactory(stream),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*SHARED, structlog.stdlib.add_logger_name],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)


def logger(room: str) -> Any:
    """A logger whose lines carry the room they come from."""
    return structlog.get_logger(room=room)
