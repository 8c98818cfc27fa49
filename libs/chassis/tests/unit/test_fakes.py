"""Ids and fakes."""

from datetime import timedelta

from orchestra.chassis.clock import SystemClock
from orchestra.chassis.ids import new_id
from orchestra.chassis.testing.fakes import HeldClock


def test_held_time_moves_only_when_told_to() -> None:
    clock = HeldClock()
    begun = clock.now()

    clock.advance(timedelta(days=3))

    assert clock.now() - begun == timedelta(days=3)
    assert abs(begun - SystemClock().now()) < timedelta(seconds=5)


def test_new_ids_are_in_the_order_of_their_making() -> None:
    ids = [new_id("tsk") for _ in range(1000)]

    assert ids == sorted(set(ids))
    assert all(len(each) == len("tsk_") + 32 for each in ids)
