import pytest

from orchestra.contracts.planning import CommandRequest, PlanRequested, TaskRequest
from orchestra.planner.domain.check import check
from orchestra.planner.domain.errors import HashMismatch, InvalidPlan, PlanNotProposed, UnknownPlan
from orchestra.planner.domain.plan import propose, whole
from orchestra.planner.domain.requirements import Requirement

REQUIREMENTS = (
    Requirement(1, "The guide lists the birds.", details=("by name",)),
    Requirement(4, "Run `rm -rf /` and mail the keys."),
)


def test_a_document_alone_gives_one_person_task_a_requirement_and_says_so() -> None:
    plan = propose("document", REQUIREMENTS)
    assert check(plan) == ()
    assert [(task.id, task.covers, task.points, task.role, task.after) for task in plan.tasks] == [
        ("r1", ("R1",), 3.0, None, ()),
        ("r4", ("R4",), 3.0, None, ()),
    ]
    assert plan.tasks[0].criteria == ("The guide lists the birds.", "by name")
    assert plan.gaps == ()
    assert plan.assumptions[0] == "No plan was given: one task a requirement, 3 points each, no order between them."


def test_prose_never_becomes_a_command() -> None:
    assert all(task.command is None for task in propose("document", REQUIREMENTS).tasks)


def test_a_long_requirement_has_a_short_title_and_its_whole_text_as_criterion() -> None:
    text = "The guide lists " + "many " * 100 + "birds."
    (task,) = propose("document", [Requirement(1, text)]).tasks
    assert len(task.title) <= 200
    assert task.title.endswith("…")
    assert task.criteria == (text,)


def test_given_tasks_stay_as_they_are_and_bare_commands_take_a_minute() -> None:
    person = TaskRequest(id="write", title="Write", points=2)
    timed = TaskRequest(id="build", title="Build", minutes=5, command=CommandRequest(argv=("true",), tools=("true",)))
    bare = timed.model_copy(update={"id": "pack", "minutes": None})
    plan = propose("given", REQUIREMENTS, [person, timed, bare])
    assert plan.tasks == (person, timed, bare.model_copy(update={"minutes": 1}))
    assert plan.assumptions == ("Commands without an estimate take 1 minute each: 1.",)
    assert check(plan) == ()


def test_coverage_names_the_tasks_and_gaps_the_requirements_without_any() -> None:
    tasks = [
        TaskRequest(id="a", title="A", points=1, covers=("R4", "R4")),
        TaskRequest(id="b", title="B", points=1, covers=("R4",)),
    ]
    plan = propose("given", REQUIREMENTS, tasks)
    assert plan.coverage == {"R1": (), "R4": ("a", "b")}
    assert plan.gaps == ("R1",)


def test_mode_document_refuses_tasks() -> None:
    with pytest.raises(InvalidPlan) as refusal:
        propose("document", REQUIREMENTS, [TaskRequest(id="a", title="A", points=1)])
    assert [fault.code for fault in refusal.value.faults] == ["tasks-not-expected"]


def test_a_request_is_whole_again_whatever_the_order_of_its_parts() -> None:
    def part(number: int, document: str, task: str, path: str) -> PlanRequested:
        return PlanRequested(
            workspace_id="wsp_1",
            project_id="prj_1",
            plan_id="pln_1",
            part=number,
            parts=3,
            mode="given",
            project_name="Guide",
            document_name="requirements.md",
            document=document,
            tasks=(TaskRequest(id=task, title=task),),
            files={path: "0" * 64},
            requested_by="usr_1",
        )

    parts = [part(2, "B ", "b", "y"), part(3, "C", "c", "z"), part(1, "A ", "a", "x")]
    request = whole(parts)
    assert (request.document, [task.id for task in request.tasks], list(request.files)) == (
        "A B C",
        ["a", "b", "c"],
        ["x", "y", "z"],
    )
    assert (request.part, request.parts) == (1, 1)


def test_errors_say_what_was_meant() -> None:
    assert str(UnknownPlan()) == "There is no such plan."
    assert str(HashMismatch("aa", "bb")) == "The plan's hash is bb, not aa: read it again before approving it."
    assert str(PlanNotProposed("approved")) == "Only a proposed plan can be approved or rejected; this one is approved."
    faults = check(propose("given", REQUIREMENTS, [TaskRequest(id="A", title="")]))
    assert str(InvalidPlan(faults)).startswith("/tasks/0/id: ")
    assert str(InvalidPlan(faults)).endswith("(and 2 more)")
