"""Refusals as RFC 9457 `application/problem+json`: what was wrong, where, and whether trying again may help."""

from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from orchestra.chassis.errors import Permanent, Transient, Unavailable
from orchestra.chassis.telemetry.logging import logger
from orchestra.chassis.telemetry.tracing import trace_id

log = logger("http")

TYPES = "https://orchestra.invalid/problems/"
"""A name, not an address; docs/reference/problems.md describes each."""


class Fault(BaseModel):
    """One thing wrong with the request, at a JSON Pointer."""

    pointer: str
    code: str
    detail: str


class ProblemDetails(BaseModel):
    type: str
    title: str
    status: int
    detail: str
    code: str
    instance: str | None = None
    rule: str | None = None
    trace_id: str | None = None
    retryable: bool = False
    errors: list[Fault] = []


class Problem(HTTPException):
    """A refusal that is ready to be sent. As an HTTPException it also leaves the code that parses a body."""

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        *,
        errors: Sequence[Fault] = (),
        rule: str | None = None,
        headers: Mapping[str, str] | None = None,
        members: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(status, detail, dict(headers or {}))
        self.status = status
        self.code = code
        self.detail = detail
        self.errors = list(errors)
        self.rule = rule
        self.members = dict(members or {})
        """What this kind of problem says beside its text, for programs."""

    def response(self, instance: str) -> JSONResponse:
        body = ProblemDetails(
            type=TYPES + self.code,
            title=self.code.replace("-", " ").capitalize(),
            status=self.status,
            detail=self.detail,
            code=self.code,
            instance=instance,
            rule=self.rule,
            trace_id=trace_id(),
            retryable=self.status in (429, 503),
            errors=self.errors,
        )
        content = body.model_dump(mode="json", exclude_none=True, exclude={"errors"} if not self.errors else None)
        content = {**self.members, **content}
        return JSONResponse(content, self.status, self.headers, "application/problem+json")


def unavailable(error: Exception) -> Problem:
    return Problem(503, "unavailable", str(error), headers={"Retry-After": "2"})


def pointer(location: Sequence[Any]) -> str:
    """A JSON Pointer for the place that a validator names; the part of the request is not in it."""
    parts = location[1:] if location and location[0] in ("body", "query", "path", "header") else location
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in parts)


def add_problem_handlers(app: FastAPI, refusals: Mapping[type[Exception], int]) -> None:
    """Every error as a problem: the service's own by its table {domain error: status}. Bugs are left to Requests."""

    async def on_problem(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, Problem)
        return error.response(request.url.path)

    async def on_domain_error(request: Request, error: Exception) -> JSONResponse:
        status = next(refusals[cls] for cls in type(error).__mro__ if cls in refusals)
        found: Sequence[Any] = getattr(error, "faults", ())
        faults = [Fault(pointer=f.pointer, code=f.code, detail=f.detail) for f in found]
        code: str = getattr(error, "code", "refused")
        rule: str | None = getattr(error, "rule", None) or None
        members: Mapping[str, Any] | None = getattr(error, "members", None)
        detail = str(error) or (type(error).__doc__ or "").strip()
        return Problem(status, code, detail, errors=faults, rule=rule, members=members).response(request.url.path)

    async def on_invalid(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, RequestValidationError)
        faults = [
            Fault(
                pointer="" if e["type"] == "json_invalid" else pointer(e["loc"]),
                code=str(e["type"]).replace("_", "-"),
                detail=str(e["msg"]),
            )
            for e in error.errors()
        ]
        first = faults[0]
        detail = f"{first.pointer or 'the body'}: {first.detail}" + (
            f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
        )
        return Problem(422, "invalid-request", detail, errors=faults).response(request.url.path)

    async def on_http(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, HTTPException)
        codes = {404: "not-found", 405: "method-not-allowed", 413: "too-large"}
        code = codes.get(error.status_code, "refused")
        answer = Problem(error.status_code, code, str(error.detail)).response(request.url.path)
        answer.headers.update(error.headers or {})
        return answer

    async def on_away(request: Request, error: Exception) -> JSONResponse:
        return unavailable(error).response(request.url.path)

    async def on_unstorable(request: Request, error: Exception) -> JSONResponse:
        return Problem(422, "unstorable", str(error)).response(request.url.path)

    app.add_exception_handler(Problem, on_problem)
    app.add_exception_handler(RequestValidationError, on_invalid)
    app.add_exception_handler(HTTPException, on_http)
    app.add_exception_handler(Unavailable, on_away)
    app.add_exception_handler(Transient, on_away)
    app.add_exception_handler(Permanent, on_unstorable)
    for cls in refusals:
        app.add_exception_handler(cls, on_domain_error)
