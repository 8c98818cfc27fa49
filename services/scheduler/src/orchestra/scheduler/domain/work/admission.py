"""Who takes what now: ready machine tasks are shared out over the free slots of agents, in order."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import zip_longest

from orchestra.contracts.ids import MemberId
from orchestra.scheduler.domain.people.member import Member, may_take
from orchestra.scheduler.domain.work.limits import Allowance
from orchestra.scheduler.domain.work.task import need_of_pool


@dataclass(frozen=True)
class Room:
    """How many more tasks each agent may get, how many all of them together, and what limits leave of that."""

    free: Mapping[MemberId, int]
    together: int
    allowances: Sequence[Allowance] = ()

    def for_pool(self, members: Sequence[Member], pool: str) -> int:
        """How many tasks of this pool could be dispatched now."""
        need = need_of_pool(pool)
        slots = sum(self.free.get(m.id, 0) for m in members if may_take(m, need))
        return min(self.together, slots, *(each.left for each in self.allowances if each.covers(pool)))


def room_for(members: Sequence[Member], in_flight: Mapping[MemberId, int], limit: int | None) -> Room:
    """`limit` is the run's own concurrency: machine tasks in flight at a time; None: what the slots allow.

    No task goes out ahead of a slot: what waits can be ordered, and slots and limits are what runs at once.
    """
    free = {m.id: max(0, m.slots - in_flight.get(m.id, 0)) for m in members if m.kind == "agent"}
    if limit is None:
        return Room(free, sum(free.values()))
    busy = sum(in_flight.get(member, 0) for member in free)
    return Room(free, max(0, min(limit - busy, sum(free.values()))))


def share_out(
    pools: Sequence[str], members: Sequence[Member], room: Room, preferred: Sequence[str | None] = ()
) -> list[MemberId | None]:
    """For tasks of these pools, in order: the eligible agent with the most free slots; None when there is none.

    `preferred` names an AI agent for each task: a member that works by it goes first while it has a slot.
    """
    free = dict(room.free)
    left = room.together
    allowed = [each.left for each in room.allowances]
    eligible: dict[str, list[Member]] = {}
    covering: dict[str, list[int]] = {}
    chosen: list[MemberId | None] = []
    for pool, wanted in zip_longest(pools, preferred):
        if pool not in eligible:
            need = need_of_pool(pool)
            eligible[pool] = [m for m in members if may_take(m, need)]
            covering[pool] = [at for at, each in enumerate(room.allowances) if each.covers(pool)]
        # Ties go to the key, so that equal situations give equal assignments.
        best = max(eligible[pool], key=partial(_standing, free, wanted), default=None)
        kept_back = any(allowed[at] <= 0 for at in covering[pool])
        if best is None or left <= 0 or free.get(best.id, 0) <= 0 or kept_back:
            chosen.append(None)
            continue
        free[best.id] -= 1
        left -= 1
        for at in covering[pool]:
            allowed[at] -= 1
        chosen.append(best.id)
    return chosen


def _standing(free: Mapping[MemberId, int], wanted: str | None, member: Member) -> tuple[bool, int, str]:
    slots = free.get(member.id, 0)
    return wanted is not None and member.agent == wanted and slots > 0, slots, member.key
