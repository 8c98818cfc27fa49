"""The relay: takes committed events from the outbox to the transport, in order, until each is safe."""

from orchestra.chassis.database.unit_of_work import Database, UnitOfWork
from orchestra.chassis.messaging import outbox
from orchestra.chassis.messaging.transport import Transport
from orchestra.chassis.telemetry.logging import logger

log = logger("relay")

BATCH = 256


async def relay_once(database: Database[UnitOfWork], transport: Transport) -> bool:
    """Publish one batch of due events; True when there may be more."""
    async with database.begin() as work:
        token, batch = await outbox.claim(work, BATCH)
    if not batch:
        return False
    errors = await transport.publish(batch)
    sent = [out.position for out, error in zip(batch, errors, strict=True) if error is None]
    async with database.begin() as work:
        if sent:
            await outbox.mark_sent(work, token, sent)
        for out, error in zip(batch, errors, strict=True):
            if error is not None:
                await outbox.postpone(work, token, out, f"{type(error).__name__}: {error}")
    if len(sent) < len(batch):
        failed = next(error for error in errors if error is not None)
        log.warning("events not published", count=len(batch) - len(sent), reason=str(failed))
    return len(sent) == len(batch) == BATCH
