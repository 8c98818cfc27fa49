"""The dependency graph: no cycles, a stable order, any depth."""

import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestra.scheduler.domain.errors import CyclicDependency, DuplicateTask, UnknownTask
from orchestra.scheduler.domain.work.graph import arrange, with_all_after

Edges = list[tuple[str, str]]


@st.composite
def graphs(draw: st.DrawFn) -> tuple[list[str], Edges]:
    tasks = [f"t{i}" for i in range(draw(st.integers(1, 12)))]
    ends = st.sampled_from(tasks)
    return draw(st.permutations(tasks)), draw(st.lists(st.tuples(ends, ends), max_size=20))


def test_tasks_that_could_come_next_come_in_plan_order() -> None:
    graph = arrange(["d", "c", "b", "a"], [("a", "d")])
    assert graph == ("c", "b", "a", "d")


def test_an_edge_given_twice_counts_like_one() -> None:
    assert arrange(["c", "a", "b"], [("b", "c"), ("a", "c"), ("b", "c")]) == ("a", "b", "c")


def test_a_task_given_twice_is_refused() -> None:
    with pytest.raises(DuplicateTask, match="b"):
        arrange(["a", "b", "b"], [])


@pytest.mark.parametrize("edge", [("a", "x"), ("x", "a")])
def test_an_edge_to_or_from_a_task_that_is_not_there_is_refused(edge: tuple[str, str]) -> None:
    with pytest.raises(UnknownTask, match="x"):
        arrange(["a"], [edge])


def test_br_dep_002_a_task_behind_itself_is_refused() -> None:
    with pytest.raises(CyclicDependency, match="a → a"):
        arrange(["a"], [("a", "a")])


def test_br_dep_002_the_refusal_shows_the_cycle_and_not_what_leads_to_it() -> None:
    edges = [("start", "b"), ("a", "b"), ("b", "c"), ("c", "a"), ("c", "end")]
    with pytest.raises(CyclicDependency, match="a → b → c → a"):
        arrange(["end", "a", "b", "c", "start"], edges)


def test_a_chain_of_100_000_tasks_is_ordered() -> None:
    tasks = [f"t{i}" for i in range(100_000)]
    graph = arrange(tasks, itertools.pairwise(tasks))
    assert graph == tuple(tasks)


def test_br_dep_002_a_cycle_of_100_000_tasks_is_found() -> None:
    tasks = [f"t{i}" for i in range(100_000)]
    with pytest.raises(CyclicDependency) as refused:
        arrange(tasks, [*itertools.pairwise(tasks), (tasks[-1], tasks[0])])
    assert refused.value.cycle == tuple(tasks)


@given(graphs())
def test_br_dep_002_every_graph_is_ordered_or_refused_with_a_real_cycle(graph: tuple[list[str], Edges]) -> None:
    tasks, edges = graph
    try:
        order = arrange(tasks, edges)
    except CyclicDependency as refused:
        cycle = refused.cycle
        assert len(set(cycle)) == len(cycle)
        assert set(zip(cycle, [*cycle[1:], cycle[0]], strict=True)) <= set(edges)
    else:
        assert sorted(order) == sorted(tasks)
        assert all(order.index(predecessor) < order.index(successor) for predecessor, successor in edges)


@given(graphs())
def test_of_the_tasks_that_could_come_next_the_first_in_the_plan_does(graph: tuple[list[str], Edges]) -> None:
    tasks, edges = graph
    forward = [(a, b) for a, b in edges if int(a[1:]) < int(b[1:])]
    left = list(tasks)
    for task in arrange(tasks, forward):
        free = [each for each in left if not any(b == each and a in left for a, b in forward)]
        assert task == free[0]
        left.remove(task)


@given(graphs(), st.randoms(use_true_random=False))
def test_the_order_does_not_depend_on_the_order_of_the_edges(graph: tuple[list[str], Edges], chance: Any) -> None:
    tasks, edges = graph
    shuffled = list(edges)
    chance.shuffle(shuffled)

    def result(given_edges: Edges) -> object:
        try:
            return arrange(tasks, given_edges)
        except CyclicDependency as refused:
            return refused.cycle

    assert result(edges) == result(shuffled)


def test_everything_that_follows_is_found_once_and_nothing_before_it() -> None:
    edges = [("a", "b"), ("b", "c"), ("a", "c"), ("c", "d"), ("x", "d"), ("d", "e")]
    assert with_all_after(["b"], edges) == ["b", "c", "d", "e"]
    assert sorted(with_all_after(["x", "c"], edges)) == ["c", "d", "e", "x"]
    assert with_all_after(["e"], edges) == ["e"]
    assert with_all_after([], edges) == []
    deep = [(f"t{n}", f"t{n + 1}") for n in range(50_000)]
    assert len(with_all_after(["t0"], deep)) == 50_001
