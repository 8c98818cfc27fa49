"""Questions to models: which are asked, who stands in, and answers that fulfil a schema."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError
from pydantic_ai import Agent, ModelRetry, StructuredDict, ToolOutput
from pydantic_ai.exceptions import UnexpectedModelBehavior
from pydantic_ai.messages import ModelMessage, ModelRequest, ModelResponse, TextPart, UserPromptPart
from pydantic_ai.settings import ModelSettings

from orchestra.chassis.clock import Clock
from orchestra.contracts.pointers import json_pointer
from orchestra.executor.adapters.models.keys import Access, Keys
from orchestra.executor.adapters.models.prices import price_of
from orchestra.executor.adapters.models.sdk.clients import Clients
from orchestra.executor.adapters.models.sdk.conversing import Say, Use, converse
from orchestra.executor.adapters.models.sdk.embedding import MeteredEmbeddings
from orchestra.executor.adapters.models.sdk.gate import Gate
from orchestra.executor.adapters.models.sdk.metered import MeteredModel, Terms
from orchestra.executor.adapters.models.sdk.settling import usage_of
from orchestra.executor.adapters.models.sdk.standing_in import StandIns, name_of, refusal_of, told_as_ours
from orchestra.executor.application.agents.ports import Finished, Meanwhile, Talk
from orchestra.executor.application.models.choices import Choices
from orchestra.executor.application.models.ports import (
    Answer,
    Call,
    Caller,
    InvalidAnswer,
    Meter,
    ModelAway,
    Monitor,
    NoModel,
    Recorder,
    Said,
)
from orchestra.executor.domain.models.catalogue import Catalogue
from orchestra.executor.domain.models.failure import Failed, Failure
from orchestra.executor.domain.models.routing import Model, UnknownModel
from orchestra.executor.domain.models.usage import Usage

NO_KEY = Failure("key", "no", "there is no key for it, neither the project's nor the house's")
NONE = "No model is configured."
NO_EMBEDDINGS = "No model for embeddings is configured."
AWAY = Failure("unreachable", "no", "its provider does not answer")


@dataclass
class SdkModels:
    """Models through the libraries of their providers. Implements the ports Models and Conversations."""

    catalogue: Catalogue
    keys: Keys
    choices: Choices
    clients: Clients
    meter: Meter
    recorder: Recorder
    monitor: Monitor
    clock: Clock
    _gates: dict[tuple[str, str | None], Gate] = field(default_factory=dict[tuple[str, str | None], Gate])

    async def models_for(self, caller: Caller, candidates: Sequence[Model]) -> MeteredModel | StandIns:
        """The candidates as one model of the library: each stands in for those before it while they are away.

        Raises NoModel, ModelAway.
        """
        missing: dict[str, Failure] = {}
        ready: list[MeteredModel] = []
        for model in candidates:
            provider = self.catalogue.providers[model.provider]
            access = await self.keys.access(caller.workspace_id, caller.project_id, provider)
            if access is None:
                missing[model.name] = NO_KEY
            elif access.url is None and not self.monitor.available(provider.name):
                missing[model.name] = AWAY
            else:
                ready.append(await self._metered(caller, model, access))
        if not ready:
            if any(failure is not NO_KEY for failure in missing.values()):
                raise ModelAway(missing)
            raise NoModel("; ".join(f"{name}: {each.detail}" for name, each in missing.items()) or NONE)
        return StandIns(*ready) if len(ready) > 1 else ready[0]

    async def _metered(self, caller: Caller, model: Model, access: Access) -> MeteredModel:
        made = await self.clients.model(self.catalogue.providers[model.provider], access, model)
        return MeteredModel(made, self._terms(caller, model, access))

    def _terms(self, caller: Caller, model: Model, access: Access) -> Terms:
        """Raises UnknownPrice."""
        provider = self.catalogue.providers[model.provider]
        # Who has a key or an address of his own has a rate, and failures, of his own.
        owner = caller.project_id if access != self.keys.house(provider) else None
        gate = self._gates.setdefault((provider.name, owner), Gate(provider))
        price = price_of(self.catalogue, model, self.clock.now())
        secrets = (access.key,) if access.key else ()
        return Terms(caller, provider, model, price, self.meter, self.recorder, gate, self.clients.reach, secrets)

    async def embed(self, caller: Caller, texts: Sequence[str]) -> Sequence[Sequence[float]]:
        model = self.catalogue.embeddings
        if model is None:
            raise NoModel(NO_EMBEDDINGS)
        provider = self.catalogue.providers[model.provider]
        access = await self.keys.access(caller.workspace_id, caller.project_id, provider)
        if access is None:
            raise NoModel(f"{model.name}: {NO_KEY.detail}")
        if access.url is None and not self.monitor.available(provider.name):
            raise ModelAway({model.name: AWAY})
        made = await self.clients.embeddings(provider, access, model)
        try:
            return await MeteredEmbeddings(made, self._terms(caller, model, access)).embed(texts)
        except Failed as failed:
            raise refusal_of({model.name: failed.failure}) from None

    async def close(self) -> None:
        await self.clients.close()

    async def ask(self, call: Call) -> Answer:
        model = await self.models_for(call.caller, await self._candidates(call))
        faults: list[str] = []
        agent = _agent(call, faults)
        settings = ModelSettings(max_tokens=call.max_tokens) if call.max_tokens is not None else None
        *history, last = call.messages
        try:
            with told_as_ours(model):
                result = await agent.run(
                    last.text,
                    message_history=[_message(each) for each in history],
                    model=model,
                    model_settings=settings,
                )
        except UnexpectedModelBehavior as error:
            raise InvalidAnswer(name_of(model), faults or [error.message]) from None
        return _answer(result, call)

    async def converse(self, talk: Talk, use: Use, say: Say, meanwhile: Meanwhile) -> Finished:
        model = await self.models_for(talk.caller, await self._candidates(talk))
        return await converse(model, talk, use, say, meanwhile)

    async def _candidates(self, asked: Call | Talk) -> Sequence[Model]:
        """The one place where the project's choice comes in, whoever asks. Raises NoModel."""
        overrides = replace(asked.overrides, project=await self.choices.of(asked.caller))
        try:
            return self.catalogue.routes.candidates(asked.kind, asked.difficulty, overrides)
        except UnknownModel as unknown:
            # It was configured when it was chosen, or the plan is from elsewhere.
            whose = f" It was chosen for the {overrides.chosen[0]}." if overrides.chosen else ""
            raise NoModel(f"{unknown}{whose}") from None


