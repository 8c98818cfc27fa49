from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter
from pydantic_core import from_json, to_json

from orchestra.contracts.planning import (
    AfterRequest,
    CommandRequest,
    DecomposedTask,
    Dependency,
    Input,
    TaskRequest,
    TasksDecomposed,
)
from orchestra.planner.domain.check import check
from orchestra.planner.domain.decompose import PART_BYTES, covered, decompose, split
from orchestra.planner.domain.plan import Plan, propose
from orchestra.planner.domain.requirements import Requirement

REQUIREMENTS = (Requirement(1, "One."),)


def person(task_id: str, *after: str, criteria: tuple[str, ...] = ()) -> TaskRequest:
    return TaskRequest(id=task_id, title="T", points=1, after=after, criteria=criteria, covers=("R1",))


def parts_of(plan: Plan, limit: int = PART_BYTES) -> list[TasksDecomposed]:
    """As they are published and read again; a task `a` has the id `tsk_a`."""
    stored = from_json(TypeAdapter(Plan).dump_json(plan, exclude_defaults=True))
    made = decompose(stored, {task.id: f"tsk_{task.id}" for task in plan.tasks}, to_json, limit)
    heads = [
        TasksDecomposed(
            workspace_id="wsp_" + "0" * 32,
            project_id="prj_" + "0" * 32,
            plan_id="pln_" + "0" * 32,
            sequence=3,
            part=number,
            parts=len(made),
            version=1,
            hash="0" * 64,
            tasks=(),
        )
        for number in range(1, len(made) + 1)
    ]
    texts = [head.written(**part._asdict()).to_json() for head, part in zip(heads, made, strict=True)]
    assert all(len(text.encode()) <= limit + 1_000 for text in texts)
    return [TasksDecomposed.model_validate_json(text) for text in texts]


def tasks_of(parts: Sequence[TasksDecomposed]) -> list[DecomposedTask]:
    return [task for part in parts for task in part.tasks]


def edges_of(parts: Sequence[TasksDecomposed]) -> list[Dependency]:
    return [edge for part in parts for edge in part.dependencies]


def plan_of(*tasks: TaskRequest, files: dict[str, str] | None = None) -> Plan:
    plan = propose("given", REQUIREMENTS, tasks, files or {})
    assert check(plan) == ()
    return plan


def test_tasks_keep_their_order_and_dependencies_their_direction() -> None:
    [graph] = parts_of(plan_of(person("b", "a"), person("a"), person("c", "a", "b")))
    assert [(task.id, task.key) for task in graph.tasks] == [("tsk_b", "b"), ("tsk_a", "a"), ("tsk_c", "c")]
    assert [(edge.predecessor, edge.successor) for edge in graph.dependencies] == [
        ("tsk_a", "tsk_b"),
        ("tsk_a", "tsk_c"),
        ("tsk_b", "tsk_c"),
    ]


def test_a_dependency_keeps_its_terms() -> None:
    terms = {"kind": "SS", "lag_minutes": 5, "clock": "elapsed"}
    task = person("b").model_copy(update={"after": (AfterRequest(task="a", **terms), "a")})
    [graph] = parts_of(plan_of(person("a"), task))
    ends = {"predecessor": "tsk_a", "successor": "tsk_b"}
    assert graph.dependencies == (Dependency(**ends, **terms), Dependency(**ends))


def test_what_covers_a_requirement_is_known_by_its_place() -> None:
    plan = plan_of(person("a"), person("b"))
    assert list(covered(from_json(TypeAdapter(Plan).dump_json(plan, exclude_defaults=True)))) == [(1, 0), (1, 1)]


def test_a_person_task_carries_what_a_person_needs() -> None:
    task = TaskRequest(id="a", title="Read", covers=("R1",), minutes=90, role="editor", criteria=("No typing errors.",))
    [made] = tasks_of(parts_of(plan_of(task)))
    assert made.model_dump(exclude={"id", "key"}) == task.model_dump(exclude={"id", "after", "agent"})


