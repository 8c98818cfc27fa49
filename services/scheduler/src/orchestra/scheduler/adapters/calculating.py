"""The process that calculates the schedules of large projects: `python -m orchestra.scheduler.adapters.calculating`.

It is asked in lines of JSON on its input and answers on its output: how many messages, then each with its length, as
pickles: what the calculation came to without the tasks that moved, and these in several. It ends when its input does.
"""

import asyncio
import gc
import json
import os
import pickle
import signal
import sys
import traceback
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import BinaryIO

from orchestra.chassis.database.unit_of_work import Database
from orchestra.chassis.errors import ChassisError
from orchestra.scheduler.adapters.work import SqlSchedulingWork
from orchestra.scheduler.application.project_ports import Calculated
from orchestra.scheduler.application.recalculate import calculated

LENGTH = 8
"""Bytes of a number."""

IN_ONE_MESSAGE = 5_000
"""Tasks that moved."""


@dataclass(frozen=True)
class Away:
    """The database is."""

    reason: str


@dataclass(frozen=True)
class _At:
    """The instant of whoever asks."""

    instant: datetime

    def now(self) -> datetime:
        return self.instant


async def answer(request: str) -> Calculated | Away | str | None:
    """The calculation, or as text why there is none."""
    asked = json.loads(request)
    clock = _At(datetime.fromisoformat(asked["now"]))
    database = Database(asked["url"], "scheduler", SqlSchedulingWork, clock=clock, pool_size=1)
    try:
        return await calculated(database.read, (asked["workspace"], asked["project"]))
    except ChassisError as error:
        return Away(str(error))
    except Exception:  # noqa: BLE001 - whoever asked tells of it
        return traceback.format_exc()
    finally:
        await database.close()


def messages(found: Calculated | Away | str | None) -> Iterator[bytes]:
    planned = found.planned if isinstance(found, Calculated) else ()
    yield pickle.dumps(replace(found, planned=()) if isinstance(found, Calculated) else found)
    for at in range(0, len(planned), IN_ONE_MESSAGE):
        yield pickle.dumps(planned[at : at + IN_ONE_MESSAGE])


def main(asked: Iterator[str], answers: BinaryIO) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the service, which ends this
    gc.disable()  # what is made for a calculation goes with it, and has no cycles to speak of
    for request in asked:
        said = list(messages(asyncio.run(answer(request))))
        answers.write(len(said).to_bytes(LENGTH, "big"))
        for message in said:
            answers.write(len(message).to_bytes(LENGTH, "big"))
            answers.write(message)
        answers.flush()
        said.clear()
        gc.collect()


if __name__ == "__main__":
    # What libraries print must not come between the answers.
    output = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    main(iter(sys.stdin.readline, ""), output)
