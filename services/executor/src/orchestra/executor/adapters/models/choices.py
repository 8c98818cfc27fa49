"""What the project of whoever asks has chosen: the port Choices."""

from dataclasses import dataclass

from orchestra.chassis.database.unit_of_work import Database
from orchestra.executor.adapters.work import ExecutorWork
from orchestra.executor.application.models.ports import Caller


@dataclass(frozen=True)
class SqlChoices:
    database: Database[ExecutorWork]

    async def of(self, caller: Caller) -> str | None:
        if caller.project_id is None:
            return None
        async with self.database.read() as view:
            chosen = await view.project_models.find(caller.workspace_id, caller.project_id)
        return chosen.choice if chosen is not None else None
