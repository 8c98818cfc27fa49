"""What a service reads of itself when it is asked: its gauges, and what they say is not well."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any

from orchestra.chassis.database.unit_of_work import Database
from orchestra.chassis.errors import ChassisError
from orchestra.chassis.findings import Diagnose, Finding
from orchestra.chassis.telemetry.logging import logger
from orchestra.chassis.telemetry.metrics import SOURCES, Reading, gauge

log = logger("readings")

FRESH_S = 5.0
"""A scrape within this time after another one is answered from the same readings."""

LIMIT_S = 8.0

Read = Callable[[Any], Awaitable[Iterable[Reading]]]
"""Reads gauges from a view of the service's database: a few queries that an index answers."""

Look = Callable[[], Awaitable[Iterable[Reading]]]
"""Looks at anything else: a pool, a disk, the broker."""

DATABASE_UP = gauge("orchestra.database.up", "", "1 when the service's database answered the last time, else 0.")


READINGS: "list[Readings]" = []
"""Those of every service that runs in this process."""


class Readings:
    """The newest readings of one service. What could not be read is not shown at all, rather than as it once was."""

    def __init__(self, service: str, database: Database[Any]) -> None:
        self._service = service
        self._database = database
        self._lock = asyncio.Lock()
        self._newest: Sequence[Reading] = ()
        self._at = float("-inf")
        self.reads: list[Read] = []
        self.looks: list[Look] = []
        self.diagnoses: list[Diagnose] = []

    async def newest(self) -> Sequence[Reading]:
        async with self._lock:
            if time.monotonic() - self._at > FRESH_S:
                self._newest = await self._read()
                self._at = time.monotonic()
        return self._newest

    async def _read(self) -> Sequence[Reading]:
        found = await self._bounded(self._from_database())
        up = Reading(DATABASE_UP, found is not None, {"service": self._service})
        looked = [await self._bounded(look()) or () for look in self.looks]
        return [up, *(found or ()), *(reading for each in looked for reading in each)]

    async def _from_database(self) -> Iterable[Reading]:
        async with self._database.read() as view:
            return [reading for read in self.reads for reading in await read(view)]

    async def _bounded(self, reading: Awaitable[Iterable[Reading]]) -> Iterable[Reading] | None:
        try:
            async with asyncio.timeout(LIMIT_S):
                return await reading
        except (ChassisError, TimeoutError, OSError) as error:
            log.warning("readings are missing", service=self._service, reason=str(error) or "no answer")
            return None

    async def findings(self) -> list[Finding]:
        readings = await self.newest()
        return [finding for diagnose in self.diagnoses for finding in diagnose(readings)]

    def show(self) -> None:
        """Be seen by whoever collects the measures of this process."""
        SOURCES.append(self._shown)
        READINGS.append(self)

    def hide(self) -> None:
        if self._shown in SOURCES:
            SOURCES.remove(self._shown)
            READINGS.remove(self)

    def _shown(self) -> Sequence[Reading]:
        return self._newest
