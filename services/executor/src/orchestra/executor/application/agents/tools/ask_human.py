"""The tool that asks a person: the attempt ends for now, and goes on with the answer."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from orchestra.contracts.suspensions import QuestionAsked
from orchestra.executor.application.agents.ports import Assignment, Waits
from orchestra.executor.domain.agents.calls import ToolResult, ToolSpec

MOST_QUESTION = 2_000
MOST_CHOICES = 10


@dataclass(frozen=True)
class AskHuman:
    assignment: Assignment
    spec = ToolSpec(
        "ask_human",
        "Ask a person what nobody else can decide. The work rests until there is an answer.",
        {
            "type": "object",
            "additionalProperties": False,
            "required": ["question"],
            "properties": {
                "question": {"type": "string", "minLength": 1, "maxLength": MOST_QUESTION},
                "choices": {
                    "type": "array",
                    "maxItems": MOST_CHOICES,
                    "items": {"type": "string", "minLength": 1, "maxLength": 200},
                },
            },
        },
        "none",
    )

    def refusal(self, arguments: Mapping[str, Any]) -> str | None:
        return None if arguments["question"].strip() else "The question is empty."

    def summary(self, arguments: Mapping[str, Any]) -> str:
        return f"ask: {arguments['question']}"

    async def perform(self, arguments: Mapping[str, Any], key: str) -> ToolResult:
        del key
        question = arguments["question"].strip()
        asked = self._id(question)
        answers = [each for each in self.assignment.answers if each.about == "question" and each.id == asked]
        if not answers:
            raise Waits(QuestionAsked(id=asked, text=question, choices=tuple(arguments.get("choices") or ())))
        said = answers[-1]
        return ToolResult(f"{said.by} answers: {said.text}")

    def _id(self, question: str) -> str:
        """The same question of the same task is asked once, whichever try asks it."""
        return hashlib.sha256(f"{self.assignment.task_id}\0{question}".encode()).hexdigest()[:32]

    async def look_up(self, key: str) -> ToolResult | None:
        del key
        return None
