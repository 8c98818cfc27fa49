"""The other services over HTTP: every call with a short-lived token of its own, the request's id and its trace."""

import asyncio
from collections.abc import AsyncIterable, Mapping, Sequence
from typing import Any, NamedTuple
from urllib.parse import quote

import httpx
import structlog
from opentelemetry.trace import SpanKind
from pydantic import TypeAdapter

from orchestra.chassis.errors import Unavailable
from orchestra.chassis.findings import Finding
from orchestra.chassis.http.identity import Caller, TokenSigner
from orchestra.chassis.http.problems import Problem
from orchestra.chassis.telemetry.tracing import span, traceparent
from orchestra.contracts.ids import ProjectId, RunId, Sha256
from orchestra.contracts.planning import Fault, TaskRequest
from orchestra.gateway.application.ports import Requester
from orchestra.gateway.domain.errors import UnknownProject
from orchestra.gateway.domain.plan_request import Project
from orchestra.gateway.settings import GatewaySettings

Answer = httpx.Response
"""A service's answer."""

SERVICES = ("planner", "scheduler", "executor", "notifier")

TOTAL = 20.0
"""Seconds until an answer begins, where the request's body is no stream: time is left to say so to the caller."""

STEP = httpx.Timeout(30.0, connect=2.0)
"""Seconds for each step of an exchange; a stream may have any number of them."""

FOUND = 10.0
"""Seconds in which a service says what is not well."""

PAGE = 500
"""Rows of a list at a time."""

READY = 3.0
"""Seconds in which a service says whether it is ready."""


def clients_of(settings: GatewaySettings) -> dict[str, httpx.AsyncClient]:
    # A server may close an idle connection after 5 s; one that is given up earlier is never used at that moment.
    limits = httpx.Limits(max_connections=200, max_keepalive_connections=50, keepalive_expiry=3.0)
    urls = {name: str(getattr(settings, f"{name}_url")) for name in SERVICES}
    return {name: httpx.AsyncClient(base_url=url, timeout=STEP, limits=limits) for name, url in urls.items()}


