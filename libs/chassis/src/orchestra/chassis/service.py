"""The manifest of a service: everything it is made of, declared in one object, and how it is wired."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from fastapi import APIRouter, FastAPI
from sqlalchemy import MetaData

from orchestra.chassis.clock import Clock
from orchestra.chassis.database.unit_of_work import Database, UnitOfWork
from orchestra.chassis.findings import Diagnose
from orchestra.chassis.loops import Loop
from orchestra.chassis.messaging.subscriptions import Subscriptions
from orchestra.chassis.messaging.transport import Check, Inbound
from orchestra.chassis.readings import Look, Read
from orchestra.chassis.settings import ServiceSettings
from orchestra.chassis.streams import LocalStreams, Streams
from orchestra.chassis.wakeups import Wakeups

W = TypeVar("W", bound=UnitOfWork)
S = TypeVar("S", bound=ServiceSettings)


@dataclass
class Room(Generic[W, S]):
    """What a service finds at its start, and where it leaves what it brings."""

    settings: S
    database: Database[W]
    wakeups: Wakeups
    clock: Clock
    app: FastAPI
    loops: list[Loop] = field(default_factory=list[Loop])
    """Run from the start to the stop of the service."""
    checks: dict[str, Check] = field(default_factory=dict[str, Check])
    """Asked by /readyz."""
    advisory: set[str] = field(default_factory=set[str])
    """Names of checks that are shown and do not decide readiness: the service does its work without them."""
    notes: dict[str, str] = field(default_factory=dict[str, str])
    """Shown by /readyz beside the checks."""
    on_stop: list[Callable[[], Awaitable[None]]] = field(default_factory=list[Callable[[], Awaitable[None]]])
    """Called in reverse order once the loops have ended and before the database is closed."""
    streams: Streams = field(default_factory=LocalStreams)
    """What is watched while it happens; the processes with the same Redis, or of one host, share it."""
    reads: list[Read] = field(default_factory=list[Read])
    """Gauges of its own, from its database."""
    looks: list[Look] = field(default_factory=list[Look])
    """And from elsewhere."""
    diagnoses: list[Diagnose] = field(default_factory=list[Diagnose])
    """What they say is not well."""
    inbound: Inbound | None = None
    """Who serves the inbound door, where the broker has one."""


@dataclass(frozen=True)
class Service(Generic[W, S]):
    """A service. `wire` is its composition root: it adds loops, checks and what endpoints need in `app.state`."""

    name: str
    settings: type[S]
    work: type[W]
    metadata: MetaData
    migrations: str
    """The package that holds `versions/`."""
    subscriptions: Subscriptions
    routers: Sequence[APIRouter]
    refusals: Mapping[type[Exception], int]
    """{domain error: HTTP status}"""
    bindings: Mapping[str, Sequence[str]]
    """The whole topology, {service: kinds}, from the catalog."""
    wire: Callable[[Room[W, Any]], Awaitable[None]] | None = None
    front: bool = False
    """Faces users: what is for operators asks for their key here. It also watches the queues of all services."""
    streamed: tuple[str, ...] = ()
    """Path prefixes whose request bodies are streams with limits of their own."""
