"""Several models as one: each stands in for those before it while they are away."""

from collections.abc import Generator
from contextlib import contextmanager

from pydantic_ai.exceptions import FallbackExceptionGroup
from pydantic_ai.messages import ModelMessage, ModelResponse
from pydantic_ai.models import ModelRequestParameters
from pydantic_ai.models.fallback import FallbackModel
from pydantic_ai.settings import ModelSettings

from orchestra.executor.adapters.models.sdk.metered import MeteredModel, NotRecorded, recorded_alone
from orchestra.executor.application.models.ports import ModelAway, ModelRefused
from orchestra.executor.domain.models.failure import Failed, Failure


def _stands_in(error: Exception) -> bool:
    return isinstance(error, NotRecorded) or (isinstance(error, Failed) and error.failure.away)


class StandIns(FallbackModel):
    def __init__(self, *models: MeteredModel) -> None:
        super().__init__(*models, fallback_on=_stands_in)
        self._asked = models

    @property
    def names(self) -> list[str]:
        return [model.terms.model.name for model in self._asked]

    async def request(
        self,
        messages: list[ModelMessage],
        model_settings: ModelSettings | None,
        model_request_parameters: ModelRequestParameters,
    ) -> ModelResponse:
        """What any of them has answered before stands, whichever is first today."""
        if self._asked[0].terms.caller.replay:
            try:
                with recorded_alone():
                    return await super().request(messages, model_settings, model_request_parameters)
            except FallbackExceptionGroup as group:
                if not all(isinstance(each, NotRecorded) for each in group.exceptions):
                    raise
        return await super().request(messages, model_settings, model_request_parameters)


@contextmanager
def told_as_ours(model: MeteredModel | StandIns) -> Generator[None]:
    """Around what asks it. Raises ModelAway, ModelRefused in place of what went wrong with a provider."""
    try:
        yield
    except Failed as failed:
        raise refusal_of({name_of(model): failed.failure}) from None
    except ExceptionGroup as group:
        failures = [each for each in group.exceptions if isinstance(each, Failed)]
        if len(failures) < len(group.exceptions) or isinstance(model, MeteredModel):
            raise
        raise refusal_of(dict(zip(model.names, (each.failure for each in failures), strict=False))) from None


def name_of(model: MeteredModel | StandIns) -> str:
    return model.terms.model.name if isinstance(model, MeteredModel) else ", ".join(model.names)


def refusal_of(failures: dict[str, Failure]) -> ModelAway | ModelRefused:
    """What went wrong with each of the models that were asked, by name, in our words."""
    for name, failure in failures.items():
        if not failure.away:
            return ModelRefused(name, failure)
    return ModelAway(failures)
