"""The example's unit of work."""

from libs.chassis.tests.example.tables import NOTE
from sqlalchemy import insert, select

from orchestra.chassis.database.unit_of_work import UnitOfWork
from orchestra.chassis.telemetry.tracing import trace_id


class ExampleWork(UnitOfWork):
    async def note(self, text: str) -> None:
        await self.connection.execute(insert(NOTE).values(text=text, trace_id=trace_id(), at=self.now))

    async def notes(self) -> list[str]:
        return list((await self.connection.execute(select(NOTE.c.text).order_by(NOTE.c.position))).scalars())
