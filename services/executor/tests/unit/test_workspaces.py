"""Workspaces: laid out from artifacts, and read back without trusting what a command left."""

import hashlib
import io
import os
import socket
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from orchestra.contracts.execution import Artifact
from orchestra.contracts.planning import Input
from orchestra.executor.adapters.artifact_store import DirectoryArtifacts
from orchestra.executor.adapters.workspaces import DirectoryWorkspaces
from orchestra.executor.application.ports import BadOutputs, BadWorkspace, UnknownArtifact
from orchestra.executor.domain.policy import PROTECTED, Limits

LIMITS = Limits()


@pytest.fixture
def store(tmp_path: Path) -> DirectoryArtifacts:
    return DirectoryArtifacts(tmp_path / "store")


@pytest.fixture
def workspaces(tmp_path: Path, store: DirectoryArtifacts) -> DirectoryWorkspaces:
    return DirectoryWorkspaces(tmp_path / "workspaces", store)


@pytest.fixture
async def workspace(workspaces: DirectoryWorkspaces) -> Path:
    return await workspaces.build("att_1", [])


async def given(store: DirectoryArtifacts, **contents: str) -> list[Input]:
    inputs: list[Input] = []
    for path, content in contents.items():
        stored = await store.put(io.BytesIO(content.encode()))
        inputs.append(Input(path=path, sha256=stored.sha256))
    return inputs


def artifact(path: str, content: bytes) -> Artifact:
    return Artifact(path=path, sha256=hashlib.sha256(content).hexdigest(), size=len(content))


async def test_inputs_become_files(workspaces: DirectoryWorkspaces, store: DirectoryArtifacts) -> None:
    before = os.umask(0o077)
    try:
        workspace = await workspaces.build("att_1", await given(store, **{"a.txt": "a", "x/y/b.txt": "b"}))
    finally:
        os.umask(before)
    assert (workspace / "a.txt").read_text() == "a"
    assert (workspace / "x" / "y" / "b.txt").read_text() == "b"
    modes = {str(path.relative_to(workspace)): stat.S_IMODE(path.stat().st_mode) for path in workspace.rglob("*")}
    assert modes == {"a.txt": 0o644, "x": 0o755, "x/y": 0o755, "x/y/b.txt": 0o644}


async def test_a_workspace_starts_afresh(workspaces: DirectoryWorkspaces, store: DirectoryArtifacts) -> None:
    first = await workspaces.build("att_1", await given(store, old="old"))
    (first / "left").write_text("x")
    again = await workspaces.build("att_1", await given(store, new="new"))
    assert sorted(path.name for path in again.iterdir()) == ["new"]


@pytest.mark.parametrize("path", ["/etc/passwd", "../a", "a/../../b", "", "a//b", "./a"])
async def test_an_input_stays_inside(workspaces: DirectoryWorkspaces, store: DirectoryArtifacts, path: str) -> None:
    with pytest.raises(BadWorkspace, match="path"):
        await workspaces.build("att_1", await given(store, **{path: "x"}))


async def test_two_inputs_cannot_take_one_place(workspaces: DirectoryWorkspaces, store: DirectoryArtifacts) -> None:
    twice = await given(store, a="1") + await given(store, a="2")
    with pytest.raises(BadWorkspace, match="a is given twice"):
        await workspaces.build("att_1", twice)
    with pytest.raises(BadWorkspace, match="a is a file and also the folder of a/b"):
        await workspaces.build("att_1", await given(store, **{"a/b": "1", "a": "2"}))


async def test_an_input_that_is_not_stored_is_named(workspaces: DirectoryWorkspaces) -> None:
    with pytest.raises(UnknownArtifact, match="f" * 64):
        await workspaces.build("att_1", [Input(path="a", sha256="f" * 64)])


