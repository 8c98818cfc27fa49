"""A conversation of a model with its tools, by the library's loop. Whatever a tool does is done by whoever asks for it
here: the library hands on what the model wants, and its answer."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from pydantic import BaseModel, Field
from pydantic_ai import Agent, CallToolsNode, ToolOutput
from pydantic_ai import Tool as SdkTool
from pydantic_ai.exceptions import UnexpectedModelBehavior, UsageLimitExceeded
from pydantic_ai.messages import ModelResponse, TextPart, ToolCallPart
from pydantic_ai.usage import UsageLimits

from orchestra.executor.adapters.models.sdk.metered import MeteredModel
from orchestra.executor.adapters.models.sdk.settling import usage_of
from orchestra.executor.adapters.models.sdk.standing_in import StandIns, told_as_ours
from orchestra.executor.application.agents.ports import Finished, Meanwhile, OutOfLimits, Talk
from orchestra.executor.domain.agents.calls import ToolSpec

Use = Callable[[str, Mapping[str, Any]], Awaitable[str]]
Say = Callable[[str], None]

FINISH = "finish"
SLIPS = 5
"""Times in a row that a model may get the form of a call wrong."""


class Finding(BaseModel):
    kind: str = Field(description="constraint, decision, discovery, reference or gotcha")
    text: str = Field(description="One sentence that is true and of use to others on this project.")


class Finish(BaseModel):
    """The task is done."""

    summary: str = Field(description="What was done, in a few sentences.")
    findings: list[Finding] = Field(default=[], max_length=20)


async def converse(model: MeteredModel | StandIns, talk: Talk, use: Use, say: Say, meanwhile: Meanwhile) -> Finished:
    known = {spec.name for spec in talk.tools} | {FINISH}
    agent: Agent[object, Any] = Agent(
        output_type=[str, ToolOutput(Finish, name=FINISH, description="Say that the task is done.")],
        instructions=talk.instructions,
        tools=[_tool(spec, use) for spec in talk.tools],
        retries={"tools": SLIPS, "output": SLIPS},
        end_strategy="exhaustive",
    )
    limits = UsageLimits(request_limit=talk.rounds, total_tokens_limit=talk.max_tokens)
    try:
        with told_as_ours(model):
            async with agent.iter(talk.prompt, model=model, usage_limits=limits) as run:
                async for node in run:
                    if isinstance(node, CallToolsNode):
                        _note(node.model_response, say, meanwhile)
                        for part in node.model_response.parts:
                            # The library tells the model that there is no such tool; that it tried is written down.
                            if isinstance(part, ToolCallPart) and part.tool_name not in known:
                                await use(part.tool_name, _arguments(part))
                result = run.result
    except UsageLimitExceeded as exceeded:
        raise OutOfLimits(_exceeded(talk, meanwhile, str(exceeded))) from None
    except UnexpectedModelBehavior as odd:
        raise OutOfLimits(f"What the model wanted could not be understood: {odd.message[:500]}") from None
    assert result is not None, "a run that has ended has its result"
    output = result.output
    if isinstance(output, Finish):
        return Finished(output.summary, [(finding.kind, finding.text) for finding in output.findings])
    return Finished(output, ())


def _tool(spec: ToolSpec, use: Use) -> SdkTool[object]:
    async def call(**arguments: Any) -> str:
        return await use(spec.name, arguments)

    # One after the other, so that a call has the same place whenever the conversation is gone through again.
    return SdkTool.from_schema(call, spec.name, spec.description, dict(spec.parameters), sequential=True)


def _note(answer: ModelResponse, say: Say, meanwhile: Meanwhile) -> None:
    meanwhile.rounds += 1
    meanwhile.model = answer.model_name or meanwhile.model
    if (used := usage_of(answer.usage)) is not None:
        meanwhile.usage = meanwhile.usage.plus(used)
    for part in answer.parts:
        if isinstance(part, TextPart) and part.content.strip():
            say(part.content.strip())


def _arguments(part: ToolCallPart) -> dict[str, Any]:
    try:
        return part.args_as_dict()
    except ValueError:
        return {"unreadable": str(part.args)[:2000]}


def _exceeded(talk: Talk, meanwhile: Meanwhile, told: str) -> str:
    if meanwhile.rounds >= talk.rounds:
        return f"It was not done after {talk.rounds} rounds, which is its limit."
    if talk.max_tokens is not None:
        return f"It has met its limit of {talk.max_tokens} tokens."
    return told
