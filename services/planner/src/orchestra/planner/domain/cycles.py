"""Finds cycles of dependencies without recursion, so that a long chain of tasks is no trouble."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

SHOWN = 12


class Cycle(NamedTuple):
    names: tuple[str, ...]
    """Each task once, a predecessor before its successor; the one that comes first in the plan leads."""
    successor: str
    """The task whose dependency on `predecessor` closes the cycle."""
    predecessor: str

    def __str__(self) -> str:
        """`a → b → c → a`; the middle of a very long one is left out."""
        shown: tuple[str, ...] = self.names
        if len(shown) > SHOWN:
            shown = (*shown[: SHOWN // 2], f"… {len(shown) - SHOWN} more …", *shown[-SHOWN // 2 :])
        return " → ".join((*shown, self.names[0]))


def find_cycles(after: Mapping[str, Sequence[str]]) -> Iterator[Cycle]:
    """Cycles that share no task: at least one wherever tasks wait for each other.

    `after` names the predecessors of each task, in plan order; a name that is no task is passed over.
    """
    order = {name: at for at, name in enumerate(after)}
    reported: set[str] = set()
    finished: set[str] = set()
    for root in after:
        path: list[str] = []
        depth: dict[str, int] = {}
        waiting = [iter((root,))]
        while waiting:
            name = next(waiting[-1], None)
            if name is None:
                waiting.pop()
                if path:
                    done = path.pop()
                    del depth[done]
                    finished.add(done)
            elif name in depth:
                ring = path[depth[name] :]
                if reported.isdisjoint(ring):
                    reported.update(ring)
                    yield _cycle(ring, order)
            elif name in after and name not in finished:
                depth[name] = len(path)
                path.append(name)
                waiting.append(iter(after[name]))


def _cycle(ring: Sequence[str], order: Mapping[str, int]) -> Cycle:
    """`ring` goes from successor to predecessor; its last task comes after its first."""
    forward = ring[::-1]
    lead = min(range(len(forward)), key=lambda at: order[forward[at]])
    return Cycle((*forward[lead:], *forward[:lead]), successor=ring[-1], predecessor=ring[0])
