from collections.abc import Callable
from itertools import count, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestra.contracts.planning import CommandRequest, Input, TaskRequest, TasksDecomposed
from orchestra.planner.domain.check import check
from orchestra.planner.domain.decompose import Graph, decompose, in_parts, split
from orchestra.planner.domain.plan import Plan, propose
from orchestra.planner.domain.requirements import Requirement

REQUIREMENTS = (Requirement(1, "One."),)


def ids() -> Callable[[str], str]:
    numbers = count(1)
    return lambda _: f"tsk_{next(numbers)}"


def person(task_id: str, *after: str, criteria: tuple[str, ...] = ()) -> TaskRequest:
    return TaskRequest(id=task_id, title="T", points=1, after=after, criteria=criteria, covers=("R1",))


def event(graph: Graph, part: int, parts: int) -> TasksDecomposed:
    return TasksDecomposed(
        workspace_id="wsp_" + "0" * 32,
        project_id="prj_" + "0" * 32,
        plan_id="pln_" + "0" * 32,
        sequence=part,
        part=part,
        parts=parts,
        version=1,
        hash="0" * 64,
        tasks=graph.tasks,
        dependencies=graph.dependencies,
    )


def plan_of(*tasks: TaskRequest, files: dict[str, str] | None = None) -> Plan:
    plan = propose("given", REQUIREMENTS, tasks, files or {})
    assert check(plan) == ()
    return plan


def test_tasks_keep_their_order_and_dependencies_their_direction() -> None:
    graph = decompose(plan_of(person("b", "a"), person("a"), person("c", "a", "b")), ids())
    assert [(task.id, task.key) for task in graph.tasks] == [("tsk_1", "b"), ("tsk_2", "a"), ("tsk_3", "c")]
    assert [(edge.predecessor, edge.successor) for edge in graph.dependencies] == [
        ("tsk_2", "tsk_1"),
        ("tsk_2", "tsk_3"),
        ("tsk_1", "tsk_3"),
    ]


def test_a_person_task_carries_what_a_person_needs() -> None:
    task = TaskRequest(id="a", title="Read", covers=("R1",), minutes=90, role="editor", criteria=("No typing errors.",))
    (made,) = decompose(plan_of(task), ids()).tasks
    assert made.model_dump(exclude={"id", "key"}) == task.model_dump(exclude={"id", "after"})


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
    command = decompose(plan_of(make, use, files=files), ids()).tasks[1].command
    assert command is not None
    assert command.inputs == (Input(path="x.py", sha256="1" * 64),)
    assert command.needs == ("list.txt", "p/a.md")
    assert command.model_dump(exclude={"inputs", "needs"}) == wanted.model_dump(exclude={"inputs"})


def test_a_small_graph_is_one_part() -> None:
    graph = decompose(plan_of(person("a"), person("b", "a")), ids())
    assert in_parts(graph) == (graph,)


def test_the_parts_of_a_large_graph_fit_into_events_and_are_the_whole_graph() -> None:
    tasks = [person(f"t{i}", *(f"t{j}" for j in range(max(0, i - 5), i)), criteria=("é" * 100,)) for i in range(3000)]
    graph = decompose(plan_of(*tasks), ids())
    parts = in_parts(graph)
    assert len(parts) > 2
    sizes = [len(event(part, n, len(parts)).to_json().encode()) for n, part in enumerate(parts, 1)]
    assert max(sizes) <= 201_000
    assert min(sizes[:-1]) > 190_000
    assert tuple(task for part in parts for task in part.tasks) == graph.tasks
    assert tuple(edge for part in parts for edge in part.dependencies) == graph.dependencies
    for part in parts:
        assert {edge.successor for edge in part.dependencies} <= {task.id for task in part.tasks}


def test_a_task_after_very_many_spreads_its_dependencies_over_the_parts_that_follow() -> None:
    n = 5000
    tasks = [*(person(f"t{i}") for i in range(n)), person("last", *(f"t{i}" for i in range(n)))]
    graph = decompose(plan_of(*tasks), ids())
    parts = in_parts(graph)
    assert all(len(event(part, 1, 1).to_json().encode()) <= 201_000 for part in parts)
    assert tuple(edge for part in parts for edge in part.dependencies) == graph.dependencies


@given(st.lists(st.integers(0, 12)), st.integers(1, 10))
def test_runs_keep_everything_in_order_within_the_limit(sizes: list[int], limit: int) -> None:
    runs = split(sizes, lambda size: size, limit)
    assert [size for run in runs for size in run] == sizes
    assert all(sum(run) <= limit or len(run) == 1 for run in runs)
    assert all(sum(one) + two[0] > limit for one, two in pairwise(runs))


@pytest.mark.parametrize("edges", [0, 1, 40])
def test_a_tight_limit_still_keeps_tasks_and_their_dependencies_together(edges: int) -> None:
    tasks = [*(person(f"t{i}") for i in range(40)), person("last", *(f"t{i}" for i in range(edges)))]
    graph = decompose(plan_of(*tasks), ids())
    parts = in_parts(graph, limit=6_000)
    home = next(part for part in parts if graph.tasks[-1] in part.tasks)
    assert home.dependencies == graph.dependencies
