from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestra.contracts.planning import AfterRequest, CommandRequest, DependencyKind, Fault, TaskRequest
from orchestra.planner.domain.check import check
from orchestra.planner.domain.cycles import find_cycles
from orchestra.planner.domain.paths import is_inside, matches
from orchestra.planner.domain.plan import propose
from orchestra.planner.domain.requirements import Requirement

REQUIREMENTS = (Requirement(1, "One."), Requirement(2, "Two."))
HASH = "0" * 64


def person(task_id: str, *after: str, points: float | None = 1, minutes: int | None = None) -> TaskRequest:
    return TaskRequest(id=task_id, title=task_id.title(), points=points, minutes=minutes, after=after)


def command(
    task_id: str,
    *after: str,
    inputs: tuple[str, ...] = (),
    outputs: tuple[str, ...] = (),
    argv: tuple[str, ...] = ("sort",),
    retries: int = 0,
    timeout_s: int = 300,
) -> TaskRequest:
    wanted = CommandRequest(
        argv=argv, tools=("sort",), inputs=inputs, outputs=outputs, retries=retries, timeout_s=timeout_s
    )
    return TaskRequest(id=task_id, title=task_id.title(), after=after, command=wanted)


def faults_of(*tasks: TaskRequest, files: Mapping[str, str] | None = None) -> tuple[Fault, ...]:
    return check(propose("given", REQUIREMENTS, tasks, files or {}))


def places(*tasks: TaskRequest, files: Mapping[str, str] | None = None) -> list[tuple[str, str]]:
    return [(fault.pointer, fault.code) for fault in faults_of(*tasks, files=files)]


def test_all_faults_are_reported_at_once_with_their_places() -> None:
    tasks = (
        person("a").model_copy(update={"covers": ("R1", "R9")}),
        person("a", "b", "nobody"),
        person("b", "b", points=None),
        command("c", argv=("tar", "-x"), inputs=("in.csv",), outputs=("/etc/passwd",)),
    )
    assert places(*tasks) == [
        ("/tasks/0/covers/1", "unknown-requirement"),
        ("/tasks/1/id", "duplicate-id"),
        ("/tasks/1/after/1", "unknown-dependency"),
        ("/tasks/2/after/0", "self-dependency"),
        ("/tasks/2", "no-estimate"),
        ("/tasks/3/command/argv/0", "tool-not-declared"),
        ("/tasks/3/command/inputs/0", "missing-input"),
        ("/tasks/3/command/outputs/0", "bad-path"),
    ]


@pytest.mark.parametrize("task_id", ["", "A", "-a", "a b", "a/b", "ä", "a" * 65, "a\n"])
def test_a_bad_id_is_refused(task_id: str) -> None:
    assert ("/tasks/0/id", "bad-id") in places(person(task_id).model_copy(update={"title": "t"}))


@pytest.mark.parametrize("task_id", ["a", "0", "a.b_c-d", "a" * 64])
def test_a_good_id_passes(task_id: str) -> None:
    assert places(person(task_id)) == []


@pytest.mark.parametrize(
    ("points", "minutes", "expected"),
    [
        (None, None, [("/tasks/0", "no-estimate")]),
        (1, 1, [("/tasks/0", "both-estimates")]),
        (0, None, [("/tasks/0/points", "not-positive")]),
        (-2.5, None, [("/tasks/0/points", "not-positive")]),
        (None, 0, [("/tasks/0/minutes", "not-positive")]),
        (float("nan"), None, [("/tasks/0/points", "not-finite")]),
        (float("inf"), None, [("/tasks/0/points", "not-finite")]),
        (1e300, None, [("/tasks/0/points", "out-of-range")]),
        (None, 10**12, [("/tasks/0/minutes", "out-of-range")]),
        (0.5, None, []),
        (None, 1, []),
    ],
)
def test_estimates(points: float | None, minutes: int | None, expected: list[tuple[str, str]]) -> None:
    assert places(person("a", points=points, minutes=minutes)) == expected


@pytest.mark.parametrize(("priority", "faults"), [(10_080, 0), (-10_080, 0), (10_081, 1), (-10_081, 1)])
def test_a_priority_is_worth_a_week_of_waiting_at_most(priority: int, faults: int) -> None:
    task = person("a", points=1).model_copy(update={"priority": priority})
    assert places(task) == [("/tasks/0/priority", "out-of-range")] * faults


def test_a_cycle_is_shown_and_points_to_the_edge_that_closes_it() -> None:
    (fault,) = faults_of(person("a", "c"), person("b", "a"), person("c", "b"), person("d", "c"))
    assert fault.code == "cycle"
    assert fault.detail == "The tasks wait for each other: a → b → c → a."
    assert fault.pointer == "/tasks/1/after/0"


def test_each_separate_cycle_is_reported() -> None:
    tasks = (person("a", "b"), person("b", "a"), person("c", "d"), person("d", "c"))
    details = [fault.detail for fault in faults_of(*tasks)]
    assert details == ["The tasks wait for each other: a → b → a.", "The tasks wait for each other: c → d → c."]


