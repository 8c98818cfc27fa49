"""What holds for every schedule, whatever the plan, the team, their calendars and the state the work is in."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from orchestra.scheduler.domain.people.member import MULTIPLIERS, Member, Need, duration, may_take
from orchestra.scheduler.domain.timeline.calendar import Calendar, Hours, instant_of, next_minute
from orchestra.scheduler.domain.timeline.difference import difference
from orchestra.scheduler.domain.timeline.generation import Generation
from orchestra.scheduler.domain.timeline.grain import Grain
from orchestra.scheduler.domain.timeline.hashing import input_hash
from orchestra.scheduler.domain.timeline.placement import Placement, Schedule
from orchestra.scheduler.domain.timeline.schedule import calculate
from orchestra.scheduler.domain.timeline.snapshot import Snapshot, Task
from orchestra.scheduler.domain.timeline.working_time import WorkingTime
from orchestra.scheduler.domain.work.dependency import Edge

AS_OF = datetime(2026, 10, 22, 11, 40, 31, tzinfo=UTC)  # Thursday; Berlin puts its clocks back on Sunday
ROLES = st.sampled_from(["editor", "writer"])
ZONES = st.sampled_from(["Europe/Berlin", "America/New_York", "Asia/Kolkata"])
HOURS = st.sampled_from(
    [Hours(), Hours(stretches=((480, 720), (780, 990))), Hours(frozenset({1, 3, 6}), ((600, 840),))]
)
DAYS = st.frozensets(st.dates(date(2026, 10, 20), date(2026, 11, 5)), max_size=4)
GRAINS = st.builds(Grain, st.sampled_from([1, 15, 60, 1440]), st.builds(Calendar, ZONES, HOURS, DAYS))
EDGES: st.SearchStrategy[tuple[int, Any, int, Any]] = st.tuples(
    st.integers(0, 65),
    st.sampled_from(["FS", "FS", "SS", "FF", "SF"]),
    st.sampled_from([0, 0, 45, 1500]),
    st.sampled_from(["working", "elapsed"]),
)
FUTURE = st.integers(-300, 5 * 1440).map(lambda minutes: AS_OF + timedelta(minutes=minutes))
PAST = st.integers(0, 3 * 1440 * 60).map(lambda seconds: AS_OF - timedelta(seconds=seconds))


@st.composite
def members(draw: st.DrawFn, number: int) -> Member:
    return Member(
        id=f"mem_{number}",
        key=f"m{number}",
        name="",
        kind=draw(st.sampled_from(["person", "person", "person", "agent"])),
        is_manager=draw(st.integers(0, 4)) == 0,
        roles=draw(st.frozensets(ROLES)),
        seniority=draw(st.sampled_from(list(MULTIPLIERS))),
        slots=draw(st.sampled_from([1, 1, 2])),
        share=draw(st.sampled_from([0.5, 1.0])),
        hours=draw(st.none() | HOURS),
        zone=draw(st.none() | ZONES),
        days_off=draw(DAYS),
    )


@st.composite
def tasks(draw: st.DrawFn, number: int, team: tuple[Member, ...]) -> Task:
    statuses = ["blocked", "ready", "ready", "assigned", "queued", "running", "in_review", "waiting", "done", "failed"]
    status = draw(st.sampled_from([*statuses, "cancelled", "skipped"]))
    need = Need(
        role=draw(st.none() | ROLES),
        command=draw(st.integers(0, 3)) == 0,
        points=draw(st.none() | st.sampled_from([0.5, 1.0, 3.0])),
        minutes=draw(st.none() | st.integers(1, 900)),
    )
    values: dict[str, Any] = {"not_before": draw(st.none() | FUTURE)}
    if status in ("assigned", "running", "in_review", "waiting", "done"):
        values["assignee"] = draw(st.sampled_from(team)).id
    if status in ("running", "in_review", "waiting", "done") or draw(st.booleans()):
        values["started_at"] = draw(PAST)
    if status == "done":
        values["ended_at"] = max(values["started_at"], draw(PAST))
    if status == "in_review" and draw(st.booleans()):
        values["performed_at"] = max(values["started_at"], draw(PAST))
    return Task(f"t{number}", number, status, need, **values)


@st.composite
def snapshots(draw: st.DrawFn, **forced: Any) -> Snapshot:
    team = tuple(replace(draw(members(n)), **forced) for n in range(draw(st.integers(1, 4))))
    work = tuple(draw(tasks(n, team)) for n in range(draw(st.integers(1, 12))))
    pairs = [(a.id, b.id) for b in work for a in work[: b.order]]
    chosen = draw(st.lists(EDGES, max_size=14)) if pairs else []
    edges = tuple(Edge(*pairs[place % len(pairs)], kind, lag, clock) for place, kind, lag, clock in chosen)
    return Snapshot(AS_OF, draw(GRAINS), team, work, edges)


class Read:
    """A schedule with what it was made from at hand."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        self.schedule: Schedule = calculate(snapshot)
        self.tasks = {task.id: task for task in snapshot.tasks}
        self.members = {member.id: member for member in snapshot.members}
        self.now = snapshot.grain.floor(AS_OF)

    def opens(self, edge: Edge, started: datetime, ended: datetime) -> datetime:
        """When the gate opens, its predecessor having started and ended then."""
        since = instant_of(next_minute(started if edge.after_start else ended))
        skipped = self.tasks[edge.predecessor].status == "skipped"
        return since if skipped else edge.opens(since, WorkingTime.of(self.snapshot.calendar))

    def into(self, placement: Placement) -> list[tuple[Edge, Placement]]:
        """The edges into a task whose predecessors have dates."""
        return [
            (edge, self.schedule.by_task[edge.predecessor])
            for edge in self.snapshot.dependencies
            if edge.successor == placement.task and edge.predecessor in self.schedule.by_task
        ]

    def gates_of_start(self, placement: Placement) -> list[tuple[Edge, datetime]]:
        return [gate for gate in self.gates(placement) if not gate[0].before_end]

    def gates_of_end(self, placement: Placement) -> list[tuple[Edge, datetime]]:
        return [gate for gate in self.gates(placement) if gate[0].before_end]

    def gates(self, placement: Placement) -> list[tuple[Edge, datetime]]:
        """When its gates open. A start is a fact, even of a task that has no dates any more."""
        known = [(edge, self.opens(edge, p.start, p.end)) for edge, p in self.into(placement)]
        for edge in self.snapshot.dependencies:
            begun = self.tasks[edge.predecessor].started_at if edge.predecessor not in self.schedule.by_task else None
            if edge.successor == placement.task and edge.after_start and begun:
                known.append((edge, self.opens(edge, begun, begun)))
        return known

    def worked(self, placement: Placement, since: datetime) -> datetime:
        """When the work is done that begins then."""
        need = self.tasks[placement.task].need
        minutes = duration(self.member(placement), need, self.snapshot.grain, placement.share)
        return self.time(placement).add(since, minutes)

    def busy_until(self, placement: Placement) -> datetime:
        """When it takes its member's time no more, though its end may be held back; an overdue one a grain from now."""
        if placement.held is None:
            return placement.end
        done = self.worked(placement, placement.start)
        if placement.cause.kind != "started":
            return done
        grain = self.snapshot.grain
        overdue = grain.minutes if self.member(placement).kind == "agent" else grain.working
        return max(done, self.time(placement).add(self.now, overdue))

    def endless(self, task: str) -> bool:
        """Nobody can know when it ends."""
        status = self.tasks[task].status
        if status in ("failed", "cancelled") or task in {each.task for each in self.schedule.unplaced}:
            return True
        into = [edge for edge in self.snapshot.dependencies if edge.successor == task and edge.before_end]
        return status not in ("done", "skipped") and any(
            self.endless(edge.predecessor) if not edge.after_start else self.startless(edge.predecessor)
            for edge in into
        )

    def startless(self, task: str) -> bool:
        status = self.tasks[task].status
        unplaced = task in {each.task for each in self.schedule.unplaced} and not self.tasks[task].started
        return status in ("failed", "cancelled") or unplaced

    def member(self, placement: Placement) -> Member:
        return self.members[str(placement.member)]

    def time(self, placement: Placement) -> WorkingTime:
        return self.member(placement).working_time(self.snapshot.calendar)

    def with_cause(self, *kinds: str) -> list[Placement]:
        return [each for each in self.schedule.placements if each.cause.kind in kinds]

    @property
    def planned(self) -> list[Placement]:
        """Neither done nor started: their dates were free to choose."""
        return [each for each in self.schedule.placements if each.cause.kind not in ("done", "started")]


