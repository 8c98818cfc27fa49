"""What the notifier reads of itself: deliveries that wait."""

from collections.abc import Iterable, Iterator, Sequence

from sqlalchemy import func, select

from orchestra.chassis.database.unit_of_work import UnitOfWork
from orchestra.chassis.findings import Finding, of
from orchestra.chassis.telemetry.metrics import Reading, gauge
from orchestra.notifier.adapters.tables import PENDING, TABLES

WAITING = gauge("orchestra.notifications.waiting", "{delivery}", "Deliveries that have not ended.", "channel")
OVERDUE = gauge("orchestra.notifications.overdue", "s", "How long the next of them is overdue.", "channel")

OVERDUE_S = 300.0


async def read_deliveries(view: UnitOfWork) -> Iterable[Reading]:
    found: list[Reading] = []
    for channel, tables in TABLES.items():
        table = tables.delivery
        query = select(func.count(), func.min(table.c.due_at)).select_from(table).where(PENDING)
        waiting, due = (await view.connection.execute(query)).one()
        labels = {"service": "notifier", "channel": channel}
        overdue = max(0.0, (view.now - due).total_seconds()) if due else 0.0
        found += [Reading(WAITING, waiting, labels), Reading(OVERDUE, overdue, labels)]
    return found


def diagnose(readings: Sequence[Reading]) -> Iterator[Finding]:
    for reading in of(readings, OVERDUE):
        if reading.value > OVERDUE_S:
            yield Finding(
                alert="OrchestraNotificationsWait",
                severity="warning",
                problem=f"notifier: a delivery by {reading.labels['channel']} is {reading.value:.0f} s overdue",
                step="look at the delivery logs: an endpoint may ask for time, or be slow; then at the log of notifier",
            )
