"""One process per command: starts it in its cage, streams its output, keeps its limits, and ends all of it."""

import errno
import json
import os
import resource
import select
import signal
import socket
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn, Protocol

from orchestra.executor.adapters.sandbox import kernel
from orchestra.executor.adapters.sandbox.bubblewrap import BubblewrapCage
from orchestra.executor.adapters.sandbox.landlock import LandlockCage
from orchestra.executor.adapters.sandbox.request import Request
from orchestra.executor.adapters.sandbox.watch import Watch

NO_ROOM = (errno.ENOSPC, errno.EDQUOT)
TAIL_CHARACTERS = 2000
_MOMENT_S = 0.001
UNHEEDED = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
"""What is sent to all of a service or a terminal: when warden and keepers end is the executor's to say."""


class _Abandoned(Exception):
    """The executor or the warden is gone, and with it whoever wanted the outcome."""


class Cage(Protocol):
    def enter(self) -> None:
        """In the child: becomes the command. Returns only by raising."""

    def started(self, pid: int) -> None:
        """In the keeper, once `pid` has become the command or what starts it."""

    def signal(self, number: int) -> bool:
        """To every process of the command; False when there is none to hear it."""
        ...

    def end(self) -> None:
        """Kills the command: at least every process of it that is a child of the keeper, and all that depend on one."""

    def exit_code(self, status: int) -> int: ...

    def tidy(self) -> None:
        """Removes what the cage made, when no process is left."""


def keep(channel: socket.socket, log: int, life: int) -> None:
    """Serves one request of the executor, then returns. `life` hangs up when the warden is gone."""
    with channel, channel.makefile("rb") as lines:
        request = Request.from_line(lines.readline())
        try:
            answer: dict[str, Any] = {"ended": Keeper(request, channel, log, life).run()}
        except _Abandoned:
            return
        except Exception as fault:  # noqa: BLE001 - whatever it was, the executor has to hear of it
            full = getattr(fault.__cause__ or fault, "errno", None) in NO_ROOM
            answer = {"failed": f"{fault}", "full": full}
        _tell(channel, answer)


def _tell(channel: socket.socket, answer: dict[str, Any]) -> None:
    with suppress(BrokenPipeError, ConnectionResetError):  # the executor is gone; it wants no answer
        channel.sendall(json.dumps(answer).encode() + b"\n")