READ = snapshots().map(Read)
MINUTE = timedelta(minutes=1)


@given(READ)
def test_every_task_is_placed_or_unplaced_with_a_reason_and_skipped_and_cancelled_ones_are_neither(read: Read) -> None:
    placed, unplaced = list(read.schedule.by_task), [each.task for each in read.schedule.unplaced]
    left_out = [task.id for task in read.snapshot.tasks if task.status in ("skipped", "cancelled")]
    assert sorted([*placed, *unplaced, *left_out]) == sorted(read.tasks)


@given(READ)
def test_no_task_starts_or_ends_before_a_gate_of_any_kind_has_opened(read: Read) -> None:
    for each in read.planned:
        for edge, before in read.into(each):
            assert (each.end if edge.before_end else each.start) >= read.opens(edge, before.start, before.end)
    for each in read.with_cause("started"):
        for edge, before in read.into(each):
            assert not edge.before_end or each.end >= read.opens(edge, before.start, before.end)


@given(READ)
def test_what_starts_after_others_has_dates_only_if_they_have(read: Read) -> None:
    for each in read.planned:
        for edge in read.snapshot.dependencies:
            if edge.successor == each.task and edge.kind == "FS":
                assert edge.predecessor in read.schedule.by_task or read.tasks[edge.predecessor].status == "skipped"


