"""Starts a process that becomes a command by steps of our own, and hears of them when one fails."""

import os
import signal
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

UNHEEDED = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
"""What is sent to all of a service or a terminal: when warden and keepers end is the executor's to say."""
IGNORED = (*UNHEEDED, signal.SIGPIPE, signal.SIGXFSZ)
"""By a keeper, the last two as by every Python; a command finds them as usual."""
OOM_FIRST = "1000"
"""Where memory runs out, commands go first."""


def start(enter: Callable[[], None], output: int) -> int:
    """`enter` becomes the command, in a child with `output` for what it prints; it returns only by raising.

    Raises OSError with what went wrong in the child before it became the command.
    """
    heard, said = os.pipe()
    pid = os.fork()
    if pid == 0:
        _become(enter, output, said)
    os.close(said)
    with os.fdopen(heard, "rb") as report:
        fault = report.read()  # until the child has become the command, or has ended
    if fault:
        os.waitpid(pid, 0)
        raise OSError(fault.decode())
    return pid


def _become(enter: Callable[[], None], output: int, said: int) -> NoReturn:
    try:
        os.setsid()
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(output, 1)
        os.dup2(output, 2)
        with suppress(OSError):
            Path("/proc/self/oom_score_adj").write_text(OOM_FIRST)
        for ignored in IGNORED:
            signal.signal(ignored, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        enter()
    except BaseException as fault:  # noqa: BLE001 - the keeper has to hear of it, whatever it was
        os.write(said, f"{fault}"[:1000].encode())
    finally:
        os._exit(127)
