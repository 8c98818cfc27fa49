"""Gates on the axis of minutes: when the gate of an edge opens, and how late what it waits for may come."""

from orchestra.scheduler.domain.timeline.calendar import WEEK
from orchestra.scheduler.domain.timeline.working_time import WorkingTime
from orchestra.scheduler.domain.work.dependency import Edge


def opening(edge: Edge, since: int, time: WorkingTime) -> int:
    """The minute in which the gate opens when its predecessor has started or ended in the minute `since`."""
    if not edge.lag:
        return since
    if edge.clock == "elapsed":
        return since + edge.lag
    return time.end(time.position(since) + edge.lag)


def latest(edge: Edge, opened_by: int, time: WorkingTime) -> int:
    """The last minute in which the predecessor may start or end for its gate to open by the minute `opened_by`."""
    if not edge.lag:
        return opened_by
    if edge.clock == "elapsed":
        return opened_by - edge.lag
    return time.start(time.position(opened_by) - edge.lag)


def clock_minutes(edge: Edge, time: WorkingTime) -> int:
    """About how long the lag takes by the clock."""
    return edge.lag if edge.clock == "elapsed" else edge.lag * WEEK // time.hours.week