def test_a_cycle_of_a_hundred_thousand_tasks_is_found_and_shown_short() -> None:
    n = 100_000
    tasks = [person(f"t{i}", f"t{(i - 1) % n}") for i in range(n)]
    (fault,) = faults_of(*tasks)
    assert fault.code == "cycle"
    assert len(fault.detail) < 200
    assert "t0 → t1 →" in fault.detail


def test_too_many_tasks_and_none_are_refused() -> None:
    task = person("a")
    assert places(*[task] * 100_001) == [("/tasks", "too-many-tasks")]
    assert places() == [("/tasks", "no-tasks")]


def test_a_command_needs_a_tool_that_it_declares() -> None:
    assert places(command("a", argv=())) == [("/tasks/0/command/argv", "empty-argv")]
    assert places(command("a", argv=(" ",))) == [("/tasks/0/command/argv", "empty-argv")]
    assert places(command("a", argv=("sort", "a\0b"))) == [("/tasks/0/command/argv/1", "bad-argument")]
    (fault,) = faults_of(command("a", argv=("rm",)))
    assert fault.detail == "rm is not among the command's tools (sort)."


def test_retries_and_timeout_have_a_floor() -> None:
    assert places(command("a", retries=-1, timeout_s=0)) == [
        ("/tasks/0/command/retries", "negative"),
        ("/tasks/0/command/timeout_s", "not-positive"),
    ]


def test_inputs_come_from_the_project_or_from_tasks_directly_before() -> None:
    make = command("make", outputs=("out/list.txt", "pages/*.html"))
    assert (
        places(make, command("use", "make", inputs=("out/list.txt", "pages/a.html", "in.csv")), files={"in.csv": HASH})
        == []
    )
    assert places(make, command("use", inputs=("out/list.txt",))) == [("/tasks/1/command/inputs/0", "missing-input")]
    assert places(make, person("look", "make"), command("use", "look", inputs=("out/list.txt",))) == [
        ("/tasks/2/command/inputs/0", "missing-input")
    ]


@pytest.mark.parametrize(
    ("path", "pattern", "expected"),
    [
        ("a.html", "*.html", True),
        ("pages/a.html", "*.html", False),
        ("pages/a.html", "pages/?.[hx]tml", True),
        ("pages/en/a.html", "pages/*.html", False),
        ("pages/en/a.html", "pages/**/*.html", True),
        ("pages/a.html", "pages/**/*.html", True),
        ("pages/a.html", "pages/**", True),
        ("pages", "pages/**", False),
        ("A.HTML", "*.html", False),
        ("a" * 200, "*a" * 100 + "b", False),
        ("/".join("a" * 60), "/".join(["**", "a"] * 30), True),
    ],
)
def test_patterns_match_part_by_part(path: str, pattern: str, expected: bool) -> None:
    assert matches(path, pattern) is expected


@pytest.mark.parametrize(
    "path", ["", "/abs", "../up", "a/../b", "a\\b", "a\0b", "a//b", "a/", "./a", "a\nb", "a" * 256]
)
def test_paths_that_could_leave_the_workspace_are_bad_everywhere(path: str) -> None:
    assert places(command("a", inputs=(path,), outputs=(path,)), files={path: HASH}) == [
        ("/files/" + path.replace("~", "~0").replace("/", "~1"), "bad-path"),
        ("/tasks/0/command/inputs/0", "bad-path"),
        ("/tasks/0/command/outputs/0", "bad-path"),
    ]


def test_a_files_hash_is_checked() -> None:
    assert places(person("a"), files={"a/b": "ABC"}) == [("/files/a~1b", "bad-hash")]


def test_two_predecessors_of_one_task_must_not_produce_the_same_path() -> None:
    one, two = command("one", outputs=("out.txt",)), command("two", outputs=("out.txt",))
    assert places(one, two) == []
    (fault,) = faults_of(one, two, command("both", "one", "two"))
    assert (fault.pointer, fault.code) == ("/tasks/2/command/inputs", "output-conflict")
    assert fault.detail == "out.txt comes from one and from two: which is meant?"


def test_a_pattern_conflicts_with_a_path_that_it_matches() -> None:
    one = command("one", outputs=("pages/*.html", "data/x.csv"))
    two = command("two", outputs=("pages/a.html", "data/y.csv"))
    (fault,) = faults_of(one, two, command("both", "one", "two"))
    assert fault.detail == "pages/a.html comes from two and from one: which is meant?"


def test_a_task_that_no_part_of_an_event_could_hold_is_refused() -> None:
    wide = person("a").model_copy(update={"criteria": ("x" * 150_000,)})
    many = command("b", inputs=tuple(f"f{i}" for i in range(2000)))
    files = {f"f{i}": HASH for i in range(2000)}
    assert places(wide, many, files=files) == [("/tasks/0", "too-large"), ("/tasks/1", "too-large")]


