"""The process beside the executor that has the keepers: `python -m orchestra…sandbox.warden FD [FOLDER…]`.

FD is a socket to the executor. Each message of one byte brings the descriptors of a new command: the keeper's socket,
the log and, where it asks for hosts, the socket to its proxy. A keeper that waits gets them, or one that is forked for
them. When the socket closes, whether the executor asked for it or was killed, everything is ended; and the folders
that the commands' control groups were made in are removed.
"""

import gc
import os
import resource
import select
import signal
import socket
import sys
from collections import defaultdict
from contextlib import suppress
from dataclasses import dataclass
from types import FrameType
from typing import NoReturn

from orchestra.executor.adapters.sandbox import kernel
from orchestra.executor.adapters.sandbox.fork import UNHEEDED
from orchestra.executor.adapters.sandbox.group import sweep
from orchestra.executor.adapters.sandbox.keeper import serve

WAITING = max(2, os.cpu_count() or 2)
"""Keepers that are kept for the next command; more have been needed at once, and end."""


@dataclass
class Kept:
    """What the warden has of a keeper."""

    post: socket.socket
    channel: int | None
    """The command's socket to the executor, held open until nothing of the command is left."""


class Warden:
    def __init__(self, control: socket.socket) -> None:
        self._control = control
        self._keepers: dict[int, Kept] = {}
        # Keepers hold the reading end only: it hangs up when this process is gone, however it went.
        self._life, self._alive = os.pipe()
        self._woken, wake = os.pipe()
        os.set_blocking(self._woken, False)
        os.set_blocking(wake, False)
        self._poll = select.poll()
        signal.signal(signal.SIGCHLD, _wake)
        for number in UNHEEDED:
            signal.signal(number, signal.SIG_IGN)
        signal.set_wakeup_fd(wake, warn_on_full_buffer=False)

    def run(self) -> None:
        kernel.prctl(kernel.PR_SET_CHILD_SUBREAPER, 1)
        os.umask(0o022)
        if os.geteuid() == 0:
            os.setgroups([])  # of root's own: no command has them
        most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
        gc.freeze()  # what is here now is shared with every keeper; collecting it would only copy it
        self._poll.register(self._control, select.POLLIN)
        self._poll.register(self._woken, select.POLLIN)
        while True:
            ready = dict(self._poll.poll())
            if self._woken in ready:
                with suppress(BlockingIOError):
                    os.read(self._woken, 4096)
                self._reap(os.WNOHANG)
            for kept in [kept for kept in self._keepers.values() if kept.post.fileno() in ready]:
                self._hear(kept)
            if self._control.fileno() in ready and not self._serve():
                break
        os.close(self._alive)
        for kept in self._keepers.values():
            kept.post.shutdown(socket.SHUT_RDWR)
        self._reap(0)

    def _serve(self) -> bool:
        """Has a keeper take the command; False when the executor is gone."""
        try:
            message, fds, _, _ = socket.recv_fds(self._control, 1, 3)
        except ConnectionResetError:
            return False
        if not message:
            return False
        for fd in fds:
            os.set_inheritable(fd, False)
        try:
            self._give(fds)
        except (ValueError, OSError):  # no room for more descriptors or processes: the executor sees its socket close
            for fd in fds:
                os.close(fd)
            return True
        for fd in fds[1:]:
            os.close(fd)
        return True

    def _give(self, fds: list[int]) -> None:
        """Raises ValueError when descriptors are missing."""
        channel, _, *_ = fds
        for kept in [kept for kept in self._keepers.values() if kept.channel is None]:
            with suppress(BrokenPipeError):  # it was killed while it waited
                socket.send_fds(kept.post, [b"!"], fds)
                kept.channel = channel
                return
        kept = self._fork(*fds)
        socket.send_fds(kept.post, [b"!"], fds)
        kept.channel = channel

    def _fork(self, *on_the_way: int) -> Kept:
        """A keeper, which lets go of what is about to be handed to it."""
        ours, theirs = socket.socketpair()
        with theirs:
            pid = os.fork()
            if pid == 0:
                self._become_keeper(theirs, ours.fileno(), *on_the_way)
        self._poll.register(ours, select.POLLIN)
        self._keepers[pid] = kept = Kept(ours, None)
        return kept

    def _become_keeper(self, post: socket.socket, *unneeded: int) -> NoReturn:
        try:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            self._control.close()
            for kept in self._keepers.values():
                kept.post.close()
                if kept.channel is not None:
                    os.close(kept.channel)
            for fd in (self._alive, self._woken, *unneeded):
                os.close(fd)
            serve(post, self._life)
            os._exit(0)
        finally:
            os._exit(1)

    def _hear(self, kept: Kept) -> None:
        """Nothing of its command is left; or it has ended, and will be reaped."""
        try:
            said = kept.post.recv(1)
        except ConnectionResetError:
            said = b""
        idle = sum(other.channel is None for other in self._keepers.values())
        if not said or idle >= WAITING:
            self._poll.unregister(kept.post)
            kept.post.shutdown(socket.SHUT_RDWR)
        if said and kept.channel is not None:
            os.close(kept.channel)
            kept.channel = None

    def _reap(self, how: int) -> None:
        """Buries keepers that have ended, and ends what a killed one left behind: that became our own child."""
        with suppress(ChildProcessError):
            while (found := os.waitpid(-1, how)) != (0, 0):
                pid, status = found
                kept = self._keepers.pop(pid, None)
                if kept is None or status != 0:
                    self._end_strays()
                if kept is not None:
                    self._forget(kept)

    def _forget(self, kept: Kept) -> None:
        with suppress(KeyError):
            self._poll.unregister(kept.post)
        kept.post.close()
        if kept.channel is not None:
            os.close(kept.channel)

    def _end_strays(self) -> None:
        """All are stopped before any is killed: those killed one by one may start others meanwhile."""
        seen: set[int] = set()
        while found := self._strays():
            number = signal.SIGKILL if found <= seen else signal.SIGSTOP
            for pid in found:
                with suppress(ProcessLookupError):
                    os.kill(pid, number)
                with suppress(ChildProcessError):
                    os.waitpid(pid, os.WNOHANG)
            seen |= found

    def _strays(self) -> set[int]:
        """What descends from this process and from no keeper."""
        children: dict[int, list[int]] = defaultdict(list)
        for pid, parent in kernel.parents().items():
            children[parent].append(pid)
        pending = [pid for pid in children[os.getpid()] if pid not in self._keepers]
        found: set[int] = set()
        while pending:
            found.add(pid := pending.pop())
            pending += children[pid]
        return found


def _wake(number: int, frame: FrameType | None) -> None:
    """A signal without a handler would not be written to the wake-up descriptor."""


def main() -> None:
    with socket.socket(fileno=int(sys.argv[1])) as control:
        Warden(control).run()
    with suppress(OSError):  # what is left of them the executor removes, or the next one
        sweep(sys.argv[2:])


if __name__ == "__main__":
    main()
