"""Keeps one command at a time: starts it in its cage, streams its output, keeps its limits, and ends all of it.

A keeper whose command came to a plain end takes the next one: to fork an interpreter costs more than most commands do.
Nothing of a command stays in it but the memory that it once needed.
"""

import errno
import json
import os
import resource
import select
import signal
import socket
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Protocol

from orchestra.executor.adapters.sandbox import kernel
from orchestra.executor.adapters.sandbox.bubblewrap import BubblewrapCage
from orchestra.executor.adapters.sandbox.group import Group
from orchestra.executor.adapters.sandbox.landlock import LandlockCage
from orchestra.executor.adapters.sandbox.request import Request
from orchestra.executor.adapters.sandbox.watch import Watch

NO_ROOM = (errno.ENOSPC, errno.EDQUOT)
TAIL_CHARACTERS = 2000
_MOMENT_S = 0.001
IDLE = b"."
"""What a keeper says to the warden when nothing of its command is left, and it can take another."""


class _Abandoned(Exception):
    """The executor or the warden is gone, and with it whoever wanted the outcome."""


class Cage(Protocol):
    @property
    def processes(self) -> int:
        """Of its own, that are counted with the command's."""
        ...

    def start(self, output: int) -> int:
        """Starts the command with `output` for what it prints; the process that it ends with.

        Raises OSError with what went wrong before it became the command.
        """
        ...

    def started(self, to_proxy: int | None) -> None:
        """Lets it begin, after a socket in its network was sent to its proxy, where it has one."""

    def signal(self, number: int) -> bool:
        """To every process of the command; False when there is none to hear it."""
        ...

    def end(self) -> None:
        """Kills the command: at least every process of it that is a child of the keeper, and all that depend on one."""

    def exit_code(self, status: int) -> int: ...

    def tidy(self) -> None:
        """Removes what the cage made, when no process is left."""


def serve(post: socket.socket, life: int) -> None:
    """One command after the other, each as the descriptors that the warden sends; until that has no more.

    `life` hangs up when the warden is gone.
    """
    kernel.prctl(kernel.PR_SET_CHILD_SUBREAPER, 1)
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})  # to be waited for, see `_end_all`
    while True:
        try:
            _, fds, _, _ = socket.recv_fds(post, 1, 3)
        except ConnectionResetError:
            return
        if len(fds) < 2:
            return
        for fd in fds:  # received descriptors would be handed on to the command
            os.set_inheritable(fd, False)
        channel, log, *to_proxy = fds
        plain = keep(socket.socket(fileno=channel), Way(log, life, *to_proxy), post)
        for fd in (log, *to_proxy):
            os.close(fd)
        if not plain:
            return


@dataclass(frozen=True)
class Way:
    """Descriptors beside the socket to the executor."""

    log: int
    life: int
    """Hangs up when the warden is gone."""
    to_proxy: int | None = None
    """Whoever waits there for a socket in the command's network."""


def keep(channel: socket.socket, way: Way, post: socket.socket) -> bool:
    """Serves one request of the executor; False when it came to no plain end."""
    with channel, channel.makefile("rb") as lines:
        request = Request.from_line(lines.readline())
        try:
            answer: dict[str, Any] = {"ended": Keeper(request, channel, way).run()}
        except _Abandoned:
            return False
        except Exception as fault:  # noqa: BLE001 - whatever it was, the executor has to hear of it
            full = getattr(fault.__cause__ or fault, "errno", None) in NO_ROOM
            answer = {"failed": f"{fault}", "full": full}
        # Before the executor hears of the end, so that its next command finds this keeper waiting.
        plain = "ended" in answer and _said(post, IDLE)
        _said(channel, json.dumps(answer).encode() + b"\n")
    return plain


def _said(to: socket.socket, message: bytes) -> bool:
    """False when nobody is left to hear it."""
    try:
        to.sendall(message)
    except (BrokenPipeError, ConnectionResetError):
        return False
    return True


