"""Workspaces as folders `<root>/<attempt>`: laid out from artifacts, read back without trusting what is there."""

import asyncio
import hashlib
import os
import re
import stat
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

from orchestra.contracts.execution import Artifact
from orchestra.contracts.files import fitting
from orchestra.contracts.ids import Sha256
from orchestra.contracts.planning import Input
from orchestra.executor.adapters import tree
from orchestra.executor.application.ports import Artifacts, BadOutputs, BadWorkspace
from orchestra.executor.domain import paths
from orchestra.executor.domain.policy import Limits

_ATTEMPT = re.compile(r"[A-Za-z0-9_-]{1,100}")
_SHOWN_FAULTS = 20
_STEP = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFLNK: "a symbolic link",
    stat.S_IFIFO: "a FIFO",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


class DirectoryWorkspaces:
    """`Workspaces` beneath one folder."""

    def __init__(self, root: Path, artifacts: Artifacts) -> None:
        self._root = root
        self._artifacts = artifacts
        # Commands may run as users of their own, which have to pass through here and cannot list it.
        root.mkdir(parents=True, exist_ok=True)
        root.chmod(0o711)

    async def build(self, attempt_id: str, inputs: Iterable[Input]) -> Path:
        wanted = list(inputs)
        for given in wanted:
            if fault := paths.fault_of(given.path):
                raise BadWorkspace(f"The path {given.path!r} {fault}.")
        if conflict := paths.conflict_among(given.path for given in wanted):
            raise BadWorkspace(f"{conflict}.")
        if not _ATTEMPT.fullmatch(attempt_id):
            raise BadWorkspace(f"{attempt_id!r} cannot name a workspace.")
        folders = dict.fromkeys(folder for given in wanted for folder in paths.folders_of(given.path))
        workspace = await asyncio.to_thread(self._lay_out, attempt_id, folders)
        try:
            for given in wanted:
                await self._artifacts.copy(given.sha256, workspace / given.path)
        except BaseException:
            await self.remove(workspace)
            raise
        return workspace

    async def collect(
        self, workspace: Path, patterns: Iterable[str], limits: Limits, protected: Sequence[str] = ()
    ) -> tuple[Artifact, ...]:
        collected: list[Artifact] = []
        wanted = list(patterns)
        for path in await asyncio.to_thread(choose_outputs, workspace, wanted, limits, protected) if wanted else ():
            with os.fdopen(await asyncio.to_thread(open_file, workspace, path), "rb") as content:
                stored = await self._artifacts.put(content)
            collected.append(Artifact(path=path, sha256=stored.sha256, size=stored.size))
        return tuple(collected)

    async def altered(self, workspace: Path, given: Mapping[str, Sha256]) -> list[str]:
        return await asyncio.to_thread(lambda: [path for path in given if _hash(workspace, path) != given[path]])

    async def remove(self, *paths: Path) -> None:
        await asyncio.to_thread(self._remove, paths)

    def _remove(self, paths: tuple[Path, ...]) -> None:
        for path in paths:
            tree.remove(path)
            tree.remove(Path(f"{path}.tmp"))  # the sandbox's, left if that was killed

    def _lay_out(self, attempt_id: str, folders: Iterable[str]) -> Path:
        workspace = self._root / attempt_id
        tree.remove(workspace)  # what an attempt left that was killed with its executor
        for folder in (workspace, *(workspace / folder for folder in folders)):
            folder.mkdir()
            folder.chmod(0o755)
        return workspace


def choose_outputs(workspace: Path, patterns: list[str], limits: Limits, protected: Sequence[str] = ()) -> list[str]:
    """The files that the paths and patterns name, sorted. Raises BadOutputs with every fault."""
    faults = [f"{pattern!a} {fault}" for pattern in patterns if (fault := paths.fault_of(pattern))]
    sizes: dict[str, int] = {}
    for path in _named(workspace, patterns, faults):
        if paths.lies_in(path, protected):
            faults.append(f"{path} is protected by the policy, and what others run or obey is no output")
            continue
        try:
            descriptor = open_file(workspace, path)
        except BadOutputs as fault:
            faults.append(str(fault))
            continue
        sizes[path] = os.fstat(descriptor).st_size
        os.close(descriptor)
    # Sizes as a reader would find them: a file with holes counts in full, as its copy would.
    faults += [f"{path} has more than {limits.file_bytes} bytes" for path in sizes if sizes[path] > limits.file_bytes]
    if sum(sizes.values()) > limits.workspace_bytes:
        faults.append(f"the outputs together have more than {limits.workspace_bytes} bytes")
    if (named := fitting(sorted(sizes))) < len(sizes):
        faults.append(
            f"{len(sizes)} files are too many ({named} can be named): let the command make an archive of them"
        )
    if faults:
        shown = faults[:_SHOWN_FAULTS]
        more = f"; and {len(faults) - len(shown)} more" if len(faults) > len(shown) else ""
        raise BadOutputs(f"{'; '.join(shown)}{more}.")
    return sorted(sizes)


def _hash(workspace: Path, path: str) -> Sha256 | None:
    """None for what is no regular file any more, or cannot be read."""
    try:
        with os.fdopen(open_file(workspace, path), "rb") as content:
            return hashlib.file_digest(content, "sha256").hexdigest()
    except BadOutputs:
        return None


def _named(workspace: Path, patterns: list[str], faults: list[str]) -> Iterator[str]:
    """Paths as given, and each file that a pattern matches; a pattern without one is a fault."""
    wild = [pattern for pattern in patterns if paths.is_pattern(pattern) and not paths.fault_of(pattern)]
    yield from (pattern for pattern in patterns if not paths.is_pattern(pattern) and not paths.fault_of(pattern))
    unmatched = set(wild)
    try:
        for entry in tree.walk(workspace) if wild else ():
            by = [pattern for pattern in wild if not entry.is_folder and paths.matches(entry.path, pattern)]
            unmatched -= set(by)
            if by:
                yield entry.path
    except (tree.TooDeep, PermissionError) as unreadable:
        faults.append(f"the workspace cannot be read: {unreadable}")
    faults += [f"no file matches {pattern}" for pattern in sorted(unmatched)]


def open_file(workspace: Path, path: str) -> int:
    """Opens a regular file beneath `workspace` without following any link. Raises BadOutputs.

    What it is, is known before it is opened for reading: a FIFO or device is never opened.
    """
    if fault := paths.fault_of(path):
        raise BadOutputs(f"{path!a} {fault}")
    *folders, name = path.split("/")
    with ExitStack() as opened:
        here = os.open(workspace, _STEP)
        opened.callback(os.close, here)
        try:
            for folder in folders:
                here = os.open(folder, _STEP, dir_fd=here)
                opened.callback(os.close, here)
            found = os.open(name, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=here)
            opened.callback(os.close, found)
            kind = stat.S_IFMT(os.fstat(found).st_mode)
            if kind != stat.S_IFREG:
                raise BadOutputs(f"{path} is {_KINDS.get(kind, 'no regular file')}, and an output is a regular file")
            return os.open(f"/proc/self/fd/{found}", os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            raise BadOutputs(f"{path} was not made") from None
        except NotADirectoryError:
            raise BadOutputs(f"{path} lies in what is no folder, or is a link to one") from None
        except PermissionError:
            raise BadOutputs(f"{path} cannot be read") from None
