"""Trees that a command could have made."""

import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from orchestra.executor.adapters import tree


def nested(root: Path, depth: int) -> Path:
    """A folder in a folder in …, with a file at the end."""
    here = os.open(root, os.O_RDONLY)
    for _ in range(depth):
        os.mkdir("folder", dir_fd=here)
        below = os.open("folder", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = below
    os.close(os.open("end", os.O_WRONLY | os.O_CREAT, dir_fd=here))
    os.close(here)
    return root


def test_a_walk_goes_down_and_does_not_follow_links(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "c").write_text("x")
    (tmp_path / "up").symlink_to("..")
    (tmp_path / "root").symlink_to("/")
    assert sorted(entry.path for entry in tree.walk(tmp_path)) == ["a", "a/b", "a/b/c", "root", "up"]


def test_a_walk_ends_at_a_depth(tmp_path: Path) -> None:
    nested(tmp_path, tree.MAX_DEPTH + 1)
    with pytest.raises(tree.TooDeep):
        list(tree.walk(tmp_path))
    tree.remove(tmp_path)


def test_a_walk_leaves_no_descriptor_open(tmp_path: Path) -> None:
    nested(tmp_path, 5)
    before = set(Path("/proc/self/fd").iterdir())
    for entry in tree.walk(tmp_path):
        assert entry.path
        break
    list(tree.walk(tmp_path))
    assert set(Path("/proc/self/fd").iterdir()) == before
    tree.remove(tmp_path)


def test_disk_is_counted_by_blocks_and_not_by_apparent_size(tmp_path: Path) -> None:
    with (tmp_path / "sparse").open("wb") as sparse:
        sparse.truncate(1 << 40)
    assert tree.size_on_disk(tmp_path, 1 << 50) < 1 << 20
    (tmp_path / "full").write_bytes(os.urandom(1 << 20))
    assert 1 << 20 <= tree.size_on_disk(tmp_path, 1 << 50) < 1 << 21


def test_empty_files_are_not_free(tmp_path: Path) -> None:
    for number in range(10):
        (tmp_path / str(number)).touch()
    assert tree.size_on_disk(tmp_path, 1 << 50) == 10 * tree.SMALLEST


def test_a_tree_of_any_depth_is_removed(tmp_path: Path) -> None:
    (tmp_path / "made").mkdir()
    tree.remove(nested(tmp_path / "made", 1200))  # more than a path can name, and than Python can recurse
    assert list(tmp_path.iterdir()) == []


def test_folders_without_any_right_are_removed(tmp_path: Path) -> None:
    closed = tmp_path / "made" / "closed"
    (closed / "inner").mkdir(parents=True)
    (closed / "inner" / "file").touch()
    for folder in (closed / "inner", closed, tmp_path / "made"):
        folder.chmod(0)
    tree.remove(tmp_path / "made")
    assert list(tmp_path.iterdir()) == []


def test_many_files_are_removed(tmp_path: Path) -> None:
    made = tmp_path / "made"
    (made / "sub").mkdir(parents=True)
    for number in range(1100):
        (made / f"file{number}").touch()
        (made / "sub" / f"file{number}").touch()
    tree.remove(made)
    assert list(tmp_path.iterdir()) == []


def test_removing_a_tree_does_not_touch_what_its_links_lead_to(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    kept.mkdir(mode=0o755)
    (kept / "file").write_text("x")
    made = tmp_path / "made"
    made.mkdir()
    (made / "to-folder").symlink_to(kept)
    (made / "to-file").symlink_to(kept / "file")
    (made / "dangling").symlink_to("nowhere")
    os.mkfifo(made / "fifo")
    tree.remove(made)
    assert (kept / "file").read_text() == "x"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o755
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]


def as_file(path: Path) -> None:
    path.write_text("x")


def as_link(path: Path) -> None:
    path.symlink_to("/etc")


def as_nothing(path: Path) -> None:
    assert not path.exists()


@pytest.mark.parametrize("make", [as_file, as_link, as_nothing])
def test_what_is_no_folder_is_removed_itself(tmp_path: Path, make: Callable[[Path], None]) -> None:
    make(tmp_path / "made")
    tree.remove(tmp_path / "made")
    assert list(tmp_path.iterdir()) == []


def test_an_own_folder_takes_the_place_of_whatever_was_there(tmp_path: Path) -> None:
    (tmp_path / "kept").mkdir()
    (tmp_path / "own").symlink_to(tmp_path / "kept")
    tree.make_own_folder(tmp_path / "own", None)
    found = (tmp_path / "own").lstat()
    assert stat.S_ISDIR(found.st_mode)
    assert stat.S_IMODE(found.st_mode) == 0o700