@pytest.mark.parametrize("name", ["..", "a/b", "", "a.b", "/"])
async def test_an_attempt_is_no_path(workspaces: DirectoryWorkspaces, name: str) -> None:
    with pytest.raises(BadWorkspace):
        await workspaces.build(name, [])


async def test_outputs_are_collected_by_path_and_by_pattern(
    workspaces: DirectoryWorkspaces, workspace: Path, store: DirectoryArtifacts
) -> None:
    (workspace / "build" / "deep").mkdir(parents=True)
    for path in ("report.md", "build/b.json", "build/a.json", "build/a.txt", "build/deep/c.json"):
        (workspace / path).write_text(path)
    found = await workspaces.collect(workspace, ["report.md", "build/*.json", "build/a.json"], LIMITS)
    assert found == tuple(artifact(path, path.encode()) for path in ("build/a.json", "build/b.json", "report.md"))
    with await store.open(found[0].sha256) as stored:
        assert stored.read() == b"build/a.json"
    everything = await workspaces.collect(workspace, ["**"], LIMITS)
    assert len(everything) == 5


async def test_every_missing_output_is_named(workspaces: DirectoryWorkspaces, workspace: Path) -> None:
    (workspace / "there").touch()
    with pytest.raises(
        BadOutputs, match=r"^(?=.*gone.txt was not made)(?=.*a/b was not made)(?=.*no file matches \*.csv)"
    ):
        await workspaces.collect(workspace, ["gone.txt", "there", "a/b", "*.csv"], LIMITS)


async def test_more_outputs_than_an_event_can_name_are_too_many(
    workspaces: DirectoryWorkspaces, workspace: Path
) -> None:
    for n in range(1000):
        (workspace / f"file-{n}").touch()
    with pytest.raises(BadOutputs, match="1000 files are too many"):
        await workspaces.collect(workspace, ["**"], LIMITS)


@pytest.mark.parametrize("pattern", ["/etc/passwd", "../*", "a/../../x", "/**", ""])
async def test_an_output_stays_inside(workspaces: DirectoryWorkspaces, workspace: Path, pattern: str) -> None:
    with pytest.raises(BadOutputs):
        await workspaces.collect(workspace, [pattern], LIMITS)


def link(path: Path) -> None:
    path.symlink_to("/etc/passwd")


def folder(path: Path) -> None:
    path.mkdir()


def fifo(path: Path) -> None:
    os.mkfifo(path)


def bound(path: Path) -> None:
    here = os.open(path.parent, os.O_RDONLY)
    with socket.socket(socket.AF_UNIX) as unix:
        unix.bind(f"/proc/self/fd/{here}/{path.name}")
    os.close(here)


@pytest.mark.parametrize(
    ("make", "said"),
    [(link, "a symbolic link"), (folder, "a folder"), (fifo, "a FIFO"), (bound, "a socket")],
)
async def test_an_output_is_a_regular_file(
    workspaces: DirectoryWorkspaces, workspace: Path, make: Callable[[Path], None], said: str
) -> None:
    make(workspace / "out.txt")
    with pytest.raises(BadOutputs, match=f"out.txt is {said}"):
        await workspaces.collect(workspace, ["out.txt"], LIMITS)


@pytest.mark.parametrize("make", [link, fifo, bound])
async def test_a_pattern_does_not_pass_over_what_it_may_not_collect(
    workspaces: DirectoryWorkspaces, workspace: Path, make: Callable[[Path], None]
) -> None:
    (workspace / "good.txt").touch()
    make(workspace / "bad.txt")
    with pytest.raises(BadOutputs, match=r"bad\.txt is"):
        await workspaces.collect(workspace, ["*.txt"], LIMITS)


@pytest.mark.parametrize("target", ["/", "/etc", "..", "real"])
async def test_a_linked_folder_is_not_entered(workspaces: DirectoryWorkspaces, workspace: Path, target: str) -> None:
    (workspace / "real").mkdir()
    (workspace / "real" / "passwd").write_text("x")
    (workspace / "build").symlink_to(target)
    for path in ("build/passwd", "build/etc/passwd", "build/real/passwd"):
        with pytest.raises(BadOutputs, match=path):
            await workspaces.collect(workspace, [path], LIMITS)
    with pytest.raises(BadOutputs, match="no file matches"):
        await workspaces.collect(workspace, ["build/*"], LIMITS)