def _agent(call: Call, faults: list[str]) -> Agent[None, Any]:
    if call.schema is None:
        return Agent(output_type=str, instructions=call.instructions or None)
    schema = dict(call.schema)
    Draft202012Validator.check_schema(schema)
    validator: Any = Draft202012Validator(schema)
    shape = StructuredDict(schema, name="answer")
    agent: Agent[None, Any] = Agent(
        output_type=ToolOutput(shape, name="answer", max_retries=call.repairs),
        instructions=call.instructions or None,
        retries={"output": call.repairs},
    )

    @agent.output_validator
    def fulfils(value: dict[str, Any]) -> dict[str, Any]:
        found = ((json_pointer(e.absolute_path) or "/", e.message) for e in validator.iter_errors(value))
        faults[:] = [f"{place}: {message}"[:500] for place, message in found][:20]
        if faults:
            raise ModelRetry("The answer breaks the schema. Mend this:\n" + "\n".join(faults))
        return value

    return agent


def _message(said: Said) -> ModelMessage:
    if said.role == "user":
        return ModelRequest(parts=[UserPromptPart(said.text)])
    return ModelResponse(parts=[TextPart(said.text)])


def _answer(result: Any, call: Call) -> Answer:
    usage = result.usage
    told = usage_of(usage) or Usage(0, 0)
    value = result.output if call.schema is not None else None
    text = json.dumps(value) if value is not None else result.output
    response: ModelResponse = result.response
    return Answer(text, value, response.model_name or "", response.provider_name or "", usage.requests, told)


BadSchema = SchemaError
"""What the schema of a call is refused with."""