class Keeper:
    def __init__(self, request: Request, channel: socket.socket, log: int, life: int) -> None:
        self._request = request
        self._channel = channel
        self._log = log
        self._life = life
        self._output, self._write_end = os.pipe()
        self._written = 0
        self._tail = b""
        self._poll = select.poll()

    def run(self) -> dict[str, Any]:
        kernel.prctl(kernel.PR_SET_CHILD_SUBREAPER, 1)
        # Makes this process unable to signal anything but the command, so it comes before there is one.
        cage: Cage = {"landlock": LandlockCage, "bubblewrap": BubblewrapCage}[self._request.cage](self._request)
        try:
            return self._supervise(cage)
        except OSError as fault:
            self._drain()  # what the cage said about it
            raise OSError(f"{fault} {self._tail.decode(errors='replace')}".strip()) from fault
        finally:
            cage.tidy()

    def _supervise(self, cage: Cage) -> dict[str, Any]:
        began = time.monotonic()
        pid = self._start(cage)
        try:
            cage.started(pid)
            _tell(self._channel, {"started": pid})
            stopped = self._wait(cage, os.pidfd_open(pid), began)
        finally:
            status = _end_all(cage, pid)
        duration = time.monotonic() - began
        if not self._drain() and stopped is None:
            stopped = "output"
        usage = resource.getrusage(resource.RUSAGE_CHILDREN)
        return {
            "exit_code": cage.exit_code(status) if stopped is None else None,
            "stopped": stopped,
            "tail": self._tail.decode(errors="replace")[-TAIL_CHARACTERS:],
            "log_bytes": self._written,
            "duration_ms": round(duration * 1000),
            "cpu_ms": round((usage.ru_utime + usage.ru_stime) * 1000),
            "peak_kb": usage.ru_maxrss,
        }

    def _start(self, cage: Cage) -> int:
        """Raises OSError with what went wrong in the child before it became the command."""
        heard, said = os.pipe()
        pid = os.fork()
        if pid == 0:
            self._become(cage, said)
        os.close(said)
        os.close(self._write_end)
        with os.fdopen(heard, "rb") as report:
            fault = report.read()  # until the child has become the command, or has ended
        if fault:
            os.waitpid(pid, 0)
            raise OSError(fault.decode())
        return pid

    def _become(self, cage: Cage, said: int) -> NoReturn:
        try:
            os.setsid()
            os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
            os.dup2(self._write_end, 1)
            os.dup2(self._write_end, 2)
            os.umask(0o022)
            with suppress(OSError):  # where memory runs out, commands go first
                Path("/proc/self/oom_score_adj").write_text("1000")
            for ignored in (*UNHEEDED, signal.SIGPIPE, signal.SIGXFSZ):  # the last two are ignored by Python itself
                signal.signal(ignored, signal.SIG_DFL)
            cage.enter()
        except BaseException as fault:  # noqa: BLE001 - the keeper has to hear of it, whatever it was
            os.write(said, f"{fault}"[:1000].encode())
        finally:
            os._exit(127)

    def _wait(self, cage: Cage, exited: int, began: float) -> str | None:
        """Until the command's first process has ended or may not go on: why it was stopped, None if it was not."""
        for fd in (exited, self._output, self._life, self._channel.fileno()):
            self._poll.register(fd, select.POLLIN)
        watch = Watch(self._request, os.getpid())
        deadline = began + min(self._request.timeout_s, self._request.limits.wall_s)
        stop: str | None = None
        while True:
            ready = self._ready(min(deadline, watch.due))
            if self._life in ready or ready.get(self._channel.fileno(), 0) & select.POLLHUP:
                raise _Abandoned
            if self._output in ready and not self._pump():
                return "output"
            if exited in ready:
                return stop
            late = time.monotonic() >= deadline
            if stop is None and (late or self._channel.fileno() in ready):
                stop, deadline = "timeout" if late else "cancelled", time.monotonic() + self._request.grace_s
                self._poll.modify(self._channel, 0)  # that it hung up half is known now
                late = not cage.signal(signal.SIGTERM)  # what has not begun yet has nothing to tidy up
            if stop and late:
                return stop
            if excess := watch.excess():
                return excess

    def _ready(self, until: float) -> dict[int, int]:
        return dict(self._poll.poll(max(0.0, until - time.monotonic()) * 1000 + 1))

    def _pump(self) -> bool:
        """Moves what the command wrote to the log; False when that was more than it may write."""
        chunk = os.read(self._output, 65536)
        if not chunk:
            self._poll.unregister(self._output)
        return self._keep(chunk)

    def _keep(self, chunk: bytes) -> bool:
        room = self._request.limits.output_bytes - self._written
        kept = chunk[:room]
        self._written += len(kept)
        self._tail = (self._tail + kept)[-4 * TAIL_CHARACTERS :]  # a character takes four bytes at most
        while kept:
            kept = kept[os.write(self._log, kept) :]
        return len(chunk) <= room

    def _drain(self) -> bool:
        """The rest of the output, when nobody is left to write more; False when the whole was too much."""
        os.set_blocking(self._output, False)
        within = True
        with suppress(BlockingIOError):
            while chunk := os.read(self._output, 65536):
                within = self._keep(chunk) and within
        return within


def _end_all(cage: Cage, pid: int) -> int:
    """Until this keeper has no child, and hence the command no process: the status that `pid` ended with.

    Again and again, as what loses its parent meanwhile becomes a child of this keeper.
    """
    status = 0
    with suppress(ChildProcessError):
        while True:
            cage.end()
            found, ended = os.waitpid(-1, os.WNOHANG)
            if found == 0:
                time.sleep(_MOMENT_S)
            status = ended if found == pid else status
    return status