def test_text_that_no_database_keeps_is_refused() -> None:
    assert places(person("a").model_copy(update={"title": "a\0b"})) == [("/tasks/0", "bad-text")]
    assert places(person("a").model_copy(update={"title": " "})) == [("/tasks/0/title", "no-title")]


def test_a_dependency_named_twice_is_refused() -> None:
    assert places(person("a"), person("b", "a", "a")) == [("/tasks/1/after/1", "duplicate-dependency")]


graphs = st.integers(1, 7).flatmap(
    lambda n: st.lists(st.sets(st.integers(0, n - 1)), min_size=n, max_size=n).map(
        lambda rows: {str(at): [str(other) for other in sorted(row)] for at, row in enumerate(rows)}
    )
)


def can_be_ordered(after: Mapping[str, list[str]]) -> bool:
    left = dict(after)
    while free := [name for name, before in left.items() if not any(other in left for other in before)]:
        for name in free:
            del left[name]
    return not left


@given(graphs)
def test_a_cycle_is_found_exactly_where_the_tasks_cannot_be_ordered(after: dict[str, list[str]]) -> None:
    cycles = list(find_cycles(after))
    assert bool(cycles) != can_be_ordered(after)
    for cycle in cycles:
        for before, name in zip(cycle.names, (*cycle.names[1:], cycle.names[0]), strict=True):
            assert before in after[name]
        assert cycle.predecessor in after[cycle.successor]


@given(st.text(alphabet="a./\\~*\0", max_size=8))
def test_a_path_that_passes_stays_beneath_any_root(path: str) -> None:
    if is_inside(path):
        depth = 0
        for name in path.split("/"):
            depth += -1 if name == ".." else 1
            assert depth > 0
        assert not path.startswith("/")


def test_more_outputs_than_an_event_can_name_are_too_many() -> None:
    many = tuple(f"file-{n}" for n in range(1000))

    assert places(command("make", outputs=many)) == [("/tasks/0/command/outputs", "too-many-files")]
    assert places(command("make", outputs=many[:200])) == []


def ladder(task_id: str, *after: str | AfterRequest) -> TaskRequest:
    return TaskRequest(id=task_id, title=task_id, points=1, after=after)


def test_two_tasks_may_be_bound_by_several_kinds_but_once_by_each() -> None:
    twice = (AfterRequest(task="a", kind="SS"), AfterRequest(task="a", kind="FF", lag_minutes=60))
    assert places(person("a"), ladder("b", *twice)) == []
    assert places(person("a"), ladder("b", *twice, AfterRequest(task="a", kind="SS", lag_minutes=5))) == [
        ("/tasks/1/after/2", "duplicate-dependency")
    ]


@pytest.mark.parametrize(("lag", "code"), [(-1, "negative-lag"), (525_601, "out-of-range")])
def test_a_lag_that_cannot_be_kept_is_a_fault(lag: int, code: str) -> None:
    assert places(person("a"), ladder("b", AfterRequest(task="a", lag_minutes=lag))) == [("/tasks/1/after/0/lag", code)]


@pytest.mark.parametrize("kinds", [("SS", "FF"), ("FS", "SF"), ("FF", "FF")])
def test_cycles_are_found_over_all_kinds_together(kinds: tuple[DependencyKind, DependencyKind]) -> None:
    first, second = kinds
    a = ladder("a", AfterRequest(task="b", kind=first))
    [fault] = faults_of(a, ladder("b", AfterRequest(task="a", kind=second)))
    assert (fault.code, "a → b → a" in fault.detail) == ("cycle", True)


def test_outputs_reach_only_what_starts_after_their_task_has_finished() -> None:
    make = command("make", outputs=("made.csv",))
    for kind, faults in (("FS", []), ("SS", [("/tasks/1/command/inputs/0", "missing-input")])):
        wanted = CommandRequest(argv=("sort",), tools=("sort",), inputs=("made.csv",))
        after = (AfterRequest(task="make", kind=kind, lag_minutes=1),)  # pyright: ignore[reportArgumentType]
        assert places(make, TaskRequest(id="use", title="Use", after=after, command=wanted)) == faults


@pytest.mark.parametrize(
    ("mutexes", "faults"),
    [
        (("database", "press.1"), []),
        (("Database",), [("/tasks/0/command/mutexes/0", "bad-mutex")]),
        (("a,b",), [("/tasks/0/command/mutexes/0", "bad-mutex")]),
        (("press.1", "press-1"), [("/tasks/0/command/mutexes/1", "duplicate-mutex")]),
        (tuple(f"m{n}" for n in range(17)), [("/tasks/0/command/mutexes", "too-many-mutexes")]),
    ],
)
def test_mutexes_are_names_each_once(mutexes: tuple[str, ...], faults: list[tuple[str, str]]) -> None:
    task = command("a")
    assert task.command is not None
    wanted = task.command.model_copy(update={"mutexes": mutexes})
    assert places(task.model_copy(update={"command": wanted})) == faults