@given(READ)
def test_no_task_starts_before_the_plan_begins_nor_before_its_gate(read: Read) -> None:
    for each in read.planned:
        assert each.start >= max(read.now, read.tasks[each.task].not_before or read.now)


@given(READ)
def test_nobody_begins_a_task_while_all_their_slots_are_taken(read: Read) -> None:
    for each in read.planned:
        beside = [
            other
            for other in read.schedule.placements
            if other.member == each.member and other.cause.kind != "done"
            if other.start <= each.start < (read.worked(other, other.start) if other.held else other.end)
            if read.tasks[other.task].performed_at is None
        ]
        assert len(beside) <= read.member(each).slots


@given(READ)
def test_planned_starts_and_ends_are_within_the_members_working_time(read: Read) -> None:
    for each in read.planned:
        time = read.time(each)
        assert time.next_working(each.start) == each.start
        assert time.subtract(each.end, 1) == each.end - MINUTE
        assert time.next_working(each.late_start) == each.late_start
        assert time.subtract(each.late_end, 1) == each.late_end - MINUTE


@given(READ)
def test_every_task_takes_its_duration_in_working_time(read: Read) -> None:
    for each in read.planned:
        expected = duration(read.member(each), read.tasks[each.task].need, read.snapshot.grain, each.share)
        taken = read.time(each).between(each.start, each.end)
        assert taken > expected if each.held else taken == expected


@given(READ)
def test_an_end_is_held_back_only_until_its_last_gate_opens(read: Read) -> None:
    for each in read.planned:
        if each.held:
            gates = read.gates_of_end(each)
            last = max(opens for _, opens in gates)
            assert each.end == read.time(each).add(last, 1) or each.end == last
            assert each.held.task in {edge.predecessor for edge, _ in gates}


@given(READ)
def test_br_proj_002_nobody_has_a_task_they_may_not_take_and_least_of_all_a_manager(read: Read) -> None:
    for each in read.planned:
        assert may_take(read.member(each), read.tasks[each.task].need)
    for each in read.with_cause("started"):
        assert not read.member(each).is_manager


@given(READ)
def test_br_sched_005_a_started_task_keeps_its_start_and_a_done_one_both_dates(read: Read) -> None:
    for each in read.with_cause("started", "done"):
        assert each.start == read.tasks[each.task].started_at
    for each in read.with_cause("done"):
        assert each.end == read.tasks[each.task].ended_at
    for each in read.with_cause("started"):
        assert each.end > read.now


@given(READ)
def test_br_sched_006_the_project_ends_with_its_last_task_and_something_critical_ends_then(read: Read) -> None:
    ends = [each.end for each in read.schedule.placements]
    assert read.schedule.project_end == max(ends, default=None)
    last = [each for each in read.schedule.placements if each.end == read.schedule.project_end]
    performed = {task.id for task in read.snapshot.tasks if task.performed_at}  # what is worked off moves no date
    assert all(each.critical or each.held or each.cause.kind == "done" or each.task in performed for each in last)


@given(READ)
def test_late_dates_keep_the_dependencies_and_the_projects_end(read: Read) -> None:
    late = {each.task: each for each in read.schedule.placements}
    for each in late.values():
        assert each.late_start >= each.start
        assert each.late_end >= each.end
        assert read.schedule.project_end is not None
        assert each.late_end <= read.schedule.project_end
        assert each.critical == (each.slack == 0 and each.cause.kind != "done")
    planned = {each.task for each in read.planned}
    for each in late.values():
        for edge, before in read.into(each):
            opens = read.opens(edge, before.late_start, before.late_end)
            if edge.before_end and each.cause.kind != "done":
                assert opens <= each.late_end
            elif not edge.before_end and each.task in planned:
                assert opens <= each.late_start


