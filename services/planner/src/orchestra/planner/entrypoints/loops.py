"""What the planner does by itself: it makes plans of what was requested, and hands on large ones that were approved."""

from orchestra.chassis.loops import Loop
from orchestra.planner.adapters import drafts
from orchestra.planner.adapters.markdown import read_blocks
from orchestra.planner.application.accept_plan_request import PLANNING
from orchestra.planner.application.hand_on import HANDING_ON, hand_on_next
from orchestra.planner.application.ports import Drafts, Store
from orchestra.planner.application.propose_plan import Means, propose_plan

POLL_S = 5.0
"""How long a request waits at most when the wake-up for it is lost, or was another replica's."""


def loops(store: Store) -> list[Loop]:
    means = Means(read_blocks, Drafts(drafts.schema, drafts.read_draft))
    return [
        Loop(PLANNING, lambda: propose_plan(store, means), every=POLL_S),
        Loop(HANDING_ON, lambda: hand_on_next(store), every=POLL_S),
    ]
