"""Content by its SHA-256 in a folder: `ab/cdef…`, written beside and renamed, so what has a name is whole."""

import asyncio
import fcntl
import hashlib
import os
import re
import tempfile
from collections.abc import AsyncIterable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

from orchestra.contracts.ids import Sha256
from orchestra.executor.application.ports import Stored, UnknownArtifact, WrongHash

_CHUNK = 1024 * 1024
_HASH = re.compile(r"[0-9a-f]{64}")


class DirectoryArtifacts:
    """`Artifacts` in one folder; several processes may share it."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._incoming = root / "incoming"
        self._incoming.mkdir(parents=True, exist_ok=True)
        for left in self._incoming.iterdir():
            _clear(left)

    async def put(self, source: Path | BinaryIO | AsyncIterable[bytes], expected: Sha256 | None = None) -> Stored:
        if isinstance(source, AsyncIterable):
            return await self._put_stream(source, expected)
        return await asyncio.to_thread(self._put_file, source, expected)

    async def exists(self, sha256: Sha256) -> bool:
        return await asyncio.to_thread(self._path(sha256).is_file)

    async def open(self, sha256: Sha256) -> BinaryIO:
        return await asyncio.to_thread(self._open, sha256)

    async def copy(self, sha256: Sha256, destination: Path) -> None:
        await asyncio.to_thread(self._copy, sha256, destination)

    async def _put_stream(self, source: AsyncIterable[bytes], expected: Sha256 | None) -> Stored:
        with _Arrival(self._incoming) as arrival:
            async for chunk in source:
                await asyncio.to_thread(arrival.write, chunk)
            return await asyncio.to_thread(self._keep, arrival, expected)

    def _put_file(self, source: Path | BinaryIO, expected: Sha256 | None) -> Stored:
        if isinstance(source, Path):
            with source.open("rb") as opened:
                return self._put_file(opened, expected)
        with _Arrival(self._incoming) as arrival:
            while chunk := source.read(_CHUNK):
                arrival.write(chunk)
            return self._keep(arrival, expected)

    def _keep(self, arrival: "_Arrival", expected: Sha256 | None) -> Stored:
        sha256 = arrival.hash.hexdigest()
        if expected is not None and sha256 != expected:
            raise WrongHash(f"The content has the hash {sha256} and was announced with {expected}.")
        path = self._path(sha256)
        if not path.is_file():
            arrival.settle(path)
        return Stored(sha256, arrival.size)

    def _path(self, sha256: Sha256) -> Path:
        if not _HASH.fullmatch(sha256):
            raise UnknownArtifact(f"{sha256!r} is no SHA-256 in small hexadecimal digits.")
        return self._root / sha256[:2] / sha256[2:]

    def _open(self, sha256: Sha256) -> BinaryIO:
        try:
            return self._path(sha256).open("rb")
        except FileNotFoundError:
            raise UnknownArtifact(f"There is no artifact {sha256}.") from None

    def _copy(self, sha256: Sha256, destination: Path) -> None:
        with self._open(sha256) as source, destination.open("xb") as target:
            os.fchmod(target.fileno(), 0o644)
            size = os.fstat(source.fileno()).st_size
            with suppress(OSError):  # shares blocks where the file system can; else goes on the plain way
                while size > target.tell():
                    os.copy_file_range(source.fileno(), target.fileno(), size)
            while chunk := os.read(source.fileno(), _CHUNK):
                target.write(chunk)


def _make_locked(folder: Path) -> tuple[int, str]:
    """A new file, open, and its name. The lock says that whoever writes it lives."""
    while True:
        descriptor, name = tempfile.mkstemp(dir=folder)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        if os.fstat(descriptor).st_nlink:
            return descriptor, name
        os.close(descriptor)  # it was cleared away before it was locked


def _clear(left: Path) -> None:
    """Remove what a killed process has left; what is on its way to another one is locked."""
    with suppress(FileNotFoundError, BlockingIOError), left.open("rb") as opened:
        fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
        left.unlink()


class _Arrival:
    """Content on its way in: hashed as it comes, gone unless it settles."""

    def __init__(self, folder: Path) -> None:
        descriptor, self._name = _make_locked(folder)
        self._file = os.fdopen(descriptor, "wb")
        self.hash = hashlib.sha256()
        self.size = 0

    def __enter__(self) -> "_Arrival":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._file.close()
        Path(self._name).unlink(missing_ok=True)

    def write(self, chunk: bytes) -> None:
        self._file.write(chunk)
        self.hash.update(chunk)
        self.size += len(chunk)

    def settle(self, path: Path) -> None:
        """Two that bring the same content may both do this: either file is the right one."""
        self._file.flush()
        os.fchmod(self._file.fileno(), 0o444)
        os.fsync(self._file.fileno())
        path.parent.mkdir(exist_ok=True)
        Path(self._name).rename(path)
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