class Services:
    """`clients` by service; over a network or within this process, which nobody here can tell."""

    def __init__(self, clients: Mapping[str, httpx.AsyncClient], signer: TokenSigner) -> None:
        self._clients = clients
        self._signer = signer

    async def send(
        self,
        service: str,
        requester: Requester | None,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str] | None = None,
        content: AsyncIterable[bytes] | bytes | None = None,
        json: Any = None,
        total: float | None = TOTAL,
    ) -> Answer:
        """The answer, its body unread: the caller closes it. Raises Unavailable when none comes."""
        client = self._clients[service]
        attributes = {"http.request.method": method, "server.address": service}
        try:
            with span(f"{method} {service}", kind=SpanKind.CLIENT, attributes=attributes) as made:
                # The headers carry this span's context.
                all_headers = self._headers(service, requester, headers)
                request = client.build_request(method, path, headers=all_headers, content=content, json=json)
                async with asyncio.timeout(total):
                    answer = await client.send(request, stream=True)
                made.set_attribute("http.response.status_code", answer.status_code)
                return answer
        except httpx.InvalidURL as error:
            raise Problem(400, "invalid-path", str(error)) from error
        except TimeoutError as error:
            raise Unavailable(f"the {service} did not answer within {total:g} s") from error
        except httpx.TransportError as error:
            raise Unavailable(f"the {service} is away ({type(error).__name__})") from error

    def _headers(self, service: str, requester: Requester | None, more: Mapping[str, str] | None) -> dict[str, str]:
        # Bodies pass as they are: what is compressed on the way could not be checked against its length.
        headers = {"accept-encoding": "identity", **(more or {})}
        if requester is not None:
            caller = Caller(requester.subject, requester.workspace_id, requester.grants)
            headers["authorization"] = f"Bearer {self._signer.sign(caller, service)}"
        if request_id := structlog.contextvars.get_contextvars().get("request_id"):
            headers["x-request-id"] = str(request_id)
        if trace := traceparent():
            headers["traceparent"] = trace
        return headers

    async def ask(
        self,
        service: str,
        requester: Requester | None,
        method: str,
        path: str,
        *,
        json: Any = None,
        total: float = TOTAL,
    ) -> Answer:
        """The answer with its body. Raises Unavailable when none comes."""
        response = await self.send(service, requester, method, path, json=json, total=total)
        await self.read(service, response, total)
        return response

    async def read(self, service: str, answer: Answer, total: float = TOTAL) -> bytes:
        """The body of the service's answer, which is closed then. Raises Unavailable when it does not come."""
        try:
            async with asyncio.timeout(total):
                return await answer.aread()
        except (TimeoutError, httpx.TransportError) as error:
            raise Unavailable(f"the {service} is away ({type(error).__name__})") from error
        finally:
            await answer.aclose()

    async def project(self, requester: Requester, project_id: ProjectId) -> Project:
        found = await self.ask("planner", _reader(requester), "GET", f"/projects/{segment(project_id)}")
        if found.status_code == 404:
            raise UnknownProject(f"There is no project {project_id}.")
        body = _answer("planner", found)
        return Project(body["id"], body["name"], body.get("archived_at") is not None)

    async def denials(self, requester: Requester, tasks: Sequence[TaskRequest]) -> list[Fault]:
        places: dict[_Asked, list[int]] = {}
        for at, task in enumerate(tasks):
            if command := task.command:
                places.setdefault(_Asked(command.argv, command.tools, command.hosts), []).append(at)
            elif agent := task.agent:
                places.setdefault(_Asked((), agent.commands, agent.hosts, agent=True), []).append(at)
        wanted = list(map(_asked, places))
        asked = self.ask("executor", _reader(requester), "POST", "/policy/check", json={"commands": wanted})
        where = list(places.values())
        refusals = [
            (at, each["code"], each["detail"])
            for each in _answer("executor", await asked)["refusals"]
            for at in where[int(each["index"])]
        ]
        refusals.sort(key=lambda refusal: refusal[0])
        return [
            Fault(
                pointer=f"/tasks/{at}/{'agent' if tasks[at].command is None else 'command'}", code=code, detail=detail
            )
            for at, code, detail in refusals
        ]

    async def knows_run(self, requester: Requester, run_id: RunId) -> bool:
        return await self.look_up("scheduler", requester, f"/runs/{segment(run_id)}") is not None

    async def knows_content(self, requester: Requester, sha256: Sha256) -> bool:
        path = f"/artifacts/{segment(sha256)}"
        found = await self.ask("executor", _reader(requester), "HEAD", path)
        if found.status_code not in (200, 404):
            raise Unavailable(f"the executor answered {found.status_code}")
        return found.status_code == 200

    async def look_up(self, service: str, requester: Requester, path: str) -> dict[str, Any] | None:
        """What the service answers for the gateway's own use; None when there is no such thing. Raises Unavailable."""
        found = await self.ask(service, _reader(requester), "GET", path)
        return None if found.status_code == 404 else _answer(service, found)

    async def all(self, service: str, requester: Requester, path: str, **query: str) -> list[dict[str, Any]]:
        """All rows of a list that comes in pages; none where there is no such list. Raises Unavailable."""
        rows: list[dict[str, Any]] = []
        cursor: str | None = None
        while True:
            asked = httpx.QueryParams({**query, "limit": PAGE, **({"cursor": cursor} if cursor else {})})
            page = await self.look_up(service, requester, f"{path}?{asked}") or {"data": []}
            rows += page["data"]
            cursor = page.get("next_cursor")
            if cursor is None:
                return rows

    async def readiness(self, service: str) -> dict[str, Any]:
        """What the service says of itself, ready or not, or why it says nothing."""
        try:
            return _JSON.validate_json((await self.ask(service, None, "GET", "/readyz", total=READY)).content)
        except (Unavailable, ValueError) as error:
            return {"service": service, "ready": False, "reason": str(error)}

    async def findings(self, service: str) -> list[Finding]:
        """What the service finds not well; nothing where it does not answer, which its readiness tells."""
        try:
            return _FINDINGS.validate_json((await self.ask(service, None, "GET", "/findings", total=FOUND)).content)
        except (Unavailable, ValueError):
            return []

    async def document(self, service: str) -> dict[str, Any]:
        """Its OpenAPI document. Raises Unavailable."""
        return _answer(service, await self.ask(service, None, "GET", "/openapi.json"))

    async def close(self) -> None:
        for client in self._clients.values():
            await client.aclose()


class _Asked(NamedTuple):
    """What the executor's policy is asked about; an agent has no `argv`."""

    argv: tuple[str, ...]
    tools: tuple[str, ...]
    hosts: tuple[str, ...]
    agent: bool = False


"""Argv, tools, hosts: what the policy judges. The same of many tasks is asked about once."""


def _asked(command: _Asked) -> dict[str, Any]:
    """What is at its default is left out: an older executor knows no such field, and nothing else is lost on it."""
    more = {"hosts": command.hosts} if command.hosts else {}
    return {"argv": command.argv, "tools": command.tools, **more, **({"agent": True} if command.agent else {})}


def segment(value: str) -> str:
    """A path parameter as a segment of a path. Dots would lead to another path, and no id is made of them."""
    if value in (".", ".."):
        raise Problem(404, "not-found", "Not Found")
    return quote(value, safe="")


def _reader(requester: Requester) -> Caller:
    """What the gateway looks up for itself needs no other grant of the caller."""
    return Caller(requester.subject, requester.workspace_id, ("read",))


def _answer(service: str, response: Answer) -> dict[str, Any]:
    if not response.is_success:
        raise Unavailable(f"the {service} answered {response.status_code} to the gateway")
    return _JSON.validate_json(response.content)


_FINDINGS: TypeAdapter[list[Finding]] = TypeAdapter(list[Finding])
_JSON: TypeAdapter[dict[str, Any]] = TypeAdapter(dict[str, Any])