@given(READ)
def test_late_dates_keep_the_order_of_everybodys_tasks(read: Read) -> None:
    for member in read.snapshot.members:
        own = sorted((each for each in read.planned if each.member == member.id), key=lambda each: each.start)
        if member.slots == 1:
            for earlier, later in pairwise(own):
                assert read.worked(earlier, earlier.late_start) <= later.late_start


@given(READ)
def test_every_cause_is_true(read: Read) -> None:
    """Where the cause ends, the task begins: no working minute of its member lies between."""
    for each in read.planned:
        time, other = read.time(each), read.schedule.by_task.get(each.cause.task or "")
        match each.cause.kind:
            case "as of":
                assert each.start == read.now
            case "calendar":
                assert each.start == time.next_working(read.now) > read.now
            case "not before":
                assert each.start == time.next_working(read.tasks[each.task].not_before or read.now)
            case "predecessor":
                gates = [(edge, at) for edge, at in read.gates_of_start(each) if edge.predecessor == each.cause.task]
                assert each.start in [time.next_working(at) for _, at in gates]
                assert each.cause.edge in {edge.label for edge, _ in gates}
            case "member busy":
                assert other is not None
                assert other.member == each.member
                assert each.start == time.next_working(read.busy_until(other))
            case kind:
                raise AssertionError(kind)


@given(READ)
def test_every_unplaced_task_has_a_true_reason(read: Read) -> None:
    for each in read.schedule.unplaced:
        task = read.tasks[each.task]
        match each.reason:
            case "failed":
                assert task.status == "failed"
            case "behind":
                edges = [e for e in read.snapshot.dependencies if e[:2] == (each.by, each.task) and not e.before_end]
                assert any(
                    read.startless(str(each.by)) if edge.after_start else read.endless(str(each.by)) for edge in edges
                )
            case "no member":
                assert not any(may_take(member, task.need) for member in read.snapshot.members)
            case "member":
                member = read.members[str(each.by)]
                assert member.is_manager or not may_take(member, task.need)


@given(snapshots(), st.randoms(use_true_random=False))
def test_the_same_inputs_in_any_order_give_the_same_schedule_and_hash(snapshot: Snapshot, chance: Any) -> None:
    def shuffled(values: tuple[Any, ...]) -> tuple[Any, ...]:
        return tuple(chance.sample(values, len(values)))

    other = replace(
        snapshot,
        members=shuffled(snapshot.members),
        tasks=shuffled(snapshot.tasks),
        dependencies=shuffled(snapshot.dependencies),
    )
    assert calculate(other) == calculate(snapshot)
    assert input_hash(other) == input_hash(snapshot)


@given(snapshots(slots=1))
def test_nothing_moves_when_nothing_has_changed(snapshot: Snapshot) -> None:
    first = calculate(snapshot)
    second = calculate(replace(snapshot, previous=first, previous_version=1))
    assert difference(first, second) == ()


@given(snapshots(), st.integers(0, 11), st.integers(1, 2000))
def test_nobody_changes_tasks_for_a_delay_unless_the_plan_is_made_afresh(
    snapshot: Snapshot, number: int, minutes: int
) -> None:
    """With everybody's member fixed as it was, the answer is the same or the plan is a new one altogether."""
    first = calculate(snapshot)
    slower = tuple(
        replace(task, need=replace(task.need, minutes=(task.need.minutes or 0) + minutes)) if i == number else task
        for i, task in enumerate(snapshot.tasks)
    )
    changed = replace(snapshot, tasks=slower)
    second = calculate(replace(changed, previous=first, previous_version=1))
    members = {each.task: each.member for each in first.placements}
    same = all(members[each.task] == each.member for each in second.placements)
    assert same or second == calculate(changed)


@given(snapshots(slots=1), st.integers(0, 11))
def test_an_early_finish_never_delays_a_task_of_a_repaired_plan(snapshot: Snapshot, number: int) -> None:
    """Of the repaired one alone: a plan made afresh may keep everybody's member and still change the order."""
    first = calculate(snapshot)
    early = tuple(
        replace(task, status="done", ended_at=min(AS_OF, first.by_task[task.id].end))
        if i == number and task.started and task.id in first.by_task
        else task
        for i, task in enumerate(snapshot.tasks)
    )
    repaired = Generation(replace(snapshot, tasks=early), first.by_task)
    for entry in repaired.entries.values():
        assert entry.diary.member.id == first.by_task[entry.task.id].member
        assert entry.start <= first.by_task[entry.task.id].start
