"""The broker: every call of a tool goes through it. It decides by rules outside the model, writes the decision down
before anything happens, has the call made, and writes down what came of it.

Invariants: no call is made without its row; a call whose end is written is never made again, it is answered from the
journal; one with an effect outside, of which nobody knows whether it was made, is looked up, or a person decides.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from orchestra.contracts.suspensions import ApprovalNeeded
from orchestra.executor.application.agents.journal_ports import ApprovalUsed, Entry, EntryStatus, Journal
from orchestra.executor.application.agents.ports import Assignment, Files, OutOfLimits, Tool, ToolAway, Waits
from orchestra.executor.domain.agents.calls import ToolCall, ToolResult, ToolSpec
from orchestra.executor.domain.agents.repetition import STOPPED_AT, TOLD_AT, Repetition
from orchestra.executor.domain.agents.rules import Allowed, Asks, Decision, Judged, Refused, decide, is_wanted
from orchestra.executor.domain.agents.texts import cut

MOST_SUMMARY = 2_000

Validate = Callable[[Mapping[str, Any], Mapping[str, Any]], Sequence[str]]
"""(schema, arguments): why they do not fulfil it."""


@dataclass
class Broker:
    assignment: Assignment
    journal: Journal
    files: Files
    tools: Mapping[str, Tool]
    approve: frozenset[str]
    validate: Validate
    say: Callable[[str], None]
    _place: int = 0
    _repetition: Repetition = field(default_factory=Repetition)

    @property
    def specs(self) -> Sequence[ToolSpec]:
        return [tool.spec for tool in self.tools.values()]

    async def use(self, name: str, arguments: Mapping[str, Any]) -> str:
        """What the model is told of it. Raises Waits, OutOfLimits, NotHeld, and what a question to a model raises."""
        self._place += 1
        call = ToolCall(name, arguments, self._place)
        kept = await self.journal.find(self.assignment.conversation, call)
        if kept is not None and kept.status in ("done", "failed", "refused"):
            await self.files.restore(kept.effected)
            text = kept.text
        else:
            text = await self._make(call, kept if kept is not None and kept.status == "begun" else None)
        return self._noted(call, text)

    def _noted(self, call: ToolCall, text: str) -> str:
        times = self._repetition.note(call.digest, hashlib.sha256(text.encode()).hexdigest())
        if times >= STOPPED_AT:
            raise OutOfLimits(f"It repeated itself: {call.tool} was called {times} times with the same result.")
        if times >= TOLD_AT:
            return f"{text}\n(You have made this call {times} times, always with this result. Do something else.)"
        return text

    async def _make(self, call: ToolCall, begun: Entry | None) -> str:
        tool = self.tools.get(call.tool)
        outside = tool is not None and tool.spec.effect == "outside"
        if outside and begun is None:
            begun = await self.journal.unsure(self.assignment, call)
        faults = self.validate(tool.spec.parameters, call.arguments) if tool is not None else ()
        summary = call.tool[:100] if tool is None or faults else tool.summary(call.arguments)[:MOST_SUMMARY]
        if tool is not None and begun is not None and outside:
            found = await tool.look_up(begun.key)
            if found is not None:
                return await self._ended(tool, await self._begin(call, tool, summary, begun.key), found, summary)
        safe = begun is not None and tool is not None and (not outside or tool.spec.repeatable)
        unsure = begun is not None and not safe
        decision = await self._decide(call, tool, faults, unsure=unsure, granted=safe)
        while isinstance(decision, Allowed) and tool is not None:
            approval = decision.approval.checkpoint_id if decision.approval else None
            key = begun.key if begun is not None and safe else self._key(call, approval)
            try:
                entry = await self._begin(call, tool, summary, key, approval, begun if unsure else None)
            except ApprovalUsed:
                decision = await self._decide(call, tool, faults, unsure=unsure, granted=safe)
                continue
            return await self._perform(call, tool, entry, summary)
        return await self._kept_back(call, decision, summary)

    async def _begin(
        self,
        call: ToolCall,
        tool: Tool,
        summary: str,
        key: str,
        approval: str | None = None,
        instead_of: Entry | None = None,
    ) -> Entry:
        return await self.journal.begin(
            self.assignment, call, tool.spec, summary, key=key, approval=approval, instead_of=instead_of
        )

    async def _decide(
        self, call: ToolCall, tool: Tool | None, faults: Sequence[str], *, unsure: bool, granted: bool
    ) -> Decision:
        """`granted`: this very call was allowed before, and making it again changes nothing more."""
        answers = self.assignment.answers
        return decide(
            Judged(
                call,
                tool.spec if tool else None,
                faults,
                tool.refusal(call.arguments) if tool and not faults else None,
                needs_approval=tool is not None and is_wanted(_known_as(tool), self.approve) and not granted,
                unsure=unsure,
                answers=answers,
                used=await self.journal.used([each.checkpoint_id for each in answers]) if answers else (),
            )
        )

    async def _kept_back(self, call: ToolCall, decision: Decision, summary: str) -> str:
        match decision:
            case Asks():
                await self.journal.decided(self.assignment, call, "asked", decision.reason, summary)
                self.say(f"? {call.tool}: a person is asked. {decision.reason}")
                told = f"{summary.rstrip('.')}. {decision.reason}"[:MOST_SUMMARY]
                raise Waits(ApprovalNeeded(tool=call.tool, summary=told, digest=call.digest))
            case Refused():
                text = f"Refused: {decision.reason}"
                await self.journal.decided(self.assignment, call, "refused", text, summary)
                self.say(f"! {call.tool[:100]} refused: {decision.reason}")
                return text
            case Allowed():
                raise AssertionError("what is allowed is made")

    async def _perform(self, call: ToolCall, tool: Tool, entry: Entry, summary: str) -> str:
        try:
            result = await tool.perform(call.arguments, entry.key)
        except Waits:
            await self.journal.end(self.assignment, entry, "asked", "", ())
            raise
        except ToolAway:
            await self.journal.end(self.assignment, entry, "away", "", ())
            raise
        return await self._ended(tool, entry, result, summary)

    async def _ended(self, tool: Tool, entry: Entry, result: ToolResult, summary: str) -> str:
        effected = () if tool.spec.effect == "none" else await self.files.changes()
        text = _bounded(result.text)
        status: EntryStatus = "failed" if result.failed else "done"
        await self.journal.end(self.assignment, entry, status, text, effected)
        self.say(f"{'✗' if result.failed else '✓'} {summary[:200]}")
        return text

    def _key(self, call: ToolCall, approval: str | None) -> str:
        told = f"{self.assignment.conversation}\0{call.place}\0{call.digest}\0{approval or ''}"
        return hashlib.sha256(told.encode()).hexdigest()


def _known_as(tool: Tool) -> str:
    """As plans call it."""
    return tool.spec.known_as or tool.spec.name


def _bounded(text: str) -> str:
    """What can be stored and sent, and is not too long."""
    return cut(text.replace("\0", "\N{REPLACEMENT CHARACTER}").encode(errors="replace").decode())
