"""The process beside the executor that forks keepers: `python -m orchestra.executor.adapters.sandbox.warden FD`.

FD is a socket to the executor. Each message of one byte brings the two descriptors of a new command: the keeper's
socket and the log. When the socket closes, whether the executor asked for it or was killed, everything is ended.
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
from types import FrameType

from orchestra.executor.adapters.sandbox import kernel
from orchestra.executor.adapters.sandbox.keeper import UNHEEDED, keep


class Warden:
    def __init__(self, control: socket.socket) -> None:
        self._control = control
        self._keepers: dict[int, int] = {}
        """Their sockets to the executor, held open until nothing of the command is left."""
        # Keepers hold the reading end only: it hangs up when this process is gone, however it went.
        self._life, self._alive = os.pipe()
        self._woken, wake = os.pipe()
        os.set_blocking(self._woken, False)
        os.set_blocking(wake, False)
        signal.signal(signal.SIGCHLD, _wake)
        for number in UNHEEDED:
            signal.signal(number, signal.SIG_IGN)
        signal.set_wakeup_fd(wake, warn_on_full_buffer=False)

    def run(self) -> None:
        kernel.prctl(kernel.PR_SET_CHILD_SUBREAPER, 1)
        most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
        gc.freeze()  # what is here now is shared with every keeper; collecting it would only copy it
        poll = select.poll()
        poll.register(self._control, select.POLLIN)
        poll.register(self._woken, select.POLLIN)
        while True:
            ready = dict(poll.poll())
            if self._woken in ready:
                os.read(self._woken, 4096)
                self._reap(os.WNOHANG)
            if self._control.fileno() in ready and not self._serve():
                break
        os.close(self._alive)
        self._reap(0)

    def _serve(self) -> bool:
        """Forks a keeper; False when the executor is gone."""
        try:
            message, fds, _, _ = socket.recv_fds(self._control, 1, 2)
        except ConnectionResetError:
            return False
        if not message:
            return False
        for fd in fds:  # received descriptors would be handed on to the command
            os.set_inheritable(fd, False)
        try:
            channel, log = fds
            pid = os.fork()
        except (ValueError, OSError):  # no room for more descriptors or processes: the executor sees its socket close
            for fd in fds:
                os.close(fd)
            return True
        if pid == 0:
            self._become_keeper(channel, log)
        self._keepers[pid] = channel
        os.close(log)
        return True

    def _become_keeper(self, channel: int, log: int) -> None:
        try:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            self._control.close()
            for fd in (self._alive, self._woken, *self._keepers.values()):
                os.close(fd)
            keep(socket.socket(fileno=channel), log, self._life)
            os._exit(0)
        finally:
            os._exit(1)

    def _reap(self, how: int) -> None:
        """Buries keepers that have ended, and ends what a killed one left behind: that became our own child."""
        with suppress(ChildProcessError):
            while (found := os.waitpid(-1, how)) != (0, 0):
                pid, status = found
                channel = self._keepers.pop(pid, None)
                if channel is None or status != 0:
                    self._end_strays()
                if channel is not None:
                    os.close(channel)

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


if __name__ == "__main__":
    main()
