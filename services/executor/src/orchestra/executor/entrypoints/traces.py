"""An attempt as a span: from its dispatch to what became of it, in the trace of its run."""

from collections.abc import Callable, Generator
from contextlib import contextmanager

from opentelemetry.trace import Status, StatusCode

from orchestra.chassis.telemetry.tracing import span
from orchestra.executor.domain.attempt import Ending, Failed, HeldAttempt, Suspended
from orchestra.executor.domain.policy import Level


@contextmanager
def attempted(attempt: HeldAttempt, level: Level) -> Generator[Callable[[Ending], None]]:
    """Around performing it; what is yielded is told the ending. Ids and numbers only: a title may hold anything."""
    dispatch = attempt.dispatch
    attributes = {
        "orchestra.attempt.id": dispatch.attempt_id,
        "orchestra.attempt.number": dispatch.number,
        "orchestra.task.id": dispatch.task_id,
        "orchestra.task.key": dispatch.key,
        "orchestra.run.id": dispatch.run_id,
        "orchestra.sandbox.level": level.name,
    }
    with span(
        "attempt", attempt.trace, service="executor", root=True, attributes=attributes, since=dispatch.at
    ) as made:
        made.add_event("leased", timestamp=round(attempt.started_at.timestamp() * 1e9))

        def tell(ending: Ending) -> None:
            failure = ending.failure if isinstance(ending, Failed) else None
            rests = f"waits for {ending.waits_for.kind}" if isinstance(ending, Suspended) else "succeeded"
            made.set_attribute("orchestra.attempt.outcome", failure or rests)
            if failure is not None:
                made.set_attribute("error.type", failure)
                made.set_status(Status(StatusCode.ERROR))
            if ending.evidence is not None and ending.evidence.exit_code is not None:
                made.set_attribute("process.exit.code", ending.evidence.exit_code)

        yield tell
