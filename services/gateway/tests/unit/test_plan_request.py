"""Plan requests: limits, and the parts of a long one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestra.contracts.planning import CommandRequest, PlanRequested, TaskRequest, TeamMember
from orchestra.gateway.domain.errors import BinaryDocument, DocumentTooLarge, TaskTooLarge
from orchestra.gateway.domain.plan_request import MAX_DOCUMENT, WantedPlan, check_limits, in_parts

LARGEST_EVENT = 200_000


def wanted(document: str = "Text.", *tasks: TaskRequest) -> WantedPlan:
    return WantedPlan(document, "requirements.md", "given" if tasks else "document", tasks)


def request(
    document: str = "", tasks: tuple[TaskRequest, ...] = (), files: dict[str, str] | None = None
) -> PlanRequested:
    return PlanRequested(
        workspace_id="wsp_1",
        project_id="prj_1",
        plan_id="pln_1",
        mode="given",
        project_name="A project",
        document_name="requirements.md",
        document=document,
        tasks=tasks,
        files=files or {},
        requested_by="key_1",
    )


def test_a_document_may_have_a_million_bytes_and_not_one_more() -> None:
    check_limits(wanted("é" * (MAX_DOCUMENT // 2)))
    with pytest.raises(DocumentTooLarge, match="1,000,001 bytes"):
        check_limits(wanted("é" * (MAX_DOCUMENT // 2) + "x"))


def test_a_binary_document_is_refused_with_the_line() -> None:
    with pytest.raises(BinaryDocument, match="Line 3") as caught:
        check_limits(wanted("one\ntwo\n\x00three"))
    assert caught.value.faults[0].pointer == "/document"


def test_tabs_and_line_ends_of_all_kinds_are_text() -> None:
    check_limits(wanted("one\ttwo\r\nthree\ffour\x1b[0m"))


def test_a_task_that_no_event_can_carry_is_refused_by_its_place() -> None:
    fine = TaskRequest(id="a", title="A")
    with pytest.raises(TaskTooLarge) as caught:
        check_limits(wanted("x", fine, TaskRequest(id="b", title="B", criteria=("é" * 75_000,))))
    assert [fault.pointer for fault in caught.value.faults] == ["/tasks/1"]


def parts_of(whole: PlanRequested) -> tuple[PlanRequested, ...]:
    """As they are read again."""
    texts = [task.model_dump_json(exclude_defaults=True).encode() for task in whole.tasks]
    published = [part.to_json() for part in in_parts(whole, texts)]
    assert all(len(text.encode()) < LARGEST_EVENT - 2000 for text in published)
    return tuple(map(PlanRequested.model_validate_json, published))


def test_a_short_request_is_one_event() -> None:
    whole = request("Text.", (TaskRequest(id="a", title="A"),), {"a.txt": "0" * 64})

    assert parts_of(whole) == (whole,)


def test_an_empty_request_is_one_event() -> None:
    assert parts_of(request()) == (request(),)


def rejoined(parts: tuple[PlanRequested, ...]) -> PlanRequested:
    """As the planner puts them together."""
    return parts[0].model_copy(
        update={
            "document": "".join(part.document for part in parts),
            "tasks": tuple(task for part in parts for task in part.tasks),
            "files": {path: sha256 for part in parts for path, sha256 in part.files.items()},
            "team": tuple(member for part in parts for member in part.team),
            "parts": 1,
        }
    )


def test_a_long_request_is_split_so_that_every_event_is_small_and_nothing_is_lost() -> None:
    tasks = tuple(
        TaskRequest(id=f"t{n}", title=f"Task {n}", command=CommandRequest(argv=("echo", "é" * 900))) for n in range(700)
    )
    team = tuple(TeamMember(roles=(f"role {n}", "é" * 100)) for n in range(1000))
    whole = request('"\\\n' * 333_333, tasks, {f"folder/{n}.txt": f"{n:064x}" for n in range(3000)})
    whole = whole.model_copy(update={"team": team})

    parts = parts_of(whole)

    assert len(parts) > 10
    assert [(part.part, part.parts) for part in parts] == [(n + 1, len(parts)) for n in range(len(parts))]
    assert rejoined(parts) == whole


@given(st.text(st.characters(codec="utf-8"), max_size=300), st.integers(1, 3000))
def test_whatever_the_text_is_the_parts_are_small_and_come_together_again(text: str, times: int) -> None:
    whole = request(text * times)

    parts = parts_of(whole)

    assert rejoined(parts) == whole
