"""Agents as they are asked for and shown. Costs are micro-dollars, durations milliseconds."""

import re
from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, field_validator

from orchestra.contracts.agents import AgentStatus
from orchestra.contracts.machine_work import AGENT_TOOLS, AgentKind
from orchestra.executor.application.agents.registry_ports import AgentReport
from orchestra.executor.domain.agents.registry import MOST_AT_ONCE, NAME, Agent, Results, Standing, standing
from orchestra.executor.domain.agents.scoring import LoadLevel, load_level, words_of

SERVER_TOOL = re.compile(r"mcp:[a-z0-9][a-z0-9._-]{0,63}(/[A-Za-z0-9][A-Za-z0-9._-]{0,127})?")


def _word(given: Any) -> Any:
    if isinstance(given, str) and words_of(given) != frozenset({given.lower()}):
        raise ValueError("one word, such as `python` or `front-end`")
    return given.lower() if isinstance(given, str) else given


Word = Annotated[str, BeforeValidator(_word), StringConstraints(max_length=64)]
Tool = Annotated[str, StringConstraints(max_length=200)]


class AgentRequest(BaseModel):
    """What is not named stays as it is, of a new agent at its default."""

    model_config = ConfigDict(extra="forbid")

    type: Annotated[str, StringConstraints(pattern=NAME)] = "general"
    """A word that a task may prefer: `reviewer`, `implementer`."""
    kinds: Annotated[list[AgentKind] | None, Field(min_length=1)] = None
    """Work that it is given; null: all kinds."""
    capabilities: Annotated[list[Word], Field(max_length=100)] = []
    """Words: it fits better where a task's title or instructions name one of them."""
    model: Annotated[str | None, StringConstraints(min_length=1, max_length=200)] = None
    """A tier (`local`, `small`, `large`) or a model's name, where the task names none; null: by kind and difficulty."""
    tools: Annotated[list[Tool] | None, Field(max_length=200)] = None
    """All that it may be given to work with, `mcp:server` for all of a server; null: whatever a task asks for."""
    concurrency: Annotated[int, Field(ge=1, le=MOST_AT_ONCE, strict=True)] = 1
    """Attempts that it has at a time, at most."""
    outside: Annotated[bool, Field(strict=True)] = False
    """It works in a process of its own, elsewhere, and gives a sign of life every 30 s."""
    new_token: Annotated[bool, Field(strict=True)] = False
    """Give an outside agent another token; the one before holds no longer."""

    @field_validator("tools")
    @classmethod
    def are_tools(cls, tools: list[str] | None) -> list[str] | None:
        for tool in tools or ():
            if tool not in AGENT_TOOLS and not SERVER_TOOL.fullmatch(tool):
                raise ValueError(
                    f"there is no tool {tool!r}; there are {', '.join(sorted(AGENT_TOOLS))} and mcp:server"
                )
        return tools

    @property
    def changes(self) -> dict[str, Any]:
        """Of an Agent."""
        named = {name: getattr(self, name) for name in self.model_fields_set - {"new_token"}}
        if "kinds" in named:
            named["kinds"] = Agent("", "").kinds if self.kinds is None else frozenset(self.kinds)
        if "capabilities" in named:
            named["capabilities"] = frozenset(self.capabilities)
        if self.tools is not None:
            named["tools"] = frozenset(self.tools)
        return named


class ResultsView(BaseModel):
    done: int
    partial: int
    failed: int
    gaps: int
    """A verification found that something is missing."""
    success: float | None
    """From 0 to 1; newer results weigh more. None: there are no results."""
    quality: float | None
    """The same of what was judged. None: nothing was."""
    cost_micros: int
    duration_ms: int


class LoadView(BaseModel):
    held: int
    """Attempts that it has under lease."""
    concurrency: int
    level: LoadLevel


class AgentView(BaseModel):
    name: str
    type: str
    kinds: list[AgentKind]
    capabilities: list[str]
    model: str | None
    tools: list[str] | None
    """None: whatever a task asks for."""
    concurrency: int
    outside: bool
    built_in: bool
    """Nobody has registered it: it is there until somebody registers one."""
    state: AgentStatus
    standing: Standing
    load: LoadView
    results: ResultsView
    last_heartbeat_at: datetime | None


class NewAgentView(AgentView):
    token: str | None
    """An outside agent sends it with its signs of life. It is shown this once."""


class AgentDetail(AgentView):
    by_kind: dict[AgentKind, ResultsView]


class HeartbeatView(BaseModel):
    state: AgentStatus
    every_s: float
    """When the next one should come."""
    away_after_s: float
    """Without any for so long it is given no work."""


def shown(report: AgentReport, now: datetime) -> AgentView:
    return AgentView(**_fields(report, now))


def shown_new(report: AgentReport, now: datetime, token: str | None) -> NewAgentView:
    return NewAgentView(**_fields(report, now), token=token)


def shown_whole(report: AgentReport, now: datetime) -> AgentDetail:
    by_kind: dict[AgentKind, ResultsView] = {kind: _results(found) for kind, found in report.by_kind.items()}
    return AgentDetail(**_fields(report, now), by_kind=by_kind)


def _fields(report: AgentReport, now: datetime) -> dict[str, Any]:
    agent = report.agent
    return {
        "name": agent.name,
        "type": agent.type,
        "kinds": sorted(agent.kinds),
        "capabilities": sorted(agent.capabilities),
        "model": agent.model,
        "tools": None if agent.tools is None else sorted(agent.tools),
        "concurrency": agent.concurrency,
        "outside": agent.outside,
        "built_in": not agent.stored,
        "state": agent.status(now),
        "standing": standing(report.results),
        "load": LoadView(
            held=report.held, concurrency=agent.concurrency, level=load_level(report.held, agent.concurrency)
        ),
        "results": _results(report.results),
        "last_heartbeat_at": agent.heartbeat_at,
    }


def _results(results: Results) -> ResultsView:
    return ResultsView(
        done=results.done,
        partial=results.partial,
        failed=results.failed,
        gaps=results.gaps,
        success=round(results.success, 4) if results.count else None,
        quality=round(results.quality, 4) if results.count > results.failed else None,
        cost_micros=results.cost_micros,
        duration_ms=results.duration_ms,
    )
