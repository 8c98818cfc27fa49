from dataclasses import replace
from unicodedata import normalize

from hypothesis import given
from hypothesis import strategies as st

from orchestra.contracts.planning import AfterRequest, CommandRequest, FailOn, TaskRequest
from orchestra.planner.domain.hashing import content_hash
from orchestra.planner.domain.plan import Plan, propose
from orchestra.planner.domain.requirements import Requirement

words = st.text(alphabet="abé", max_size=3)
tuples = st.lists(words, max_size=2).map(tuple)
commands = st.builds(
    CommandRequest,
    argv=tuples,
    tools=tuples,
    inputs=tuples,
    outputs=tuples,
    retries=st.integers(0, 2),
    fail_on=st.builds(FailOn, exit=st.lists(st.integers(0, 2), max_size=2).map(tuple), output=tuples),
    timeout_s=st.sampled_from([1, 300]),
    repeatable=st.booleans(),
)
tasks = st.builds(
    TaskRequest,
    id=words,
    title=words,
    covers=tuples,
    points=st.none() | st.sampled_from([1.0, 2.5]),
    minutes=st.none() | st.integers(1, 2),
    role=st.none() | words,
    criteria=tuples,
    after=tuples,
    command=st.none() | commands,
)
requirements = st.builds(Requirement, st.integers(1, 3), words, tuples, st.just(0), tuples)
plans = st.builds(
    Plan,
    mode=st.sampled_from(["document", "given"]),
    requirements=st.lists(requirements, max_size=2).map(tuple),
    tasks=st.lists(tasks, max_size=2).map(tuple),
    files=st.dictionaries(words, words, max_size=2),
)
PLAN = Plan(
    "given",
    (Requirement(1, "Café.", ("Food",), 3, ("hot",)),),
    (
        TaskRequest(
            id="a",
            title="Café",
            points=1,
            criteria=("hot",),
            command=CommandRequest(argv=("sort", "Café"), tools=("sort",), inputs=("a", "b")),
        ),
        TaskRequest(id="b", title="B", points=1, after=("a",)),
    ),
    {"a": "0" * 64, "b": "1" * 64},
)


@given(plans, plans)
def test_plans_have_the_same_hash_exactly_when_their_content_is_the_same(one: Plan, two: Plan) -> None:
    assert (content_hash(one) == content_hash(two)) == (one == two)


@given(plans)
def test_an_equal_plan_has_an_equal_hash(plan: Plan) -> None:
    copies = tuple(TaskRequest.model_validate_json(task.model_dump_json()) for task in plan.tasks)
    again = replace(plan, tasks=copies, files=dict(reversed(plan.files.items())))
    assert content_hash(again) == content_hash(plan)


@given(plans, st.data())
def test_a_change_of_any_field_of_any_task_gives_another_hash(plan: Plan, data: st.DataObject) -> None:
    for at, task in enumerate(plan.tasks):
        other = data.draw(tasks)
        for name in TaskRequest.model_fields:
            changed = task.model_copy(update={name: getattr(other, name)})
            if changed != task:
                edited = replace(plan, tasks=(*plan.tasks[:at], changed, *plan.tasks[at + 1 :]))
                assert content_hash(edited) != content_hash(plan)


def test_every_part_of_a_plan_counts() -> None:
    (requirement,) = PLAN.requirements
    changed = [
        replace(PLAN, mode="document"),
        replace(PLAN, files={**PLAN.files, "b": "2" * 64}),
        replace(PLAN, files={"a": "0" * 64}),
        replace(PLAN, tasks=PLAN.tasks[::-1]),
        replace(PLAN, requirements=()),
        *(
            replace(PLAN, requirements=(replace(requirement, **change),))
            for change in ({"number": 2}, {"text": "Tea."}, {"section": ()}, {"details": ()})
        ),
    ]
    hashes = {content_hash(plan) for plan in [PLAN, *changed]}
    assert len(hashes) == len(changed) + 1


def test_line_numbers_marks_and_assumptions_do_not_count() -> None:
    (requirement,) = PLAN.requirements
    same = replace(PLAN, requirements=(replace(requirement, line=99, marked=True),), assumptions=("Guessed.",))
    assert content_hash(same) == content_hash(PLAN)


def test_what_people_read_is_the_same_in_either_unicode_form_and_what_runs_is_not() -> None:
    (requirement,), (task, other) = PLAN.requirements, PLAN.tasks

    def decomposed(text: str) -> str:
        return normalize("NFD", text)

    read = replace(
        PLAN,
        requirements=(replace(requirement, text=decomposed(requirement.text)),),
        tasks=(task.model_copy(update={"title": decomposed(task.title)}), other),
    )
    assert content_hash(read) == content_hash(PLAN)
    assert task.command is not None
    argv = tuple(map(decomposed, task.command.argv))
    run = task.model_copy(update={"command": task.command.model_copy(update={"argv": argv})})
    assert content_hash(replace(PLAN, tasks=(run, other))) != content_hash(PLAN)


def test_the_hash_of_a_plan_stays_what_it_was() -> None:
    assert content_hash(PLAN) == "bedcaddf066ec7d38b25504712223e2b245a283f8fdc0470fe30f30a1211f5ce"


def test_kinds_and_lags_count_and_what_is_plain_has_the_hash_it_always_had() -> None:
    def hashed(*after: str | AfterRequest) -> str:
        tasks = (PLAN.tasks[0], PLAN.tasks[1].model_copy(update={"after": after}))
        return content_hash(propose("given", PLAN.requirements, tasks, PLAN.files))

    assert hashed("a") == "bedcaddf066ec7d38b25504712223e2b245a283f8fdc0470fe30f30a1211f5ce"
    assert hashed(AfterRequest(task="a")) == hashed(AfterRequest(task="a", clock="elapsed")) == hashed("a")
    others = [AfterRequest(task="a", kind="SS"), AfterRequest(task="a", lag_minutes=1)]
    others.append(AfterRequest(task="a", lag_minutes=1, clock="elapsed"))
    assert len({hashed("a"), *map(hashed, others)}) == 4
