"""Artifacts over HTTP: uploaded and downloaded by their SHA-256, as streams."""

import asyncio
import errno
from collections.abc import AsyncIterator
from typing import Annotated, BinaryIO

from fastapi import APIRouter, Path, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel
from starlette.requests import ClientDisconnect

from orchestra.chassis.database.unit_of_work import Database
from orchestra.chassis.http.identity import CurrentCaller
from orchestra.chassis.http.problems import Problem
from orchestra.contracts.ids import Sha256, WorkspaceId
from orchestra.executor.adapters.work import ExecutorWork
from orchestra.executor.application.ports import Artifacts, UnknownArtifact, WrongHash
from orchestra.executor.application.register_artifact import register_artifact
from orchestra.executor.domain.errors import ArtifactNotFound
from orchestra.executor.entrypoints.desk import desk_of

router = APIRouter()

BYTES = "application/octet-stream"
RAW = {"type": "string", "format": "binary"}

CHUNK = 256 * 1024
"""Bytes read at a time."""

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT)

Hash = Annotated[str, Path(pattern=r"^[0-9a-f]{64}$")]


class ArtifactStored(BaseModel):
    sha256: Sha256
    size: int


@router.put(
    "/artifacts/{sha256}",
    response_model=ArtifactStored,
    responses={201: {"model": ArtifactStored}},
    openapi_extra={"requestBody": {"required": True, "content": {BYTES: {"schema": RAW}}}},
)
async def put_artifact(sha256: Hash, request: Request, caller: CurrentCaller) -> Response:
    """Store the raw body: 201 when it is new to the workspace, else 200. It is read and checked in any case."""
    desk, database = desk_of(request), _database(request)
    try:
        stored = await desk.artifacts.put(_limited(request, desk.max_artifact_bytes), sha256)
    except WrongHash as error:
        raise Problem(422, "wrong-hash", str(error)) from error
    except OSError as error:
        if error.errno not in _NO_ROOM:
            raise
        raise Problem(507, "no-room", "there is no room for it where artifacts are stored") from error
    async with database.begin() as work:
        new = await register_artifact(work, caller.workspace_id, stored)
    body = ArtifactStored(sha256=stored.sha256, size=stored.size).model_dump_json()
    return Response(body, 201 if new else 200, media_type="application/json")


@router.get(
    "/artifacts/{sha256}", response_class=StreamingResponse, responses={200: {"content": {BYTES: {"schema": RAW}}}}
)
async def get_artifact(sha256: Hash, request: Request, caller: CurrentCaller) -> Response:
    """The content, as it was stored."""
    await _size(request, caller.workspace_id, sha256)
    return await content(desk_of(request).artifacts, sha256, BYTES)


@router.head("/artifacts/{sha256}")
async def head_artifact(sha256: Hash, request: Request, caller: CurrentCaller) -> Response:
    """Whether the workspace has it, and its size."""
    size = await _size(request, caller.workspace_id, sha256)
    return Response(headers=_headers(sha256, size), media_type=BYTES)


async def content(artifacts: Artifacts, sha256: Sha256, media_type: str, offset: int = 0) -> StreamingResponse:
    """A download; `offset` leaves so many bytes out."""
    try:
        file = await artifacts.open(sha256)
    except UnknownArtifact as error:
        raise ArtifactNotFound(sha256) from error
    size = await asyncio.to_thread(file.seek, 0, 2)
    offset = await asyncio.to_thread(file.seek, min(offset, size))
    headers = _headers(f"{sha256}+{offset}" if offset else sha256, size - offset)
    return StreamingResponse(_chunks(file), headers=headers, media_type=media_type)


def _headers(etag: str, size: int) -> dict[str, str]:
    """Whatever it holds, a browser must not take it for a page of ours."""
    return {"Content-Length": str(size), "ETag": f'"{etag}"', "X-Content-Type-Options": "nosniff"}


async def _chunks(file: BinaryIO) -> AsyncIterator[bytes]:
    with file:
        while chunk := await asyncio.to_thread(file.read, CHUNK):
            yield chunk


async def _limited(request: Request, limit: int) -> AsyncIterator[bytes]:
    too_large = Problem(413, "too-large", f"an artifact has at most {limit} bytes")
    declared = request.headers.get("content-length", "0")
    if not declared.isdigit() or int(declared) > limit:
        raise too_large
    seen = 0
    try:
        async for chunk in request.stream():
            seen += len(chunk)
            if seen > limit:
                raise too_large
            yield chunk
    except ClientDisconnect as error:
        raise Problem(400, "cut-off", "the upload broke off") from error


async def _size(request: Request, workspace_id: WorkspaceId, sha256: Sha256) -> int:
    # A view of its own: the usual one stays open until the last byte is sent, and with it a connection.
    async with _database(request).read() as view:
        size = await view.register.size_of(workspace_id, sha256)
    if size is None:
        raise ArtifactNotFound(sha256)
    return size


def _database(request: Request) -> Database[ExecutorWork]:
    return request.app.state.database