def test_inputs_are_files_by_hash_or_needs_of_what_comes_before() -> None:
    make = TaskRequest(
        id="make", title="Make", command=CommandRequest(argv=("sort",), tools=("sort",), outputs=("list.txt", "p/*.md"))
    )
    wanted = CommandRequest(
        argv=("python3", "x.py"),
        tools=("python3",),
        inputs=("x.py", "list.txt", "p/a.md"),
        outputs=("out",),
        retries=2,
        timeout_s=7,
        hosts=("example.org",),
        repeatable=False,
    )
    use = TaskRequest(id="use", title="Use", after=("make",), command=wanted)
    files = {"x.py": "1" * 64, "list.txt": "2" * 64, "other": "3" * 64}
    command = tasks_of(parts_of(plan_of(make, use, files=files)))[1].command
    assert command is not None
    assert command.inputs == (Input(path="x.py", sha256="1" * 64),)
    assert command.needs == ("list.txt", "p/a.md")
    assert command.model_dump(exclude={"inputs", "needs", "agent"}) == wanted.model_dump(exclude={"inputs"})


def test_what_only_starts_with_a_predecessor_needs_no_output_of_it() -> None:
    made, wanted = (
        {"argv": ("sort",), "tools": ("sort",)},
        {"argv": ("cat",), "tools": ("cat",), "inputs": ("list.txt",)},
    )
    make = TaskRequest(id="make", title="Make", command=CommandRequest(**made, outputs=("list.txt",)))
    use = TaskRequest(
        id="use",
        title="Use",
        after=(AfterRequest(task="make", kind="SS"),),
        command=CommandRequest(**wanted),
    )
    command = tasks_of(parts_of(plan_of(make, use, files={"list.txt": "2" * 64})))[1].command
    assert command is not None
    assert (command.inputs, command.needs) == ((Input(path="list.txt", sha256="2" * 64),), ())


def test_the_parts_of_a_large_graph_fit_into_events_and_are_the_whole_graph() -> None:
    tasks = [person(f"t{i}", *(f"t{j}" for j in range(max(0, i - 5), i)), criteria=("é" * 100,)) for i in range(3000)]
    parts = parts_of(plan_of(*tasks))
    assert len(parts) > 2
    assert min(len(part.to_json().encode()) for part in parts[:-1]) > 190_000
    assert [task.key for task in tasks_of(parts)] == [task.id for task in tasks]
    edges = [(f"tsk_{name}", f"tsk_{task.id}") for task in tasks for name in task.after]
    assert [(edge.predecessor, edge.successor) for edge in edges_of(parts)] == edges
    for part in parts:
        assert {edge.successor for edge in part.dependencies} <= {task.id for task in part.tasks}


def test_a_task_after_very_many_spreads_its_dependencies_over_the_parts_that_follow() -> None:
    n = 5000
    tasks = [*(person(f"t{i}") for i in range(n)), person("last", *(f"t{i}" for i in range(n)))]
    edges = edges_of(parts_of(plan_of(*tasks)))
    assert [(edge.predecessor, edge.successor) for edge in edges] == [(f"tsk_t{i}", "tsk_last") for i in range(n)]


@given(st.lists(st.integers(0, 12)), st.integers(1, 10))
def test_runs_keep_everything_in_order_within_the_limit(sizes: list[int], limit: int) -> None:
    runs = split(sizes, lambda size: size, limit)
    assert [size for run in runs for size in run] == sizes
    assert all(sum(run) <= limit or len(run) == 1 for run in runs)
    assert all(sum(one) + two[0] > limit for one, two in pairwise(runs))


@pytest.mark.parametrize("edges", [0, 1, 40])
def test_a_tight_limit_still_keeps_tasks_and_their_dependencies_together(edges: int) -> None:
    tasks = [*(person(f"t{i}") for i in range(40)), person("last", *(f"t{i}" for i in range(edges)))]
    parts = parts_of(plan_of(*tasks), limit=6_000)
    home = next(part for part in parts if tasks_of(parts)[-1] in part.tasks)
    assert list(home.dependencies) == edges_of(parts)
