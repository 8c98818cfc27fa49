"""The standard workload, the same for every engine: no-op tasks in three shapes.

fan     independent tasks
chain   a strict sequence
dag     10 layers of equal width; a task of layer k > 0 depends on 3 distinct tasks of layer k-1 (seed 7)
"""

import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Literal

Shape = Literal["fan", "chain", "dag"]
Graph = Mapping[int, tuple[int, ...]]
"""{task: the tasks it comes after}, in topological order."""

LAYERS, DEGREE, SEED = 10, 3, 7


@dataclass(frozen=True)
class Workload:
    shape: Shape
    tasks: int

    @property
    def steps(self) -> int:
        """Tasks on the longest path: what cannot be done side by side."""
        return {"fan": 1, "chain": self.tasks, "dag": LAYERS}[self.shape]

    def graph(self) -> Graph:
        if self.shape == "dag":
            return _dag(self.tasks)
        return {n: ((n - 1,) if self.shape == "chain" and n else ()) for n in range(self.tasks)}

    def of(self, tasks: int | None) -> "Workload":
        """The same shape with another number of tasks; a dag has a multiple of its layers."""
        if tasks is None:
            return self
        return replace(self, tasks=max(tasks // LAYERS, DEGREE) * LAYERS if self.shape == "dag" else tasks)


WORKLOADS = {"dag1000": Workload("dag", 1000), "chain200": Workload("chain", 200), "fan1000": Workload("fan", 1000)}


def warm_up(tasks: int) -> Graph:
    """What an engine does before it is measured: at most 200 tasks in chains of five."""
    return {n: ((n - 1,) if n % 5 else ()) for n in range(min(tasks, 200))}


def no_op(task: int) -> dict[str, object]:
    return {"ok": True, "id": task}


def check(graph: Graph, finished: Iterable[int]) -> None:
    """Every task exactly once; ends the program if an engine lost or repeated one."""
    ids = sorted(finished)
    if ids != list(range(len(graph))):
        raise SystemExit(f"wrong set of finished tasks: {len(set(ids))} of {len(graph)}, {len(ids)} results")


def _dag(tasks: int) -> Graph:
    rng = random.Random(SEED)  # noqa: S311 - the same graph every time
    width = tasks // LAYERS
    graph: dict[int, tuple[int, ...]] = {}
    for task in range(width * LAYERS):
        above = task // width * width - width
        graph[task] = tuple(above + n for n in sorted(rng.sample(range(width), DEGREE))) if above >= 0 else ()
    return graph
