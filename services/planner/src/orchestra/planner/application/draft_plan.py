"""What a plan that a model is to make comes to, as far as it has been asked: a plan, or what to ask next.

Nothing is kept between rounds but the answers: what was wrong with each draft is found out again, so that a process
that is killed at any moment has lost nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from orchestra.contracts.models import Prompt, Turn
from orchestra.contracts.planning import Fault, PlanRequested, TeamMember
from orchestra.planner.application.model_calls import no_model
from orchestra.planner.application.ports import Draft, Drafts, ModelCall
from orchestra.planner.domain.check import check
from orchestra.planner.domain.drafting import MOST_ROUNDS, asked, refused, rules
from orchestra.planner.domain.errors import InvalidPlan
from orchestra.planner.domain.plan import Plan, propose
from orchestra.planner.domain.requirements import Requirement
from orchestra.planner.domain.team import agents_of, check_team

NO_MODEL = "No model is configured, so the document's own structure was taken for the plan."


@dataclass(frozen=True)
class Asking:
    """A model has to be asked before there can be a plan."""

    prompt: Prompt
    schema: dict[str, Any]
    number: int


def draft_plan(
    request: PlanRequested, requirements: Sequence[Requirement], drafts: Drafts, calls: Sequence[ModelCall]
) -> Plan | Asking:
    """Raises InvalidPlan: with the model's own failure, or with what was wrong with its last draft."""
    if request.tasks:
        detail = f"Mode {request.mode} makes its own tasks."
        raise InvalidPlan([Fault(pointer="/tasks", code="tasks-not-expected", detail=detail)])
    if calls and calls[-1].answer is None:
        if request.mode == "auto" and no_model(calls):
            plan = propose("document", requirements)
            return replace(plan, assumptions=(NO_MODEL, *plan.assumptions[1:]))
        raise InvalidPlan(calls[-1].faults)
    turns = [Turn(by="user", text=asked(request.document_name, requirements, request.team))]
    faults: Sequence[Fault] = ()
    for call in calls:
        assert call.answer is not None  # only the last one can lack it: without an answer no further one is asked for
        made = _read(drafts, call, requirements, request.team)
        if isinstance(made, Plan):
            return replace(made, assumptions=(*made.assumptions, _told(calls)))
        faults = made
        turns += [Turn(by="assistant", text=call.answer), Turn(by="user", text=refused(faults))]
    if len(calls) == MOST_ROUNDS:
        raise InvalidPlan(faults)
    for_agents = bool(agents_of(request.team))
    prompt = Prompt(system=rules(for_agents), turns=tuple(turns))
    return Asking(prompt, drafts.schema(for_agents), len(calls) + 1)


def _read(
    drafts: Drafts, call: ModelCall, requirements: Sequence[Requirement], team: Sequence[TeamMember]
) -> Plan | Sequence[Fault]:
    assert call.answer is not None
    try:
        draft: Draft = drafts.read(call.answer)
    except InvalidPlan as refusal:
        return refusal.faults
    plan = Plan("model", tuple(requirements), draft.tasks, {}, draft.assumptions)
    faults = [*check(plan), *check_team(plan.tasks, team), *_gaps(plan)]
    return faults or plan


def _gaps(plan: Plan) -> list[Fault]:
    """People may leave a requirement open; a model that does has overlooked it."""
    return [Fault(pointer="/tasks", code="uncovered", detail=f"No task covers {gap}.") for gap in plan.gaps]


def _told(calls: Sequence[ModelCall]) -> str:
    rounds = "at the first try" if len(calls) == 1 else f"in {len(calls)} rounds"
    return f"Planned by {calls[-1].model} {rounds} for {sum(call.cost_micros for call in calls) / 1e6:.4f} USD."
