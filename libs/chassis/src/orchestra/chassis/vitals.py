"""The gauges that every service has, and what they say: outbox, retries, dead letters, loops, connections, queues."""

from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import func, select

from orchestra.chassis.database.tables import DEAD_LETTER, RETRY
from orchestra.chassis.database.unit_of_work import UnitOfWork
from orchestra.chassis.findings import Diagnose, Finding, of, value
from orchestra.chassis.loops import Loop
from orchestra.chassis.messaging import outbox
from orchestra.chassis.messaging.transport import Queue
from orchestra.chassis.readings import DATABASE_UP, Look, Read
from orchestra.chassis.telemetry.metrics import Reading, gauge

OUTBOX_UNSENT = gauge("orchestra.outbox.unsent", "{event}", "Events in the outbox that are not published yet.")
OUTBOX_AGE = gauge("orchestra.outbox.age", "s", "How long the oldest of them has waited.")
RETRIES = gauge("orchestra.retries.waiting", "{event}", "Deliveries that failed and are tried again.")
RETRY_TRIES = gauge("orchestra.retries.tries", "{try}", "Tries of the one that failed most often, of 8.")
RETRY_OVERDUE = gauge("orchestra.retries.overdue", "s", "How long the next retry is overdue.")
DEAD_LETTERS = gauge("orchestra.dead_letters", "{event}", "Deliveries that could not be handled and wait for a person.")
LOOP_FAILURES = gauge("orchestra.loop.failures", "{failure}", "Failures of a loop in a row.", "loop")
CONNECTIONS = gauge(
    "db.client.connection.count", "{connection}", "Connections of the pool.", "db.client.connection.state"
)
MOST_CONNECTIONS = gauge("db.client.connection.max", "{connection}", "Connections that the pool may have.")
CHECK = gauge("orchestra.check", "", "1 when a check of readiness holds, else 0.", "check")
QUEUES = gauge("orchestra.queues.expected", "{queue}", "Queues that the catalog of events asks for.")
CONSUMERS = gauge("orchestra.queue.consumers", "{consumer}", "Consumers of a queue; each needs one.", "queue")
MESSAGES = gauge("orchestra.queue.messages", "{message}", "Messages that are ready in a queue.", "queue")

STALE_OUTBOX_S = 30.0
MANY_TRIES = 5
"""A delivery that failed so often has been tried for a minute."""
OVERDUE_S = 60.0
FAILING = 3
"""Failures of a loop in a row."""


def read_tables(service: str) -> Read:
    labels = {"service": service}

    async def read(view: UnitOfWork) -> Iterable[Reading]:
        waiting, age = await outbox.unsent(view)
        query = select(func.count(), func.max(RETRY.c.attempts), func.min(RETRY.c.due_at))
        retries, tries, due = (await view.connection.execute(query)).one()
        dead = select(func.count()).where(DEAD_LETTER.c.replayed_at.is_(None)).select_from(DEAD_LETTER)
        overdue = max(0.0, (view.now - due).total_seconds()) if due else 0.0
        return [
            Reading(OUTBOX_UNSENT, waiting, labels),
            Reading(OUTBOX_AGE, max(0.0, age), labels),
            Reading(RETRIES, retries, labels),
            Reading(RETRY_TRIES, tries or 0, labels),
            Reading(RETRY_OVERDUE, overdue, labels),
            Reading(DEAD_LETTERS, (await view.connection.execute(dead)).scalar_one(), labels),
        ]

    return read


def read_process(service: str, loops: Sequence[Loop], pool: Any, pool_size: int) -> Look:
    labels = {"service": service}

    async def look_at() -> Iterable[Reading]:
        used: int = pool.checkedout()
        state = "db.client.connection.state"
        return [
            *(Reading(LOOP_FAILURES, loop.failures, {**labels, "loop": loop.name}) for loop in loops),
            Reading(CONNECTIONS, used, {**labels, state: "used"}),
            Reading(CONNECTIONS, max(0, pool.checkedin()), {**labels, state: "idle"}),
            Reading(MOST_CONNECTIONS, pool_size, labels),
        ]

    return look_at


