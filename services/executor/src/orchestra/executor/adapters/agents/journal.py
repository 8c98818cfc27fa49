"""The journal in the database: the port Journal. Each method is a transaction of its own."""

import json
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import select, update

from orchestra.chassis.database.unit_of_work import Database
from orchestra.chassis.ids import new_id
from orchestra.contracts.ids import Sha256, WorkspaceId
from orchestra.executor.adapters.agents.tables import BEGUN, CONVERSATION, TOOL_CALL, USED_APPROVAL
from orchestra.executor.adapters.tables import ATTEMPT, HELD
from orchestra.executor.adapters.work import ExecutorWork
from orchestra.executor.application.agents.journal_ports import ApprovalUsed, Entry, EntryStatus, NotHeld
from orchestra.executor.application.agents.ports import Assignment
from orchestra.executor.domain.agents.calls import Effected, ToolCall, ToolSpec

MOST_EFFECTS = 50
"""Lines on what earlier conversations have done."""

_ENTRY = (TOOL_CALL.c.id, TOOL_CALL.c.key, TOOL_CALL.c.status, TOOL_CALL.c.result, TOOL_CALL.c.effected)


@dataclass(frozen=True)
class SqlJournal:
    database: Database[ExecutorWork]

    async def opening(self, assignment: Assignment, make: Callable[[], Awaitable[str]]) -> str:
        if (kept := await self._opened(assignment.conversation)) is not None:
            return kept
        text = await make()
        async with self.database.begin() as work:
            await _still_held(work, assignment)
            row = {
                "id": assignment.conversation,
                "workspace_id": assignment.workspace_id,
                "task_id": assignment.task_id,
                "sealed": work.seal(text, assignment.conversation),
                "at": work.now,
            }
            await work.connection.execute(work.dialect.insert(CONVERSATION).values(row).on_conflict_do_nothing())
        return await self._opened(assignment.conversation) or text

    async def _opened(self, conversation: str) -> str | None:
        query = select(CONVERSATION.c.sealed).where(CONVERSATION.c.id == conversation)
        async with self.database.read() as view:
            sealed = (await view.connection.execute(query)).scalar_one_or_none()
            return None if sealed is None else view.open(sealed, conversation)

    async def find(self, conversation: str, call: ToolCall) -> Entry | None:
        query = (
            select(*_ENTRY)
            .where(TOOL_CALL.c.conversation == conversation, TOOL_CALL.c.place == call.place)
            .where(TOOL_CALL.c.digest == call.digest)
            .order_by(TOOL_CALL.c.id.desc())
            .limit(1)
        )
        return await self._first(query)

    async def unsure(self, assignment: Assignment, call: ToolCall) -> Entry | None:
        same = (TOOL_CALL.c.task_id == assignment.task_id, TOOL_CALL.c.digest == call.digest)
        query = select(*_ENTRY).where(*same, TOOL_CALL.c.effect == "outside", BEGUN).order_by(TOOL_CALL.c.id).limit(1)
        return await self._first(query)

    async def _first(self, query: Any) -> Entry | None:
        async with self.database.read() as view:
            row = (await view.connection.execute(query)).first()
            if row is None:
                return None
            text = "" if row.result is None else view.open(row.result, row.key)
            return Entry(row.id, row.key, row.status, text, [Effected(**each) for each in row.effected or ()])

    async def used(self, checkpoints: Collection[str]) -> set[str]:
        query = select(USED_APPROVAL.c.checkpoint_id).where(USED_APPROVAL.c.checkpoint_id.in_(checkpoints))
        async with self.database.read() as view:
            return set((await view.connection.execute(query)).scalars())

    async def begin(
        self,
        assignment: Assignment,
        call: ToolCall,
        spec: ToolSpec,
        summary: str,
        *,
        key: str,
        approval: str | None,
        instead_of: Entry | None,
    ) -> Entry:
        entry = Entry(new_id("tcl"), key, "begun")
        async with self.database.begin() as work:
            await _still_held(work, assignment)
            if approval is not None:
                used = {"checkpoint_id": approval, "call_id": entry.id, "at": work.now}
                once = work.dialect.insert(USED_APPROVAL).values(used).on_conflict_do_nothing()
                if (await work.connection.execute(once.returning(USED_APPROVAL.c.call_id))).first() is None:
                    raise ApprovalUsed(approval)
            if instead_of is not None:
                given_up = update(TOOL_CALL).where(TOOL_CALL.c.key == instead_of.key, BEGUN)
                await work.connection.execute(given_up.values(status="unknown", ended_at=work.now))
            effect = "repeatable" if spec.effect == "outside" and spec.repeatable else spec.effect
            row = _row(work, assignment, call, entry, summary, "") | {"effect": effect, "approval": approval}
            await work.connection.execute(work.dialect.insert(TOOL_CALL).values(row))
        return entry

    async def end(
        self, assignment: Assignment, entry: Entry, status: EntryStatus, result: str, effected: Sequence[Effected]
    ) -> None:
        contents: dict[tuple[WorkspaceId, Sha256], int] = {
            (assignment.workspace_id, each.sha256): each.size for each in effected if each.sha256 is not None
        }
        async with self.database.begin() as work:
            values = {
                "status": status,
                "ended_at": work.now,
                "result": work.seal(result, entry.key),
                "effected": [asdict(each) for each in effected] or None,
            }
            await work.connection.execute(update(TOOL_CALL).where(TOOL_CALL.c.key == entry.key, BEGUN).values(values))
            if contents:
                await work.register.add(contents)

    async def decided(
        self, assignment: Assignment, call: ToolCall, status: EntryStatus, reason: str, summary: str
    ) -> None:
        entry = Entry(new_id("tcl"), "", status)
        async with self.database.begin() as work:
            await _still_held(work, assignment)
            row = _row(work, assignment, call, entry, summary, reason)
            row |= {"key": entry.id, "effect": "none", "ended_at": work.now, "result": work.seal(reason, entry.id)}
            await work.connection.execute(work.dialect.insert(TOOL_CALL).values(row))

    async def effects(self, assignment: Assignment) -> Sequence[str]:
        query = (
            select(TOOL_CALL.c.id, TOOL_CALL.c.status, TOOL_CALL.c.sealed)
            .where(TOOL_CALL.c.task_id == assignment.task_id, TOOL_CALL.c.effect == "outside")
            .where(TOOL_CALL.c.conversation != assignment.conversation)
            .where(TOOL_CALL.c.status.in_(("begun", "done", "unknown")))
            .order_by(TOOL_CALL.c.id.desc())
            .limit(MOST_EFFECTS)
        )
        async with self.database.read() as view:
            rows = (await view.connection.execute(query)).all()
            told = [(row.status, json.loads(view.open(row.sealed, row.id))["summary"]) for row in rows]
        return [text if status == "done" else f"{text} (perhaps)" for status, text in reversed(told)]


def _row(
    work: ExecutorWork, assignment: Assignment, call: ToolCall, entry: Entry, summary: str, reason: str
) -> dict[str, Any]:
    told = json.dumps({"summary": summary, "arguments": dict(call.arguments), "reason": reason})
    return {
        "id": entry.id,
        "workspace_id": assignment.workspace_id,
        "run_id": assignment.run_id,
        "task_id": assignment.task_id,
        "attempt_id": assignment.attempt_id,
        "conversation": assignment.conversation,
        "place": call.place,
        "tool": call.tool[:200],
        "digest": call.digest,
        "key": entry.key,
        "status": entry.status,
        "sealed": work.seal(told, entry.id),
        "at": work.now,
    }


async def _still_held(work: ExecutorWork, assignment: Assignment) -> None:
    """Locked until the commit: whoever takes the attempt away comes after this row, and finds it. Raises NotHeld."""
    query: Any = select(ATTEMPT.c.id).where(ATTEMPT.c.id == assignment.attempt_id, HELD)
    mine = work.dialect.locked(query.where(ATTEMPT.c.token == assignment.token))
    if (await work.connection.execute(mine)).first() is None:
        raise NotHeld(assignment.attempt_id)
