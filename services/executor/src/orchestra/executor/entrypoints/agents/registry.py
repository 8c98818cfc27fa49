"""The registry of agents over HTTP."""

import secrets
from typing import Annotated

from fastapi import APIRouter, Header, Path, Request, Response
from fastapi.responses import JSONResponse
from pydantic_core import from_json

from orchestra.chassis.http.commands import CurrentCommand
from orchestra.chassis.http.etags import CurrentReader
from orchestra.chassis.http.identity import CurrentCaller
from orchestra.chassis.http.problems import Problem
from orchestra.chassis.http.views import CurrentCursor, CurrentView, Page
from orchestra.contracts.ids import WorkspaceId
from orchestra.executor.adapters.models.desk import ModelDesk
from orchestra.executor.adapters.work import ExecutorWork
from orchestra.executor.application.agents.change_state import change_state
from orchestra.executor.application.agents.heartbeat import heartbeat
from orchestra.executor.application.agents.registry_ports import AgentReport
from orchestra.executor.application.agents.set_agent import set_agent
from orchestra.executor.domain.agents.errors import UnknownAgent
from orchestra.executor.domain.agents.registry import ANY, AWAY_AFTER, HEARTBEAT_EVERY, NAME, AgentState, token_hash
from orchestra.executor.entrypoints.agents.views import (
    AgentDetail,
    AgentRequest,
    AgentView,
    HeartbeatView,
    NewAgentView,
    shown,
    shown_new,
    shown_whole,
)

router = APIRouter(tags=["agents"])

AGENT = "/agents/{agent}"
Name = Annotated[str, Path(pattern=NAME)]
Token = Annotated[str | None, Header(alias="X-Agent-Token", max_length=200, description="What PUT gave the agent.")]


@router.get("/agents")
async def list_agents(caller: CurrentCaller, view: CurrentView, cursor: CurrentCursor) -> Page[AgentView]:
    """All of the workspace, retired ones too; the built-in `house` where nobody has registered any."""
    work: ExecutorWork = view
    reports = await work.agents.page(caller.workspace_id, after=cursor.after, limit=cursor.limit + 1)
    return cursor.page([shown(report, work.now) for report in reports], "name")


@router.get(AGENT, response_model=AgentDetail)
async def show_agent(agent: Name, caller: CurrentCaller, view: CurrentView, reader: CurrentReader) -> Response:
    """How it stands, what it has in hand, and what was measured of it, in all and by kind of work."""
    work: ExecutorWork = view
    return reader.answer(shown_whole(await _report(work, caller.workspace_id, agent), work.now))


@router.put(AGENT, response_model=NewAgentView)
async def put_agent(agent: Name, body: AgentRequest, request: Request, command: CurrentCommand) -> Response:
    """Register an agent, change one, or have a retired one back. An agent that comes to be outside gets a token."""
    if agent == ANY:
        raise Problem(422, "reserved-name", f"`{ANY}` means whichever agent fits best; call this one otherwise.")
    desk: ModelDesk = request.app.state.models
    if body.model is not None:
        desk.catalogue.routes.wanted(body.model)
    workspace, token = command.caller.workspace_id, secrets.token_urlsafe(32)
    given: list[str] = []

    async def effect(work: ExecutorWork) -> NewAgentView:
        made = await set_agent(work, workspace, agent, body.changes, offered=token_hash(token), renew=body.new_token)
        given.extend([token] if made.new_token else [])
        return shown_new(await _report(work, workspace, agent), work.now, None)

    # What is stored for a repetition is the answer without the token.
    answer = await command.run(effect)
    if not given:
        return answer
    return JSONResponse({**from_json(bytes(answer.body)), "token": given[0]}, answer.status_code)


@router.delete(AGENT, response_model=AgentView)
async def retire_agent(agent: Name, command: CurrentCommand) -> Response:
    """It is given no more work. What it has in hand goes on; its results stay."""
    return await _change(command, agent, "retired")


@router.post(f"{AGENT}/pause", response_model=AgentView)
async def pause_agent(agent: Name, command: CurrentCommand) -> Response:
    """It is given no work until it is resumed; work that names it waits."""
    return await _change(command, agent, "paused")


@router.post(f"{AGENT}/resume", response_model=AgentView)
async def resume_agent(agent: Name, command: CurrentCommand) -> Response:
    return await _change(command, agent, "active")


@router.post(f"{AGENT}/heartbeat", response_model=HeartbeatView)
async def give_heartbeat(agent: Name, command: CurrentCommand, token: Token = None) -> Response:
    """An outside agent is there, and proves with its token that it is itself."""

    async def effect(work: ExecutorWork) -> HeartbeatView:
        found = await heartbeat(work, command.caller.workspace_id, agent, token or "")
        return HeartbeatView(
            state=found.status(work.now),
            every_s=HEARTBEAT_EVERY.total_seconds(),
            away_after_s=AWAY_AFTER.total_seconds(),
        )

    return await command.run(effect)


async def _change(command: CurrentCommand, name: str, state: AgentState) -> Response:
    workspace = command.caller.workspace_id

    async def effect(work: ExecutorWork) -> AgentView:
        await change_state(work, workspace, name, state)
        return shown(await _report(work, workspace, name), work.now)

    return await command.run(effect)


async def _report(work: ExecutorWork, workspace_id: WorkspaceId, name: str) -> AgentReport:
    report = await work.agents.report(workspace_id, name)
    if report is None:
        raise UnknownAgent(name)
    return report
