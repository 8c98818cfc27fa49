"""The tool that asks a cheap model for a draft: one of the tier `local`, and no other."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from orchestra.executor.application.agents.ports import Assignment, Tool, ToolAway
from orchestra.executor.application.models.ports import (
    Call,
    InvalidAnswer,
    LimitMet,
    ModelAway,
    ModelRefused,
    Models,
    NoModel,
    Said,
)
from orchestra.executor.domain.agents.calls import ToolResult, ToolSpec
from orchestra.executor.domain.agents.texts import cut, plain
from orchestra.executor.domain.models.routing import Overrides, Routes, Tier

NAME = "local_model"
MOST_PROMPT = 50_000
MOST_TOKENS = 8_192

_SPEC = ToolSpec(
    NAME,
    "Ask a small model on a machine of the house for a draft: a summary, a rewording, a list. It knows nothing of the "
    "task but what you write, costs next to nothing, and is often wrong: check what it says.",
    {
        "type": "object",
        "additionalProperties": False,
        "required": ["prompt"],
        "properties": {
            "prompt": {"type": "string", "minLength": 1, "maxLength": MOST_PROMPT},
            "max_tokens": {"type": "integer", "minimum": 1, "maximum": MOST_TOKENS},
        },
    },
    "none",
)


@dataclass(frozen=True)
class LocalModel:
    assignment: Assignment
    models: Callable[[], Awaitable[Models]]

    @property
    def spec(self) -> ToolSpec:
        return _SPEC

    def refusal(self, arguments: Mapping[str, Any]) -> str | None:
        return None if arguments["prompt"].strip() else "The prompt is empty."

    def summary(self, arguments: Mapping[str, Any]) -> str:
        return f"ask a local model: {plain(arguments['prompt'], 1_900)}"

    async def perform(self, arguments: Mapping[str, Any], key: str) -> ToolResult:
        """Raises ToolAway, and what money refuses with."""
        call = Call(
            self.assignment.caller("draft", f"{self.assignment.conversation}/{key}"),
            (Said("user", arguments["prompt"]),),
            max_tokens=arguments.get("max_tokens"),
            overrides=Overrides(task=Tier.local.name, alone=True),
        )
        try:
            models = await self.models()
            answer = await models.ask(call)
        except ModelAway as away:
            raise ToolAway(NAME, str(away), away.retry_after) from away
        except LimitMet as met:
            return ToolResult(cut(f"{met.text}\n(It was stopped here: the money held for it was used up.)"))
        except (NoModel, ModelRefused, InvalidAnswer) as refused:
            return ToolResult(f"No local model can be asked: {refused}", failed=True)
        return ToolResult(cut(answer.text) or "(It said nothing.)", failed=not answer.text)

    async def look_up(self, key: str) -> ToolResult | None:
        del key  # an answer that was recorded stands for asking again
        return None


@dataclass(frozen=True)
class LocalModelToolbox:
    """Offers nothing where no local model is configured: an agent does without."""

    models: Callable[[], Awaitable[Models]]
    routes: Routes

    async def tools(self, assignment: Assignment, wanted: Sequence[str]) -> Sequence[Tool]:
        if NAME not in wanted or all(model.tier is not Tier.local for model in self.routes.models):
            return []
        return [LocalModel(assignment, self.models)]
