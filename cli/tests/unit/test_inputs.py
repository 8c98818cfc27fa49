"""What a person hands in is read with care, and what is wrong with it is said with its place."""

from hashlib import sha256
from pathlib import Path

import pytest

from orchestra.cli.exits import Exit, Stop
from orchestra.cli.inputs import MOST, read_inputs

PLAN = """
tasks:
  - id: one
    title: One
    command: {argv: [sort, a.txt], tools: [sort], inputs: [a.txt, made.txt], outputs: [b.txt]}
"""


def refused(document: str, team: Path | None = None, plan: Path | None = None) -> Stop:
    with pytest.raises(Stop) as caught:
        read_inputs(document, team, plan)
    return caught.value


def test_a_text_is_its_own_document() -> None:
    inputs = read_inputs("Translate the README and check its links", None, None)
    assert (inputs.name, inputs.document) == ("text", "Translate the README and check its links")


def test_a_file_is_read_and_gives_the_project_its_name(tmp_path: Path) -> None:
    path = tmp_path / "wishes.md"
    path.write_text("- It must work.")
    inputs = read_inputs(str(path), None, None)
    assert (inputs.name, inputs.document) == ("wishes.md", "- It must work.")


def test_a_name_of_a_file_that_is_not_there_is_not_taken_for_a_text(tmp_path: Path) -> None:
    stop = refused(str(tmp_path / "wishes.md"))
    assert stop.code is Exit.USAGE
    assert "there is no such file" in str(stop)


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"\x89PNG\r\n\x1a\n\xff", "not a text in UTF-8"), (b"a\0b", "a binary file"), (b"x" * (MOST + 1), "413")],
)
def test_a_file_that_is_no_document_is_refused_by_name(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "thing.md"
    path.write_bytes(content)
    stop = refused(str(path))
    assert stop.code is Exit.USAGE
    assert str(path) in str(stop)
    assert said in str(stop)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("tasks: [", "line 1"),
        ("tasks: []\ntasks: []", "the key 'tasks' is given twice"),
        ("- a list", "a mapping with `tasks` is needed"),
        ("other: 1", "a mapping with `tasks` is needed"),
        ("tasks: []\ndocument: x", "unknown keys: document"),
        ("tasks: !!python/object:os.system {}", "line 1"),
    ],
)
def test_a_plan_that_is_no_plan_is_refused_with_the_place(tmp_path: Path, content: str, said: str) -> None:
    path = tmp_path / "plan.yaml"
    path.write_text(content)
    stop = refused("Do it", plan=path)
    assert stop.code is Exit.USAGE
    assert said in str(stop)


def test_inputs_beside_the_plan_are_found_by_content_and_others_are_left_to_its_tasks(tmp_path: Path) -> None:
    (tmp_path / "plan.yaml").write_text(PLAN)
    (tmp_path / "a.txt").write_text("b\na\n")
    files = read_inputs("Sort it", None, tmp_path / "plan.yaml").files
    assert files == {"a.txt": (sha256(b"b\na\n").hexdigest(), tmp_path / "a.txt")}


@pytest.mark.parametrize("name", ["../secret.txt", "/etc/hostname", "link.txt"])
def test_nothing_outside_the_plans_folder_is_read(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "project"
    folder.mkdir()
    (tmp_path / "secret.txt").write_text("secret")
    (folder / "link.txt").symlink_to(tmp_path / "secret.txt")
    (folder / "plan.yaml").write_text(PLAN.replace("a.txt, made.txt", name))
    assert read_inputs("Do it", None, folder / "plan.yaml").files == {}


def test_a_plan_of_any_shape_is_handed_on_to_be_refused_with_its_place(tmp_path: Path) -> None:
    (tmp_path / "plan.yaml").write_text("tasks: {a: 1}")
    inputs = read_inputs("Do it", None, tmp_path / "plan.yaml")
    assert inputs.plan == {"tasks": {"a": 1}}


def test_a_date_stays_the_text_that_was_written(tmp_path: Path) -> None:
    (tmp_path / "team.yaml").write_text("members:\n- {id: ana, days_off: [2026-11-27, 12-24]}")
    inputs = read_inputs("Do it", tmp_path / "team.yaml", None)
    assert inputs.team == {"members": [{"id": "ana", "days_off": ["2026-11-27", "12-24"]}]}