async def test_a_sparse_file_counts_in_full(workspaces: DirectoryWorkspaces, workspace: Path) -> None:
    with (workspace / "huge").open("wb") as sparse:
        sparse.truncate(10 << 40)
    with pytest.raises(BadOutputs, match="huge has more than"):
        await workspaces.collect(workspace, ["huge"], LIMITS)


async def test_outputs_together_are_limited(workspaces: DirectoryWorkspaces, workspace: Path) -> None:
    for name in ("a", "b"):
        (workspace / name).write_bytes(bytes(600))
    with pytest.raises(BadOutputs, match="together have more than 1000 bytes"):
        await workspaces.collect(workspace, ["*"], Limits(workspace_bytes=1000))


async def test_a_name_that_is_no_text_is_refused(workspaces: DirectoryWorkspaces, workspace: Path) -> None:
    (workspace / os.fsdecode(b"bad\xff.txt")).touch()
    with pytest.raises(BadOutputs, match="no valid text"):
        await workspaces.collect(workspace, ["*.txt"], LIMITS)


async def test_collecting_leaves_no_descriptor_open(workspaces: DirectoryWorkspaces, workspace: Path) -> None:
    (workspace / "a").mkdir()
    (workspace / "a" / "b").touch()
    os.mkfifo(workspace / "fifo")
    before = set(Path("/proc/self/fd").iterdir())
    await workspaces.collect(workspace, ["a/b", "a/*"], LIMITS)
    with pytest.raises(BadOutputs):
        await workspaces.collect(workspace, ["fifo", "gone/x", "a/b/c"], LIMITS)
    assert set(Path("/proc/self/fd").iterdir()) == before


async def test_removing_takes_what_the_sandbox_kept_beside_it_too(
    workspaces: DirectoryWorkspaces, workspace: Path
) -> None:
    (workspace / "closed").mkdir(mode=0)
    beside = workspace.with_name(f"{workspace.name}.tmp")
    beside.mkdir()
    other = await workspaces.build("att_2", [])
    await workspaces.remove(workspace)
    await workspaces.remove(workspace)
    assert list(workspace.parent.iterdir()) == [other]


async def test_what_others_run_or_obey_is_no_output(workspaces: DirectoryWorkspaces) -> None:
    workspace = await workspaces.build("att_1", [])
    for path in (".git/hooks/pre-commit", "lib/.npmrc", "out.txt"):
        (workspace / path).parent.mkdir(parents=True, exist_ok=True)
        (workspace / path).write_text("x")
    assert [each.path for each in await workspaces.collect(workspace, ["*.txt"], LIMITS, PROTECTED)] == ["out.txt"]
    for pattern in ("**", ".git/hooks/pre-commit", "lib/*"):
        with pytest.raises(BadOutputs, match="is protected by the policy"):
            await workspaces.collect(workspace, [pattern], LIMITS, PROTECTED)


async def test_what_is_not_as_it_was_given_is_told(workspaces: DirectoryWorkspaces) -> None:
    workspace = await workspaces.build("att_1", [])
    given = dict.fromkeys(("same", "changed", "linked", "piped", "gone"), hashlib.sha256(b"x").hexdigest())
    for path in ("same", "changed", "linked", "piped"):
        (workspace / path).write_text("x")
    (workspace / "changed").write_text("y")
    (workspace / "linked").unlink()
    (workspace / "linked").symlink_to("same")
    (workspace / "piped").unlink()
    os.mkfifo(workspace / "piped")
    assert await workspaces.altered(workspace, given) == ["changed", "linked", "piped", "gone"]
