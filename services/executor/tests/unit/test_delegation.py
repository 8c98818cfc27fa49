"""Where control groups may be made, and what is written there: on a tree of files like that of version 2.

No kernel keeps this tree, so these tests say which files are written, in which order, and not that limits hold.
"""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from orchestra.executor.adapters.sandbox import delegation, group
from orchestra.executor.adapters.sandbox.delegation import NoGroups, claim
from orchestra.executor.adapters.sandbox.group import Group, Place, Version

_mkdir, _rmdir = os.mkdir, os.rmdir
FILES = {
    **dict.fromkeys(("cgroup.controllers", "cgroup.subtree_control", "cgroup.procs", "cgroup.kill"), ""),
    **dict.fromkeys(("memory.max", "memory.swap.max", "memory.oom.group", "pids.max"), ""),
    "memory.peak": "73728000\n",
    "memory.events": "low 0\nhigh 0\nmax 9\noom 1\noom_kill 4\noom_group_kill 1\n",
}


class Tree:
    """A hierarchy of version 2 in which every folder that is made gets its files; writing adds a line."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "cgroup"
        self.proc = folder / "proc"
        self.proc.mkdir()
        self.written: list[tuple[str, str]] = []
        self.refused: set[str] = set()
        self.root.mkdir()
        self.make(self.root / "service")
        self.own("/service")
        mount = f"30 23 0:26 / {self.root} rw,nosuid - cgroup2 cgroup2 rw\n"
        (self.proc / "mountinfo").write_text("22 1 0:20 / / rw - ext4 /dev/vda rw\n" + mount)
        (self.root / "service/cgroup.controllers").write_text("cpu memory pids\n")
        (self.root / "service/cgroup.procs").write_text(f"{os.getpid()}\n")

    def own(self, path: str) -> None:
        (self.proc / "cgroup").write_text(f"0::{path}\n")

    def make(self, folder: str | Path, mode: int = 0o755) -> None:
        _mkdir(folder, mode)
        for name, content in FILES.items():
            Path(folder, name).write_text(content)

    def remove(self, folder: str | Path) -> None:
        for name in FILES:
            Path(folder, name).unlink(missing_ok=True)
        _rmdir(folder)

    def write(self, folder: str, name: str, value: int | str) -> None:
        if f"{Path(folder).name}/{name}" in self.refused:
            raise OSError(16, "Device or resource busy", f"{folder}/{name}")
        assert Path(folder, name).is_file()
        self.written.append((str(Path(folder, name).relative_to(self.root)), str(value)))


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Tree:
    made = Tree(tmp_path)
    monkeypatch.setattr(delegation, "PROC", made.proc)
    monkeypatch.setattr(delegation, "write", made.write)
    monkeypatch.setattr(group, "write", made.write)
    monkeypatch.setattr(os, "mkdir", made.make)
    monkeypatch.setattr(os, "rmdir", made.remove)
    return made


def test_alone_in_its_group_the_executor_goes_into_a_leaf_and_hands_the_controllers_on(tree: Tree) -> None:
    found = claim()
    base = f"service/{Path(found.place.memory).name}"
    assert (found.version, found.place.memory) == ("v2", found.place.pids)
    assert tree.written == [
        (f"{base}/executor/cgroup.procs", "0"),
        ("service/cgroup.subtree_control", "+memory +pids"),
        (f"{base}/cgroup.subtree_control", "+memory +pids"),
    ]
    tree.written.clear()
    found.close()
    assert tree.written == [
        (f"{base}/cgroup.subtree_control", "-memory -pids"),
        ("service/cgroup.subtree_control", "-memory -pids"),
        ("service/cgroup.procs", "0"),
    ]
    assert [entry.name for entry in (tree.root / "service").iterdir() if entry.is_dir()] == []


def test_where_the_controllers_are_handed_on_already_it_stays_where_it_is(tree: Tree) -> None:
    (tree.root / "service/cgroup.subtree_control").write_text("memory pids\n")
    (tree.root / "service/cgroup.procs").write_text("1\n2\n")  # as only in the root of all groups
    found = claim()
    assert tree.written == [(f"service/{Path(found.place.memory).name}/cgroup.subtree_control", "+memory +pids")]
    found.close()


def test_processes_of_others_are_not_moved(tree: Tree) -> None:
    (tree.root / "service/cgroup.procs").write_text(f"1\n{os.getpid()}\n")
    with pytest.raises(NoGroups, match="service has 1 other processes"):
        claim()
    assert tree.written == []


def test_what_goes_wrong_on_the_way_is_undone(tree: Tree) -> None:
    tree.refused.add("service/cgroup.subtree_control")
    with pytest.raises(NoGroups, match=r"Device or resource busy: .*subtree_control"):
        claim()
    assert tree.written[-1] == ("service/cgroup.procs", "0")
    assert [entry.name for entry in (tree.root / "service").iterdir() if entry.is_dir()] == []


def test_the_root_of_a_containers_own_tree_will_do(tree: Tree) -> None:
    tree.own("/")
    for name, content in FILES.items():
        (tree.root / name).write_text(content)
    (tree.root / "cgroup.controllers").write_text("memory pids\n")
    (tree.root / "cgroup.procs").write_text(f"{os.getpid()}\n")
    found = claim()
    assert Path(found.place.memory).parent == tree.root
    found.close()


@pytest.mark.parametrize(
    "spoil",
    [
        lambda tree: (tree.root / "service/cgroup.controllers").write_text("cpu pids\n"),
        lambda tree: tree.own("/../elsewhere"),
        lambda tree: (tree.proc / "mountinfo").write_text(""),
    ],
    ids=["controllers", "view", "mount"],
)
def test_without_both_controllers_in_view_there_are_none(tree: Tree, spoil: Callable[[Tree], object]) -> None:
    spoil(tree)
    with pytest.raises(NoGroups, match="no hierarchy with the controller memory or pids is in view"):
        claim()


def test_a_commands_group_of_version_2(tree: Tree) -> None:
    made = Group(Place("v2", str(tree.root / "service"), str(tree.root / "service")).below("7"))
    made.make(1000, 20)
    made.add(42)
    (tree.root / "service/7/cgroup.procs").write_text("42\n")
    made.kill()
    assert [(path.removeprefix("service/7/"), value) for path, value in tree.written] == [
        ("memory.max", "1000"),
        ("memory.swap.max", "0"),
        ("memory.oom.group", "1"),
        ("pids.max", "20"),
        ("cgroup.procs", "42"),
        ("cgroup.kill", "1"),
    ]
    assert made.ran_out_of_memory()
    assert made.peak_kb() == 72000
    made.remove()
    assert not (tree.root / "service/7").exists()


@pytest.mark.parametrize(
    ("version", "events", "peak", "ran_out"),
    [
        ("v2", "oom 0\noom_kill 0\n", 999 << 20, False),
        ("v2", "oom 0\noom_kill 1\n", 1 << 20, False),
        ("v2", "oom 1\noom_kill 1\n", 999 << 20, True),
        ("v1", "oom_kill_disable 0\nunder_oom 0\noom_kill 0\n", 1000 << 20, False),
        ("v1", "oom_kill_disable 0\nunder_oom 0\noom_kill 1\n", 500 << 20, False),
        ("v1", "oom_kill_disable 0\nunder_oom 0\noom_kill 1\n", 1000 << 20, True),
    ],
)
def test_a_machine_that_ran_out_of_memory_is_not_a_command_that_did(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: Version, events: str, peak: int, ran_out: bool
) -> None:
    made = Group(Place(version, str(tmp_path / "group"), str(tmp_path / "group")))
    files = group.FILES[version]

    def fill(folder: str, mode: int) -> None:
        _mkdir(folder, mode)
        for name in (files.memory, files.swap, "memory.oom.group", "pids.max"):
            Path(folder, name).touch()
        Path(folder, files.events).write_text(events)
        Path(folder, files.peak).write_text(f"{peak}\n")

    monkeypatch.setattr(os, "mkdir", fill)
    made.make(1000 << 20, 20)
    assert made.ran_out_of_memory() is ran_out
