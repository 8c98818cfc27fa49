"""Content by its SHA-256."""

import asyncio
import hashlib
import io
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from orchestra.executor.adapters.artifact_store import DirectoryArtifacts
from orchestra.executor.application.ports import Stored, UnknownArtifact, WrongHash

CONTENT = b"what was made"
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def store(tmp_path: Path) -> DirectoryArtifacts:
    return DirectoryArtifacts(tmp_path / "store")


def files(root: Path) -> list[str]:
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())


async def in_pieces(*pieces: bytes) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece


async def test_content_comes_back_by_its_hash(store: DirectoryArtifacts) -> None:
    assert await store.put(io.BytesIO(CONTENT)) == Stored(SHA256, len(CONTENT))
    with await store.open(SHA256) as stored:
        assert stored.read() == CONTENT


async def test_a_path_a_file_and_a_stream_are_the_same_content(store: DirectoryArtifacts, tmp_path: Path) -> None:
    path = tmp_path / "source"
    path.write_bytes(CONTENT)
    expected = Stored(SHA256, len(CONTENT))
    assert await store.put(path) == expected
    assert await store.put(in_pieces(CONTENT[:5], CONTENT[5:])) == expected
    assert files(tmp_path / "store") == [f"{SHA256[:2]}/{SHA256[2:]}"]


async def test_the_empty_content_is_content(store: DirectoryArtifacts) -> None:
    stored = await store.put(in_pieces())
    assert stored == Stored(hashlib.sha256(b"").hexdigest(), 0)
    assert await store.exists(stored.sha256)


@pytest.mark.parametrize("how", ["file", "stream"])
async def test_content_of_another_hash_is_refused_and_not_kept(
    store: DirectoryArtifacts, tmp_path: Path, how: str
) -> None:
    with pytest.raises(WrongHash, match=SHA256):
        await store.put(io.BytesIO(CONTENT) if how == "file" else in_pieces(CONTENT), expected="0" * 64)
    assert files(tmp_path / "store") == []


async def test_a_stream_that_breaks_leaves_nothing(store: DirectoryArtifacts, tmp_path: Path) -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield CONTENT
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        await store.put(broken())
    assert files(tmp_path / "store") == []


async def test_the_same_content_at_once_from_many_is_stored_once(store: DirectoryArtifacts, tmp_path: Path) -> None:
    found = await asyncio.gather(*(store.put(io.BytesIO(CONTENT)) for _ in range(20)))
    assert set(found) == {Stored(SHA256, len(CONTENT))}
    assert files(tmp_path / "store") == [f"{SHA256[:2]}/{SHA256[2:]}"]


async def test_stored_content_cannot_be_changed_through_the_source(store: DirectoryArtifacts, tmp_path: Path) -> None:
    path = tmp_path / "source"
    path.write_bytes(CONTENT)
    await store.put(path)
    path.write_bytes(b"something else")
    with await store.open(SHA256) as stored:
        assert stored.read() == CONTENT


async def test_a_copy_shares_nothing_with_the_store(store: DirectoryArtifacts, tmp_path: Path) -> None:
    content = os.urandom(3 * 1024 * 1024 + 7)
    sha256 = (await store.put(io.BytesIO(content))).sha256
    copy = tmp_path / "copy"
    await store.copy(sha256, copy)
    assert copy.read_bytes() == content
    assert copy.stat().st_mode & 0o777 == 0o644
    assert copy.stat().st_nlink == 1
    copy.write_bytes(b"changed")
    with await store.open(sha256) as stored:
        assert stored.read() == content


async def test_a_copy_never_replaces_a_file(store: DirectoryArtifacts, tmp_path: Path) -> None:
    await store.put(io.BytesIO(CONTENT))
    taken = tmp_path / "taken"
    taken.write_text("mine")
    with pytest.raises(FileExistsError):
        await store.copy(SHA256, taken)
    assert taken.read_text() == "mine"


async def test_a_copy_is_whole_where_blocks_cannot_be_shared(
    store: DirectoryArtifacts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crossing(*_: object) -> int:
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr(os, "copy_file_range", crossing)
    await store.put(io.BytesIO(CONTENT))
    await store.copy(SHA256, tmp_path / "copy")
    assert (tmp_path / "copy").read_bytes() == CONTENT


async def test_what_a_killed_process_left_half_written_is_cleared_away(tmp_path: Path) -> None:
    program = """
import os, signal, sys
from pathlib import Path
from orchestra.executor.adapters.artifact_store import DirectoryArtifacts

class Endless:
    def read(self, size):
        print(*os.listdir(Path(sys.argv[1], "incoming")), flush=True)
        os.kill(os.getpid(), signal.SIGKILL)

DirectoryArtifacts(Path(sys.argv[1]))._put_file(Endless(), None)
"""
    killed = subprocess.run([sys.executable, "-c", program, str(tmp_path)], capture_output=True, text=True, check=False)
    [left] = (tmp_path / "incoming").iterdir()
    assert (killed.returncode, killed.stdout.split()) == (-signal.SIGKILL, [left.name])

    DirectoryArtifacts(tmp_path)

    assert list((tmp_path / "incoming").iterdir()) == []


async def test_what_is_on_its_way_is_no_rest(store: DirectoryArtifacts, tmp_path: Path) -> None:
    async def slow() -> AsyncIterator[bytes]:
        yield CONTENT
        DirectoryArtifacts(tmp_path / "store")  # another executor starts
        assert len(list((tmp_path / "store" / "incoming").iterdir())) == 1

    stored = await store.put(slow())

    assert stored.sha256 == SHA256
    assert await store.exists(SHA256)


async def test_stores_that_start_all_the_time_take_nothing_from_each_other(tmp_path: Path) -> None:
    store = DirectoryArtifacts(tmp_path)
    putting = asyncio.gather(*(store.put(io.BytesIO(f"{number}".encode() * 1000)) for number in range(200)))
    while not putting.done():
        await asyncio.to_thread(DirectoryArtifacts, tmp_path)
    assert len({each.sha256 for each in await putting}) == 200
    assert list((tmp_path / "incoming").iterdir()) == []


async def test_unknown_content_is_named(store: DirectoryArtifacts, tmp_path: Path) -> None:
    assert not await store.exists(SHA256)
    with pytest.raises(UnknownArtifact, match=SHA256):
        await store.open(SHA256)
    with pytest.raises(UnknownArtifact, match=SHA256):
        await store.copy(SHA256, tmp_path / "copy")
    assert not (tmp_path / "copy").exists()


@pytest.mark.parametrize(
    "name", ["", "..", "../../etc/passwd", "a" * 63, "A" * 64, "g" * 64, "a" * 64 + "\n", "a/" * 32]
)
async def test_what_is_no_hash_never_becomes_a_path(store: DirectoryArtifacts, name: str) -> None:
    with pytest.raises(UnknownArtifact):
        await store.open(name)
    with pytest.raises(UnknownArtifact):
        await store.exists(name)
