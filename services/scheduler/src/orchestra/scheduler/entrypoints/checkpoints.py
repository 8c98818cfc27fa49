"""Checkpoints: what people have to decide, and their answers."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field, StringConstraints, model_validator

from orchestra.chassis.http.commands import CurrentCommand
from orchestra.chassis.http.etags import CurrentReader, HonouredMatch
from orchestra.chassis.http.identity import CurrentCaller
from orchestra.chassis.http.views import CurrentCursor, CurrentView, Page
from orchestra.contracts.checkpoints import CheckpointAnswer, CheckpointKind
from orchestra.contracts.ids import Sha256
from orchestra.contracts.suspensions import Asked
from orchestra.scheduler.adapters.checkpoint_queries import checkpoint_page, shown_checkpoint
from orchestra.scheduler.adapters.work import SqlSchedulingWork
from orchestra.scheduler.application.answer_checkpoint import Answer, answer_checkpoint, held_checkpoint
from orchestra.scheduler.domain.work.checkpoint import CheckpointStatus
from orchestra.scheduler.entrypoints.team import Strict

router = APIRouter(prefix="/checkpoints", tags=["checkpoints"])

Guidance = Annotated[str, StringConstraints(strip_whitespace=True, max_length=4000, pattern=r"^[^\x00]*$")]
Path = Annotated[str, StringConstraints(min_length=1, max_length=1000, pattern=r"^[^\x00]*$")]
Content = Annotated[Sha256, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class AnswerCheckpoint(Strict):
    answer: CheckpointAnswer
    """`retry`: try the task again; `skip`: go on without it; `fail`: it stays failed, or fails.

    What an agent waits for: `answer` its question with a `text`; `approve` or `reject` its call; `accept` its work.
    Which of them fit is in the checkpoint's `choices`.
    """
    text: Guidance = ""
    """Only with `answer`, and needed there."""
    guidance: Guidance = ""
    """What further tries of the task are told, in `ORCHESTRA_GUIDANCE`."""
    inputs: Annotated[dict[Path, Content], Field(max_length=50)] = Field(default_factory=dict[str, Sha256])
    """Only with `retry`: input files of the task by path, and the uploaded content that further tries find there."""

    @model_validator(mode="after")
    def _for_further_tries(self) -> "AnswerCheckpoint":
        if self.inputs and self.answer != "retry":
            raise ValueError("inputs are for further tries: the answer is retry then")
        if bool(self.text) != (self.answer == "answer"):
            raise ValueError("an answer to a question needs its text, and nothing else has one")
        return self


class CheckpointView(BaseModel):
    id: str
    project_id: str
    run_id: str
    task_id: str
    key: str
    title: str
    attempt: int
    """The number of the task's last try when it was raised."""
    kind: CheckpointKind
    question: str
    choices: list[CheckpointAnswer]
    status: CheckpointStatus
    raised_at: datetime
    escalates_at: datetime | None
    escalated_at: datetime | None
    expires_at: datetime | None
    """When it closes without an answer, and its task stays failed; None: never."""
    answer: CheckpointAnswer | None
    answered_by: str | None
    answered_at: datetime | None
    """When it was answered, expired or was withdrawn."""
    guidance: str
    asks: Asked | None = None
    """What an agent's attempt waits for, where it is that."""
    said: str = ""
    """The text that answers a question."""
    inputs: dict[str, str] | None


@router.get("")
async def list_checkpoints(
    caller: CurrentCaller,
    view: CurrentView,
    cursor: CurrentCursor,
    status: CheckpointStatus | None = None,
    project_id: Annotated[str | None, Query(max_length=64)] = None,
    run_id: Annotated[str | None, Query(max_length=64)] = None,
) -> Page[CheckpointView]:
    """The newest first; of any status, project or run where none is given."""
    rows = await checkpoint_page(
        view, caller.workspace_id, cursor.limit + 1, cursor.after, status=status, project_id=project_id, run_id=run_id
    )
    return cursor.page([CheckpointView(**row) for row in rows], "id")


@router.get("/{checkpoint_id}", response_model=CheckpointView)
async def get_checkpoint(
    checkpoint_id: str, caller: CurrentCaller, view: CurrentView, reader: CurrentReader
) -> Response:
    return reader.answer(CheckpointView(**await shown_checkpoint(view, caller.workspace_id, checkpoint_id)))


@router.post("/{checkpoint_id}/answer", response_model=CheckpointView)
async def post_answer(
    checkpoint_id: str, request: AnswerCheckpoint, command: CurrentCommand, match: HonouredMatch
) -> Response:
    """Answer it, once: whoever is later gets 409."""
    workspace_id, by = command.caller.workspace_id, command.caller.subject

    async def effect(work: SqlSchedulingWork) -> CheckpointView:
        if match:
            await held_checkpoint(work, workspace_id, checkpoint_id)
            match.check(CheckpointView(**await shown_checkpoint(work, workspace_id, checkpoint_id)))
        said = Answer(request.answer, request.guidance, request.inputs, request.text)
        await answer_checkpoint(work, workspace_id, checkpoint_id, said, by)
        return CheckpointView(**await shown_checkpoint(work, workspace_id, checkpoint_id))

    return await command.run(effect, tagged=True)
