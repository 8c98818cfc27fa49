"""The planning loop: it makes plans, one after the other, of what was requested."""

from orchestra.chassis.loops import Loop
from orchestra.planner.adapters.markdown import read_blocks
from orchestra.planner.application.accept_plan_request import PLANNING
from orchestra.planner.application.ports import Store
from orchestra.planner.application.propose_plan import propose_plan

POLL_S = 5.0
"""How long a request waits at most when the wake-up for it is lost, or was another replica's."""


def planning(store: Store) -> Loop:
    return Loop(PLANNING, lambda: propose_plan(store, read_blocks), every=POLL_S)
