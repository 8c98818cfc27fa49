"""Paths and patterns beneath a workspace."""

import time

import pytest

from orchestra.executor.domain.paths import conflict_among, fault_of, is_pattern, lies_in, matches


@pytest.mark.parametrize("path", ["a", "a/b.txt", "ünï/côdé", "-rf", "a b", "..a/b..", "a" * 255])
def test_a_relative_path_is_fine(path: str) -> None:
    assert fault_of(path) is None


@pytest.mark.parametrize(
    "path",
    [
        *["", "/", "/etc/passwd", "..", "../a", "a/../b", "a/..", ".", "./a", "a/./b", "a//b", "a/", "a\0", "\ud800"],
        *["a" * 256, "/".join(["abc"] * 1100)],
    ],
)
def test_a_path_that_could_leave_the_workspace_or_be_no_name_is_not(path: str) -> None:
    assert fault_of(path)


def test_paths_do_not_conflict_by_beginning_alike() -> None:
    assert conflict_among(["a/b", "a/bc", "a/b.d/e", "ab"]) is None


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["a", "b", "a"], "a is given twice"),
        (["a/b", "a"], "a is a file and also the folder of a/b"),
        (["a/b/c/d", "x", "a/b"], "a/b is a file and also the folder of a/b/c/d"),
    ],
)
def test_two_inputs_cannot_take_one_place(given: list[str], said: str) -> None:
    assert conflict_among(given) == said


@pytest.mark.parametrize(
    ("pattern", "yes", "no"),
    [
        ("build/*.json", ["build/a.json", "build/.json"], ["build/x/a.json", "a.json", "build/a.jsonx"]),
        ("**", ["a", "a/b", "a/b/c"], []),
        ("build/**", ["build/a", "build/a/b"], ["build", "builds/a"]),
        ("**/*.txt", ["a.txt", "x/y/a.txt"], ["a.txt/b", "a.text"]),
        ("a/**/z", ["a/z", "a/b/z", "a/b/c/z"], ["a/b/z/c", "z", "az"]),
        ("**/**", ["a", "a/b"], []),
        ("file?.[ab]", ["file1.a", "file2.b"], ["file.a", "file12.a", "file1.c", "file/.a"]),
    ],
)
def test_patterns_match_part_by_part(pattern: str, yes: list[str], no: list[str]) -> None:
    assert is_pattern(pattern)
    assert [path for path in yes if not matches(path, pattern)] == []
    assert [path for path in no if matches(path, pattern)] == []


def test_no_pattern_takes_long() -> None:
    began = time.perf_counter()
    assert not matches("/".join(["a"] * 100), "/".join(["**", "a"] * 30 + ["b"]))
    assert time.perf_counter() - began < 1


@pytest.mark.parametrize(
    ("path", "protected"),
    [
        (".git/hooks", True),
        (".git/hooks/pre-commit", True),
        ("sub/.git/hooks/pre-commit", True),
        (".npmrc", True),
        ("web/.npmrc", True),
        (".npmrc/x", True),
        (".git/hooksome", False),
        ("x.git/hooks", False),
        (".git", False),
        ("hooks", False),
        ("npmrc", False),
    ],
)
def test_what_lies_in_a_place_is_told_by_whole_parts(path: str, protected: bool) -> None:
    assert lies_in(path, [".git/hooks", ".npmrc"]) is protected