def read_checks(service: str, run: Callable[[], Awaitable[Mapping[str, str | None]]]) -> Look:
    async def look_at() -> Iterable[Reading]:
        reasons = await run()
        return [Reading(CHECK, reason is None, {"service": service, "check": name}) for name, reason in reasons.items()]

    return look_at


def read_queues(service: str, look: Callable[[], Awaitable[Sequence[Queue]]]) -> Look:
    """Of all services, by one of them: a service that is down cannot tell that nobody consumes its queues."""
    labels = {"service": service}

    async def look_at() -> Iterable[Reading]:
        queues = await look()
        found = [Reading(QUEUES, len(queues), labels)]
        for queue in queues:
            found.append(Reading(CONSUMERS, queue.consumers, {**labels, "queue": queue.name}))
            if queue.messages is not None:
                found.append(Reading(MESSAGES, queue.messages, {**labels, "queue": queue.name}))
        return found

    return look_at


def diagnose(service: str) -> Diagnose:
    def found(readings: Sequence[Reading]) -> Iterator[Finding]:
        if not value(readings, DATABASE_UP):
            yield Finding(
                alert="OrchestraDatabaseAway",
                severity="error",
                problem=f"{service}: its database does not answer",
                step="look at the database server; the service goes on by itself once it answers",
            )
            return
        yield from _messaging(service, readings)
        yield from _loops(service, readings)
        yield from _queues(readings)

    return found


def _messaging(service: str, readings: Sequence[Reading]) -> Iterator[Finding]:
    age, unsent = value(readings, OUTBOX_AGE), value(readings, OUTBOX_UNSENT)
    if age > STALE_OUTBOX_S:
        yield Finding(
            alert="OrchestraOutboxGrows",
            severity="error",
            problem=f"{service}: {unsent:.0f} events wait in the outbox, the oldest for {age:.0f} s",
            step=f"look at the broker, and at the relay in the log of {service}",
        )
    tries, overdue = value(readings, RETRY_TRIES), value(readings, RETRY_OVERDUE)
    if tries >= MANY_TRIES or overdue > OVERDUE_S:
        late = f", and the next one is {overdue:.0f} s overdue" if overdue > OVERDUE_S else ""
        yield Finding(
            alert="OrchestraRetriesWait",
            severity="warning",
            problem=f"{service}: {value(readings, RETRIES):.0f} deliveries fail, one {tries:.0f} times{late}",
            step=f"look for `delivery set aside` in the log of {service}; after 8 tries it is a dead letter",
        )
    if dead := value(readings, DEAD_LETTERS):
        yield Finding(
            alert="OrchestraDeadLetters",
            severity="warning",
            problem=f"{service}: {dead:.0f} events could not be handled",
            step="orchestra dead ls; mend the cause, then orchestra dead replay ID",
        )


def _loops(service: str, readings: Sequence[Reading]) -> Iterator[Finding]:
    for reading in of(readings, LOOP_FAILURES):
        if reading.value >= FAILING:
            yield Finding(
                alert="OrchestraLoopFails",
                severity="error",
                problem=f"{service}: the loop `{reading.labels['loop']}` failed {reading.value:.0f} times in a row",
                step=f"look for `loop failed` and `loop waits` in the log of {service}",
            )


def _queues(readings: Sequence[Reading]) -> Iterator[Finding]:
    for reading in of(readings, CONSUMERS):
        if not reading.value:
            queue = reading.labels["queue"]
            waiting = next((r.value for r in of(readings, MESSAGES) if r.labels["queue"] == queue), 0)
            service = queue.partition(".")[0]
            yield Finding(
                alert="OrchestraConsumerMissing",
                severity="error",
                problem=f"the queue {queue} has no consumer; {waiting:.0f} messages wait in it",
                step=f"start {service}, or restart it if it runs",
            )
