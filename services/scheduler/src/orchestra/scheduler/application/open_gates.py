"""Time passes: lags are over, and what they held back goes on."""

from collections import defaultdict

from orchestra.scheduler.application.advance_run import advance_runs_of
from orchestra.scheduler.application.end_work import go_on_after
from orchestra.scheduler.application.gate_ports import Key
from orchestra.scheduler.application.recalculate import Transaction
from orchestra.scheduler.domain.work.dependency import Edge

MOST = 500
"""Edges opened in one round."""


async def open_gates(read: Transaction, begin: Transaction) -> bool:
    """Open the edges whose lag is over, each once; True when there may be more."""
    async with read() as view:
        due = await view.gates.due(MOST)
    edges: defaultdict[Key, list[Edge]] = defaultdict(list)
    for key, edge in due:
        edges[key].append(edge)
    for key, mine in sorted(edges.items()):
        async with begin() as work:
            await work.projects.hold(*key)
            await work.gates.open(mine)
            tasks = await work.tasks.some(sorted({edge.predecessor for edge in mine}))
            await go_on_after(work, tasks, "its lag is over")
            await advance_runs_of(work, tasks, "a lag is over")
    return len(due) == MOST
