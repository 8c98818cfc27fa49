"""Secrets that are planted, and looked for wherever an agent's work leaves something: a provider's key, the executor's
environment, a file of the machine; and what people have written, which is no business of logs, traces and metrics."""

import base64
import json
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from secrets import token_hex
from typing import Any
from urllib.parse import quote

import aio_pika
import yaml
from aio_pika.abc import AbstractIncomingMessage
from tests.journeys.conftest import CANARY
from tests.journeys.provider import Provider, said
from tests.journeys.shell import at_gateway
from tests.otlp_collector import Collector
from tests.standins.server import KEY
from tests.standins.turns import calls_tool
from tests.system import SERVICES, System, eventually

IN_A_FILE = "canary-file-9e3b42"
WRITTEN = "canary-prompt-77d2f0"
DRAFT = {"id": "a", "title": "A", "covers": ["R1"], "criteria": ["B."], "points": 1}
ASKED_OF_EACH = ("/projects", "/runs", "/attempts", "/webhooks")
"""The gateway forwards each to another service."""
EXCHANGES = ("orchestra.events", "orchestra.packed", "orchestra.inbound")

Places = Mapping[str, bytes]
"""What is kept where."""


def plan() -> dict[str, Any]:
    agent = {
        "instructions": f"Look around. {WRITTEN}",
        "tools": ["read_file", "run_command"],
        "commands": ["python3"],
        "outputs": ["seen.txt"],
        "verify": "none",
    }
    return {"tasks": [{"id": "look", "title": "Look around", "covers": ["R1"], "agent": agent}]}


def forms(secret: str) -> list[bytes]:
    """As it is, and as it would be where somebody has encoded it: base64 at each of three places, and in an address."""
    plain = secret.encode()
    encoded = [base64.b64encode(b" " * shift + plain)[4:-4] for shift in range(3)]
    return [plain, *encoded, quote(secret, safe="").replace("-", "%2D").encode()]


def found_in(places: Places, secret: str) -> list[str]:
    return [name for name, content in places.items() if any(form in content for form in forms(secret))]


def test_it_is_found_however_it_is_written() -> None:
    ways = [KEY, base64.b64encode(b"ab" + KEY.encode()).decode(), quote(KEY).replace("-", "%2D")]
    places = {str(number): f"x {way} y".encode() for number, way in enumerate(ways)}
    assert len(found_in(places, KEY)) == len(ways)


async def test_no_secret_is_anywhere(
    with_models: System, provider: Provider, telemetry: Collector, tmp_path: Path
) -> None:
    secret = tmp_path / "secret"
    secret.write_text(IN_A_FILE)
    code = f"import os; open('seen.txt', 'w').write('x'); print(dict(os.environ)); print(open({str(secret)!r}).read())"
    provider.script(
        said("finish", "# Look around", "It ended with status", summary="Nothing to see."),
        said("run_command", "# Look around", argv=["python3", "-c", code]),
        calls_tool("answer", tasks=[DRAFT]),
    )
    async with overheard(with_models) as messages:
        await _work(with_models, tmp_path)
        await _is_told(with_models, telemetry)
    system = with_models
    files = kept(system.artifacts.parent)
    rows = await stored(system)
    logs = {str(program.log): program.log.read_bytes() for program in system.programs.values()}
    observed = {**logs, **await measures(system), "spans": "\n".join(s.text for s in telemetry.spans()).encode()}

    for each in (KEY, CANARY, IN_A_FILE):
        assert found_in(files | rows | messages | observed, each) == [], each
    assert found_in(observed, WRITTEN) == []
    assert found_in(rows, WRITTEN), "what is kept is looked at"
    assert bool(messages) == (system.runtime == "distributed")
    assert all(content for content in observed.values())
    asked = json.dumps(provider.received())
    assert WRITTEN in asked, "it came to where it was to"
    assert CANARY not in asked
    assert IN_A_FILE not in asked


async def _work(system: System, folder: Path) -> None:
    """A plan made by a model, and a task done by an agent that looks for secrets."""
    (folder / "requirements.md").write_text(f"# Map\n\n## Requirements\n\n- R1: Look around. {WRITTEN}\n")
    (folder / "plan.yaml").write_text(yaml.safe_dump(plan()))
    shell = at_gateway(folder, system)
    shell.orchestra("plan", "create", "requirements.md", "--by", "model")
    made = json.loads(shell.orchestra("plan", "create", "requirements.md", "--plan", "plan.yaml", "--json").stdout)
    shell.orchestra("plan", "approve", made["id"])
    async with system.api() as api:
        run = await api.post(f"/projects/{made['project_id']}/runs", {"plan_id": made["id"], "hash": made["hash"]})

        async def over() -> bool:
            return (await api.get(f"/runs/{run['id']}"))["status"] in ("finished", "failed")

        await eventually(over)


async def _is_told(system: System, telemetry: Collector) -> None:
    """Returns once each process has sent a span of now: all that it had to tell of before was sent by then."""
    trace = token_hex(16)
    async with system.client() as client:
        for path in ASKED_OF_EACH:
            answer = await client.get(f"/api/v1{path}", headers={"traceparent": f"00-{trace}-{token_hex(8)}-01"})
            assert answer.status_code == 200, answer.text

    async def told() -> bool:
        return {span.service for span in telemetry.trace(trace)} == set(SERVICES)

    await eventually(told)
    assert {span.name for span in telemetry.spans()} >= {"attempt", "model call"}


def kept(home: Path) -> Places:
    found: dict[str, bytes] = {}
    for path in home.rglob("*"):
        with suppress(FileNotFoundError):  # what is there for a moment only
            if path.is_file():
                found[str(path)] = path.read_bytes()
    return found


async def stored(system: System) -> Places:
    """Every table of every service, the events that come and go among them."""
    found: dict[str, bytes] = {}
    for service in SERVICES:
        for table, rows in (await system.contents(service)).items():
            values = [value for row in rows for value in row.values()]
            written = [value if isinstance(value, bytes) else str(value).encode() for value in values]
            found[f"{service}.{table}"] = b"\n".join(written)
    return found


async def measures(system: System) -> Places:
    found: dict[str, bytes] = {}
    async with system.client() as client:
        for name, program in system.programs.items():
            answer = await client.get(f"{program.url}/metrics")
            assert answer.status_code == 200, answer.text
            found[f"metrics of {name}"] = answer.content
    return found


@asynccontextmanager
async def overheard(system: System) -> AsyncGenerator[dict[str, bytes]]:
    """All that goes over the broker meanwhile, where there is one."""
    heard: dict[str, bytes] = {}
    url = next(iter(system.programs.values())).environment.get("ORCHESTRA_RABBITMQ_URL")
    if url is None:
        yield heard
        return

    async def hear(message: AbstractIncomingMessage) -> None:
        heard[f"message {len(heard)}: {message.routing_key}"] = message.body + str(message.headers).encode()

    async with await aio_pika.connect(url, timeout=20) as connection:
        channel = await connection.channel()
        queue = await channel.declare_queue(exclusive=True)
        for exchange in EXCHANGES:
            await queue.bind(exchange, "#")
        await queue.consume(hear, no_ack=True)
        yield heard
