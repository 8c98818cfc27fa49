"""A zip file that is sent while it is made: nothing of it is kept but the names and hashes of what it holds."""

from collections.abc import AsyncGenerator, AsyncIterable
from datetime import datetime
from hashlib import sha256
from io import RawIOBase
from typing import IO, TYPE_CHECKING, Any, cast
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile, ZipInfo

if TYPE_CHECKING:
    from typing_extensions import Buffer


class _Sink(RawIOBase):
    """Where the zip writes to: it cannot be sought in, and is emptied again and again."""

    def __init__(self) -> None:
        super().__init__()
        self._waiting = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, content: "Buffer") -> int:
        self._waiting += content
        return len(memoryview(content))

    def take(self) -> bytes:
        taken = bytes(self._waiting)
        self._waiting.clear()
        return taken


class ZipStream:
    def __init__(self, at: datetime) -> None:
        self._sink = _Sink()
        self._zip = ZipFile(cast("IO[bytes]", self._sink), "w")
        self._at = at.timetuple()[:6]
        self.files: list[dict[str, Any]] = []
        """Path, SHA-256 and bytes of every member so far."""

    async def add(self, path: str, content: AsyncIterable[bytes], *, compressed: bool = True) -> AsyncGenerator[bytes]:
        """Parts of the zip, as they come, until the member is in it."""
        entry = ZipInfo(path, self._at)
        entry.compress_type = ZIP_DEFLATED if compressed else ZIP_STORED
        digest, size = sha256(), 0
        with self._zip.open(entry, "w", force_zip64=True) as member:
            async for chunk in content:
                digest.update(chunk)
                size += len(chunk)
                member.write(chunk)
                yield self._sink.take()
        self.files.append({"path": path, "sha256": digest.hexdigest(), "bytes": size})
        yield self._sink.take()

    def end(self) -> bytes:
        """The last part."""
        self._zip.close()
        return self._sink.take()
