"""What the library raised, as a failure: whether the provider may have served it, whether a further try may help."""

from collections.abc import Iterator

from pydantic_ai.exceptions import (
    ModelAPIError,
    ModelConnectionError,
    ModelHTTPError,
    ModelOverloadedError,
    ModelQuotaExceededError,
    ModelRateLimitError,
    ModelTimeoutError,
    UnexpectedModelBehavior,
)

from orchestra.chassis.errors import Transient
from orchestra.chassis.http.outward import RefusedUrl
from orchestra.executor.adapters.models.reach import PaidCallRefused
from orchestra.executor.adapters.models.sdk.wire import AnswerTooLarge
from orchestra.executor.domain.models.failure import Failed, Failure, Reason, Served, of_status


def failure_of(error: BaseException) -> Failure | None:
    """None for what is no failure of a request, such as a fault of ours. No text of a provider's gets into it: it may
    repeat what it was asked, or the key."""
    for each in _chain(error):
        if isinstance(each, Failed):
            return each.failure
        if isinstance(each, RefusedUrl | PaidCallRefused):
            return Failure("address", "no", str(each))
        if isinstance(each, Transient):
            return Failure("unreachable", "no", str(each))
        if isinstance(each, AnswerTooLarge):
            return Failure("too-large", "perhaps", str(each))
    if isinstance(error, TimeoutError):
        return Failure("stalled", "perhaps", "no whole answer within its time")
    if isinstance(error, ModelConnectionError):
        return _of_connection(error)
    if isinstance(error, ModelAPIError):
        return _of_answer(error)
    if isinstance(error, UnexpectedModelBehavior):
        return Failure("invalid", "perhaps", "its answer cannot be read")
    return None


def _chain(error: BaseException) -> Iterator[BaseException]:
    seen: BaseException | None = error
    while seen is not None:
        yield seen
        seen = seen.__cause__ or seen.__context__


def _of_connection(error: ModelConnectionError) -> Failure:
    if error.phase in ("pool", "connect"):
        return Failure("unreachable", "no", "no connection could be made")
    if isinstance(error, ModelTimeoutError):
        return Failure("stalled", "perhaps", "it fell silent")
    return Failure("cut", "perhaps", "the connection ended before the answer")


def _of_answer(error: ModelAPIError) -> Failure:
    kind = error.provider_error_type or error.provider_error_code or type(error).__name__
    detail = kind if kind.replace("_", "").isalnum() and len(kind) < 64 else type(error).__name__
    if isinstance(error, ModelQuotaExceededError):
        return Failure("quota", _served(error), detail, _status(error), error.retry_after)
    if isinstance(error, ModelHTTPError) and not error.in_stream:
        detail = f"{detail} (HTTP {error.status_code})"
        return of_status(error.status_code, detail, error.retry_after)
    reasons: dict[type[ModelAPIError], Reason] = {ModelRateLimitError: "rate", ModelOverloadedError: "overloaded"}
    reason: Reason = "server"
    for cls, found in reasons.items():
        if isinstance(error, cls):
            reason = found
    return Failure(reason, _served(error), detail, _status(error), error.retry_after)


def _served(error: ModelAPIError) -> Served:
    return "perhaps" if error.in_stream else "no"


def _status(error: ModelAPIError) -> int | None:
    return error.status_code if isinstance(error, ModelHTTPError) else None
