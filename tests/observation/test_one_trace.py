"""One trace goes from the request through outbox, broker and attempt back to the planner, on both runtimes."""

from collections.abc import Sequence
from itertools import pairwise
from secrets import token_hex

import httpx
from tests.journeys.jobs import commands, python, start, stopped
from tests.observation.conftest import Watched
from tests.otlp_collector import SeenSpan
from tests.system import eventually

from orchestra.cli.api import Api
from orchestra.cli.inputs import Inputs

SERVER, CLIENT, PRODUCER, CONSUMER = 2, 3, 4, 5
SECRET = "hunter2-swordfish"

CHAIN = (
    ("planner", "process task.completed.v1", CONSUMER),
    ("scheduler", "create task.completed.v1", PRODUCER),
    ("scheduler", "process attempt.succeeded.v1", CONSUMER),
    ("executor", "create attempt.succeeded.v1", PRODUCER),
    ("executor", "attempt", 1),
    ("scheduler", "create task.dispatched.v1", PRODUCER),
    ("scheduler", "POST /projects/{project_id}/runs", SERVER),
    ("gateway", "POST scheduler", CLIENT),
    ("gateway", "POST /api/v1/projects/{project_id}/runs", SERVER),
)
"""From the last to the first, each the child of the next."""


def job() -> Inputs:
    code = f"import os; print({SECRET!r})"
    return commands(python("only", code), slots=1)


async def traced(watched: Watched) -> tuple[str, str]:
    """The ids of the trace and of the span that all requests of a job were children of."""
    if "trace" not in watched.system.remembered:
        trace, span = token_hex(16), token_hex(8)
        headers = {"Authorization": f"Bearer {watched.system.key}", "traceparent": f"00-{trace}-{span}-01"}
        async with httpx.AsyncClient(base_url=watched.system.url, headers=headers, timeout=60) as client:
            api = Api(client)
            run = await stopped(api, (await start(api, job()))["id"])
        assert run["status"] == "finished"
        watched.system.remembered["trace"] = trace, span
    return watched.system.remembered["trace"]


def ancestors(spans: Sequence[SeenSpan], last: SeenSpan) -> list[SeenSpan]:
    by_id = {span.id: span for span in spans}
    line = [last]
    while line[-1].parent in by_id:
        line.append(by_id[line[-1].parent])
    return line


async def test_parents_lead_from_the_planners_last_delivery_to_the_request(watched: Watched) -> None:
    trace, root = await traced(watched)

    async def whole() -> list[SeenSpan]:
        spans = watched.collector.trace(trace)
        last = [span for span in spans if (span.service, span.name) == CHAIN[0][:2]]
        line = ancestors(spans, last[0]) if last else []
        return line if line and line[-1].parent == root else []

    line = await eventually(whole)

    assert [(span.service, span.name, span.kind) for span in line] == list(CHAIN)
    assert all(child.ended > parent.began for child, parent in pairwise(line))


async def test_every_event_of_the_job_is_created_published_and_processed_in_the_one_trace(watched: Watched) -> None:
    trace, _ = await traced(watched)
    kinds = ("plan.requested.v1", "tasks.decomposed.v1", "task.dispatched.v1", "attempt.succeeded.v1", "run.changed.v1")
    wanted = {(verb, kind) for kind in kinds for verb in ("create", "publish", "process")}

    async def seen() -> bool:
        found = {tuple(span.name.split(" ")) for span in watched.collector.trace(trace)}
        return wanted <= found

    await eventually(seen)
    spans = watched.collector.trace(trace)
    created = {span.id for span in spans if span.name.startswith("create ")}
    for span in spans:
        if span.name.startswith(("publish ", "process ")):
            assert span.parent in created, span.name
            assert span.attributes["messaging.system"] in ("rabbitmq", "in_process")
            assert span.attributes["messaging.destination.name"] == span.name.split(" ")[1]


async def test_an_attempt_says_what_it_was_and_what_came_of_it(watched: Watched) -> None:
    trace, _ = await traced(watched)

    async def look() -> list[SeenSpan]:
        return [span for span in watched.collector.trace(trace) if span.name == "attempt"]

    (attempt,) = await eventually(look)

    assert attempt.service == "executor"
    assert attempt.attributes["orchestra.task.key"] == "only"
    assert attempt.attributes["orchestra.attempt.number"] == 1
    assert attempt.attributes["orchestra.attempt.outcome"] == "succeeded"
    assert attempt.attributes["orchestra.sandbox.level"] in ("L2", "L3")
    assert attempt.resource["service.namespace"] == "orchestra"
    assert attempt.resource["service.version"]
    assert attempt.resource["service.instance.id"]


async def test_a_span_holds_no_secret_and_no_text_of_people(watched: Watched) -> None:
    await traced(watched)

    everything = "\n".join(span.text for span in watched.collector.spans())

    assert SECRET not in everything  # of a command
    assert watched.system.key not in everything
    assert "The work must be done" not in everything  # of the document
    assert "authorization" not in everything.lower()
