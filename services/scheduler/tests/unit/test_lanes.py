"""Slots side by side are found as if each had been looked at."""

from hypothesis import given
from hypothesis import strategies as st

from orchestra.scheduler.domain.timeline.lanes import Lane, Lanes

BOOKINGS = st.lists(st.tuples(st.integers(0, 60), st.integers(1, 12), st.booleans()), max_size=60)
"""Not before, how long, and whether it has begun there already."""


@given(number=st.integers(1, 9), bookings=BOOKINGS)
def test_the_first_gap_of_all_slots_is_the_first_of_the_gaps_of_each(
    number: int, bookings: list[tuple[int, int, bool]]
) -> None:
    lanes, each = Lanes(number), [Lane() for _ in range(number)]
    ends: list[dict[int, str]] = [{} for _ in each]
    free = [-1] * number
    for n, (since, minutes, begun) in enumerate(bookings):
        offers = [lane.earliest(since, minutes) for lane in each]
        first = min(offers)
        assert lanes.earliest(since, minutes) == (first, offers.index(first))
        from_then = [max(since, at) for at in free]
        assert lanes.free_first(since) == from_then.index(min(from_then))

        start, at = (since, lanes.free_first(since)) if begun else (first, offers.index(first))
        task = f"t{n}"
        lanes.book(at, start, start + minutes, task)
        each[at].book(start, start + minutes, task)
        ends[at][start + minutes] = task
        free[at] = max(free[at], start + minutes)
        for position in range(75):
            assert lanes.task_ending(position) == next((lane[position] for lane in ends if position in lane), None)
    assert list(lanes.pairs()) == [pair for lane in each for pair in lane.pairs()]
