"""The limits that the kernel does not keep for a whole command: room on disk, and without a group memory and processes.

With one it keeps both, and only tells of it when a process was killed for the memory: the rest is ended then.
"""

import time
from pathlib import Path

from orchestra.executor.adapters import tree
from orchestra.executor.adapters.sandbox import kernel
from orchestra.executor.adapters.sandbox.group import Group
from orchestra.executor.adapters.sandbox.request import Request
from orchestra.executor.domain.policy import Stop

_EVERY_S = 0.2
_SHARE = 20
"""Counting the disk takes at most one part in so many of the keeper's time."""
_OF_THE_CAGE = 2
"""Processes of bubblewrap itself."""


class Watch:
    def __init__(self, request: Request, keeper: int, group: Group) -> None:
        self._request = request
        self._group = group
        self._keeper = keeper
        self.due = self._disk_due = time.monotonic() + _EVERY_S

    def excess(self) -> Stop | None:
        """The limit that is passed, if a look is due and one is."""
        now = time.monotonic()
        if now < self.due:
            return None
        self.due = now + _EVERY_S
        found = self._processes()
        if found is None and now >= self._disk_due:
            found = self._disk()
            self.due = self._disk_due = time.monotonic() + _EVERY_S
            self._disk_due += _SHARE * (time.monotonic() - now)
        return found

    def _processes(self) -> Stop | None:
        if self._group.folders:
            return "memory" if self._group.ran_out_of_memory() else None
        sizes = [_resident(pid) for pid in kernel.descendants(self._keeper)]
        if len(sizes) > self._request.limits.processes + _OF_THE_CAGE:
            return "processes"
        return "memory" if sum(sizes) > self._request.limits.memory_bytes else None

    def _disk(self) -> Stop | None:
        limit, used = self._request.limits.workspace_bytes, 0
        try:
            for root in (self._request.workspace, self._request.tmp):
                used += tree.size_on_disk(root, limit) if Path(root).exists() else 0
        except (tree.TooDeep, PermissionError):  # what hides from the count passes the limit
            return "disk"
        return "disk" if used > limit else None


def _resident(pid: int) -> int:
    """Bytes that `pid` holds in memory, without the pages of files, which can be dropped; 0 when it is gone."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    fields = dict(line.split(":", 1) for line in status.splitlines())
    return sum(int(fields[name].split()[0]) * 1024 for name in ("RssAnon", "RssShmem") if name in fields)