class Usage:
    """Of all processes of one command: this keeper's own count goes on over all that it has kept."""

    def __init__(self) -> None:
        self.cpu_s = 0.0
        self.peak_kb = 0

    def add(self, of: resource.struct_rusage) -> None:
        """What was waited for, with all that it had waited for itself."""
        self.cpu_s += of.ru_utime + of.ru_stime
        self.peak_kb = max(self.peak_kb, of.ru_maxrss)


class Keeper:
    def __init__(self, request: Request, channel: socket.socket, way: Way) -> None:
        self._request = request
        self._channel = channel
        self._way = way
        self._output, self._write_end = os.pipe()
        self._written = 0
        self._tail = b""
        self._poll = select.poll()
        self._usage = Usage()
        self._group = Group(request.group)

    def run(self) -> dict[str, Any]:
        request = self._request
        # Makes this process unable to signal anything but the command, so it comes before there is one.
        cage: Cage = {"landlock": LandlockCage, "bubblewrap": BubblewrapCage}[request.cage](request, self._group)
        try:
            return self._supervise(cage)
        except OSError as fault:
            self._drain()  # what the cage said about it
            raise OSError(f"{fault} {self._tail.decode(errors='replace')}".strip()) from fault
        finally:
            self._group.remove()
            cage.tidy()
            os.close(self._output)

    def _supervise(self, cage: Cage) -> dict[str, Any]:
        began, limits = time.monotonic(), self._request.limits
        try:
            self._group.make(limits.memory_bytes, limits.processes + cage.processes)
            pid = cage.start(self._write_end)
        finally:
            os.close(self._write_end)
        exited = os.pidfd_open(pid)
        try:
            cage.started(self._way.to_proxy)
            _said(self._channel, json.dumps({"started": pid}).encode() + b"\n")
            stopped = self._wait(cage, exited, began)
        finally:
            os.close(exited)
            status = self._end_all(cage, pid)
        duration = time.monotonic() - began
        if not self._drain() and stopped is None:
            stopped = "output"
        if stopped is None and self._group.ran_out_of_memory():  # its end may have come before a look at the limits
            stopped = "memory"
        return {
            "exit_code": cage.exit_code(status) if stopped is None else None,
            "stopped": stopped,
            "tail": self._tail.decode(errors="replace")[-TAIL_CHARACTERS:],
            "log_bytes": self._written,
            "duration_ms": round(duration * 1000),
            "cpu_ms": round(self._usage.cpu_s * 1000),
            "peak_kb": self._group.peak_kb() or self._usage.peak_kb,
        }

    def _wait(self, cage: Cage, exited: int, began: float) -> str | None:
        """Until the command's first process has ended or may not go on: why it was stopped, None if it was not."""
        for fd in (exited, self._output, self._way.life, self._channel.fileno()):
            self._poll.register(fd, select.POLLIN)
        watch = Watch(self._request, os.getpid(), self._group)
        deadline = began + min(self._request.timeout_s, self._request.limits.wall_s)
        stop: str | None = None
        while True:
            ready = self._ready(min(deadline, watch.due))
            if self._way.life in ready or ready.get(self._channel.fileno(), 0) & select.POLLHUP:
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
            kept = kept[os.write(self._way.log, kept) :]
        return len(chunk) <= room

    def _drain(self) -> bool:
        """The rest of the output, when nobody is left to write more; False when the whole was too much."""
        os.set_blocking(self._output, False)
        within = True
        with suppress(BlockingIOError):
            while chunk := os.read(self._output, 65536):
                within = self._keep(chunk) and within
        return within

    def _end_all(self, cage: Cage, pid: int) -> int:
        """Until this keeper has no child, and hence the command no process: the status that `pid` ended with.

        Again and again, as what loses its parent meanwhile becomes a child of this keeper.
        """
        status = 0
        self._group.kill()
        with suppress(ChildProcessError):
            while True:
                cage.end()
                found, ended, used = os.wait4(-1, os.WNOHANG)
                if found == 0:
                    signal.sigtimedwait({signal.SIGCHLD}, _MOMENT_S)
                else:
                    self._usage.add(used)
                status = ended if found == pid else status
        return status
