"""Files of a workspace, from outside the sandbox: the way to each is walked by folders, and no link is followed."""

import asyncio
import os
import stat
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path

from orchestra.executor.adapters import tree
from orchestra.executor.adapters.workspaces import open_file
from orchestra.executor.application.agents.ports import BadFile
from orchestra.executor.application.ports import Artifacts, BadOutputs, Stored
from orchestra.executor.domain import paths
from orchestra.executor.domain.agents.calls import Effected
from orchestra.executor.domain.policy import Limits

_STEP = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC

_Seen = tuple[int, int, int, int]
"""Inode, size, the instant of the last change of content, and the mode. Not the instant of any other change: every
command is given all files anew."""


@dataclass
class WorkspaceFiles:
    """The port Files."""

    folder: Path
    artifacts: Artifacts
    limits: Limits
    _first: dict[str, _Seen] = field(default_factory=dict[str, _Seen])
    _seen: dict[str, _Seen] = field(default_factory=dict[str, _Seen])

    async def begin(self) -> None:
        """What is there now is no change."""
        self._first = await asyncio.to_thread(self._look)
        self._seen = dict(self._first)

    async def read(self, path: str, most: int) -> tuple[bytes, int]:
        return await asyncio.to_thread(self._read, path, most)

    async def write(self, path: str, content: bytes) -> None:
        if len(content) > self.limits.file_bytes:
            raise BadFile(f"{path} would have more than {self.limits.file_bytes} bytes.")

        def fill(descriptor: int) -> None:
            with os.fdopen(descriptor, "wb", closefd=False) as file:
                file.write(content)

        await asyncio.to_thread(self._replace, path, fill)

    async def stored(self, path: str) -> Stored:
        """Its content, in the store. Raises BadFile."""
        try:
            descriptor = await asyncio.to_thread(open_file, self.folder, path)
        except BadOutputs as bad:
            raise BadFile(f"{bad}.") from None
        with os.fdopen(descriptor, "rb") as content:
            return await self.artifacts.put(content)

    async def remove(self, path: str) -> None:
        await asyncio.to_thread(self._remove, path)

    async def listed(self, pattern: str, most: int) -> tuple[Sequence[tuple[str, int]], int]:
        found = await asyncio.to_thread(self._look)
        wanted = sorted(
            (path, seen[1]) for path, seen in found.items() if path == pattern or paths.matches(path, pattern)
        )
        return wanted[:most], len(wanted)

    async def changes(self) -> Sequence[Effected]:
        now = await asyncio.to_thread(self._look)
        effected = await self._between(self._seen, now)
        self._seen = now
        return effected

    async def changed(self) -> Sequence[Effected]:
        return await self._between(self._first, await asyncio.to_thread(self._look))

    async def restore(self, effected: Sequence[Effected]) -> None:
        for each in effected:
            if each.sha256 is None:
                with suppress(BadFile):  # it may never have been there
                    await self.remove(each.path)
                continue
            with await self.artifacts.open(each.sha256) as content:
                read = content.read

                def fill(descriptor: int, read: Callable[[int], bytes] = read) -> None:
                    while block := read(1 << 20):
                        os.write(descriptor, block)

                await asyncio.to_thread(self._replace, each.path, fill, 0o755 if each.executable else 0o644)
        if effected:
            self._seen = await asyncio.to_thread(self._look)

    async def _between(self, before: dict[str, _Seen], now: dict[str, _Seen]) -> list[Effected]:
        effected = [Effected(path, None) for path in sorted(before.keys() - now.keys())]
        for path in sorted(path for path, seen in now.items() if before.get(path) != seen):
            try:
                descriptor = await asyncio.to_thread(open_file, self.folder, path)
            except BadOutputs:  # what cannot be read back cannot be kept; nor can it be handed on
                continue
            with os.fdopen(descriptor, "rb") as content:
                runs = bool(os.fstat(descriptor).st_mode & stat.S_IXUSR)
                stored = await self.artifacts.put(content)
            effected.append(Effected(path, stored.sha256, stored.size, runs))
        return effected

    def _look(self) -> dict[str, _Seen]:
        """The regular files. Raises BadFile where the folders cannot be walked."""
        try:
            return {
                entry.path: (s.st_ino, s.st_size, s.st_mtime_ns, s.st_mode)
                for entry in tree.walk(self.folder)
                if stat.S_ISREG((s := entry.status).st_mode) and paths.fault_of(entry.path) is None
            }
        except (tree.TooDeep, PermissionError) as unreadable:
            raise BadFile(f"The workspace cannot be read: {unreadable}.") from None

    def _read(self, path: str, most: int) -> tuple[bytes, int]:
        try:
            descriptor = open_file(self.folder, path)
        except BadOutputs as bad:
            raise BadFile(f"{bad}.") from None
        with os.fdopen(descriptor, "rb") as content:
            return content.read(most), os.fstat(descriptor).st_size

    def _replace(self, path: str, fill: Callable[[int], None], mode: int = 0o644) -> None:
        with ExitStack() as opened:
            here, name = self._enter(path, opened, make=True)
            with suppress(FileNotFoundError):
                self._refuse_folder(here, name, path)
                os.unlink(name, dir_fd=here)
            try:
                descriptor = os.open(name, _NEW, mode, dir_fd=here)
            except OSError as error:
                raise BadFile(f"{path} cannot be written: {error.strerror}.") from None
            opened.callback(os.close, descriptor)
            try:
                fill(descriptor)
                os.fchmod(descriptor, mode)
            except OSError as error:
                raise BadFile(f"{path} cannot be written: {error.strerror}.") from None

    def _remove(self, path: str) -> None:
        with ExitStack() as opened:
            here, name = self._enter(path, opened, make=False)
            try:
                self._refuse_folder(here, name, path)
                os.unlink(name, dir_fd=here)
            except FileNotFoundError:
                raise BadFile(f"{path} is not there.") from None

    @staticmethod
    def _refuse_folder(here: int, name: str, path: str) -> None:
        if stat.S_ISDIR(os.stat(name, dir_fd=here, follow_symlinks=False).st_mode):
            raise BadFile(f"{path} is a folder.")

    def _enter(self, path: str, opened: ExitStack, *, make: bool) -> tuple[int, str]:
        """The folder that it lies in, open; and its name there."""
        if fault := paths.fault_of(path):
            raise BadFile(f"The path {path[:200]!a} {fault}.")
        *folders, name = path.split("/")
        here = os.open(self.folder, _STEP)
        opened.callback(os.close, here)
        for folder in folders:
            try:
                if make:
                    with suppress(FileExistsError):
                        os.mkdir(folder, 0o755, dir_fd=here)
                here = os.open(folder, _STEP, dir_fd=here)
            except FileNotFoundError:
                raise BadFile(f"{path} is not there.") from None
            except NotADirectoryError:
                raise BadFile(f"{path} lies in what is no folder, or is a link to one.") from None
            except OSError as error:
                raise BadFile(f"{path} cannot be reached: {error.strerror}.") from None
            opened.callback(os.close, here)
        return here, name
