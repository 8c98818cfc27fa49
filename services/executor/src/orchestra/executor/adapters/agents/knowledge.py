"""What agents are told of a project, what is kept of what they tell, and the tool that they search it with."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from orchestra.chassis.database.unit_of_work import Database
from orchestra.chassis.errors import Unavailable
from orchestra.chassis.telemetry.logging import logger
from orchestra.contracts.ids import ProjectId, WorkspaceId
from orchestra.executor.adapters.work import ExecutorWork
from orchestra.executor.application.agents.ports import Assignment, Tool, ToolAway
from orchestra.executor.application.knowledge.learn import learn
from orchestra.executor.application.knowledge.ports import KnownFinding, Meanings, NoMeaning, Origin, Place
from orchestra.executor.application.knowledge.search import search
from orchestra.executor.application.knowledge.search_by_meaning import search_by_meaning
from orchestra.executor.application.knowledge.write_briefing import write_briefing
from orchestra.executor.domain.agents.calls import ToolResult, ToolSpec
from orchestra.executor.domain.knowledge.finding import KINDS, one_line

log = logger("knowledge")

NAME = "search_knowledge"
USUAL = 8
MOST_FOUND = 20
MOST_ASKED = 500
"""Characters of a question."""
MOST_TOLD = 8000
"""Characters of an answer."""

SPEC = ToolSpec(
    name=NAME,
    description=(
        "Search what is known of this project from earlier work: constraints, decisions, discoveries, references and "
        "gotchas. Findings that have any of the words are returned, the best first, each with where it comes from."
    ),
    parameters={
        "type": "object",
        "properties": {
            "query": {"type": "string", "minLength": 1, "maxLength": MOST_ASKED, "description": "A few telling words."},
            "kind": {"type": "string", "enum": list(KINDS), "description": "Findings of this kind alone."},
            "limit": {"type": "integer", "minimum": 1, "maximum": MOST_FOUND, "default": USUAL},
        },
        "required": ["query"],
        "additionalProperties": False,
    },
    effect="none",
)


@dataclass(frozen=True)
class ProjectKnowledge:
    """Implements the port Knowledge."""

    database: Database[ExecutorWork]

    async def briefing(self, workspace_id: WorkspaceId, project_id: ProjectId, about: str) -> str:
        async with self.database.read() as view:
            return await write_briefing(view, Place(workspace_id, project_id), about)

    async def learn(self, assignment: Assignment, findings: Sequence[tuple[str, str]]) -> None:
        async with self.database.begin() as work:
            await learn(work, _place(assignment), _origin(assignment), findings)


@dataclass(frozen=True)
class KnowledgeToolbox:
    """Implements the port Toolbox."""

    database: Database[ExecutorWork]
    meanings: Meanings | None = None
    """Without it findings are searched by words alone."""

    async def tools(self, assignment: Assignment, wanted: Sequence[str]) -> Sequence[Tool]:
        return [SearchKnowledge(self.database, assignment, self.meanings)] if NAME in wanted else []


@dataclass(frozen=True)
class SearchKnowledge:
    database: Database[ExecutorWork]
    assignment: Assignment
    meanings: Meanings | None = None

    @property
    def spec(self) -> ToolSpec:
        return SPEC

    def refusal(self, arguments: Mapping[str, Any]) -> str | None:
        """Never: it reads what the project knows, and nothing else."""
        del arguments

    def summary(self, arguments: Mapping[str, Any]) -> str:
        kind = f" ({arguments['kind']} alone)" if arguments.get("kind") else ""
        return f"Search what is known of the project{kind}: {arguments['query']}"

    async def perform(self, arguments: Mapping[str, Any], key: str) -> ToolResult:
        del key  # it changes nothing
        question, kind, limit = one_line(arguments["query"]), arguments.get("kind"), arguments.get("limit", USUAL)
        where = _place(self.assignment)
        try:
            vector = await self._meaning(question)
            async with self.database.read() as view:
                if self.meanings is None or vector is None:
                    found = await search(view, where, question, kind, limit=limit)
                else:
                    model = self.meanings.model
                    found = await search_by_meaning(view, where, question, vector, model, kind, limit=limit)
        except Unavailable as away:
            raise ToolAway(NAME, str(away)) from away
        return ToolResult(_told(found) if found else "Nothing is known that has any of these words.")

    async def _meaning(self, question: str) -> bytes | None:
        """The question's vector; None where none can be had: then its words have to do."""
        if self.meanings is None or not question:
            return None
        try:
            [vector] = await self.meanings.of(self.assignment.caller("knowledge"), [question])
        except NoMeaning as why:
            log.warning("knowledge is searched by words alone", reason=str(why))
            return None
        return vector

    async def look_up(self, key: str) -> ToolResult | None:
        """It is asked again instead."""
        del key


def _told(found: Sequence[KnownFinding]) -> str:
    """Whole findings alone; what does not fit is counted."""
    told, left = "", MOST_TOLD - 100
    for at, each in enumerate(found):
        more = f"[{each.finding.kind}] {each.finding.text}\n  ({_whence(each)})\n"
        if len(more) > left:
            return f"{told}{len(found) - at} more; ask for less, or more exactly."
        told, left = told + more, left - len(more)
    return told.rstrip()


def _whence(known: KnownFinding) -> str:
    origin, day = known.origin, known.at.date().isoformat()
    if origin.attempt_id is None:
        return f"said by a person, {day}"
    return f"task {origin.task_key or origin.task_id}, attempt {origin.attempt_id}, {day}"


def _place(assignment: Assignment) -> Place:
    return Place(assignment.workspace_id, assignment.project_id)


def _origin(assignment: Assignment) -> Origin:
    return Origin(
        run_id=assignment.run_id,
        task_id=assignment.task_id,
        attempt_id=assignment.attempt_id,
        agent=assignment.agent,
    )
