"""Which model a task is for, and what stands in."""

from itertools import product

import pytest

from orchestra.executor.domain.models.routing import (
    DIFFICULTIES,
    KINDS,
    Difficulty,
    Kind,
    Model,
    Overrides,
    Routes,
    Tier,
    UnknownModel,
)

MODELS = tuple(Model(tier.name + "-one", "p", "id", tier) for tier in Tier)
ROUTES = Routes(MODELS)


def first(
    kind: Kind | None, difficulty: Difficulty, overrides: Overrides | None = None, routes: Routes = ROUTES
) -> str:
    return routes.candidates(kind, difficulty, overrides)[0].name


@pytest.mark.parametrize("kind", ["research", "analysis", "documentation", "asset", None])
def test_the_harder_a_task_the_larger_its_model(kind: Kind | None) -> None:
    assert [first(kind, each) for each in DIFFICULTIES] == ["local-one", "small-one", "large-one"]


@pytest.mark.parametrize("kind", ["code", "integration"])
def test_nothing_local_is_asked_first_for_what_others_build_on(kind: Kind) -> None:
    assert [first(kind, each) for each in DIFFICULTIES] == ["small-one", "small-one", "large-one"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("difficulty", DIFFICULTIES)
def test_every_model_stands_in_once(kind: Kind, difficulty: Difficulty) -> None:
    found = ROUTES.candidates(kind, difficulty)

    assert sorted(model.name for model in found) == sorted(model.name for model in MODELS)
    tiers = [model.tier for model in found]
    upwards = [tier for tier in tiers if tier >= tiers[0]]
    assert tiers == [*upwards, *sorted(set(Tier) - set(upwards), reverse=True)]


@pytest.mark.parametrize("speaks", list(product([True, False], repeat=4)))
def test_the_task_counts_before_the_agent_the_project_the_table_and_the_usual_tier(speaks: tuple[bool, ...]) -> None:
    everybody = ("task", "agent", "project", "table")
    models = tuple(Model(who, "p", "id", Tier.small) for who in ("usual", *everybody))
    said = [who if speaking else None for who, speaking in zip(everybody, speaks, strict=True)]
    task, agent, project, table = said
    routes = Routes(models, {("code", "simple"): table} if table else {})

    found = first("code", "simple", Overrides(task, agent, project), routes)

    assert found == next(filter(None, said), "usual")


def test_a_route_of_the_file_counts_before_the_usual_one() -> None:
    routes = Routes(MODELS, {("code", "simple"): "local", ("asset", "simple"): "large-one"})

    assert first("code", "simple", routes=routes) == "local-one"
    assert first("asset", "simple", routes=routes) == "large-one"
    assert first("asset", "medium", routes=routes) == "small-one"


def test_a_missing_tier_is_passed_over() -> None:
    assert first("research", "simple", routes=Routes(MODELS[2:])) == "large-one"
    assert Routes().candidates("code", "simple") == []
    assert Routes(MODELS[:1]).candidates("code", "complex", Overrides(task="large")) == [MODELS[0]]


def test_a_name_that_means_nothing_is_refused() -> None:
    known = "there are local, small, large, local-one, small-one, large-one"
    with pytest.raises(UnknownModel, match=f"nothing; {known}"):
        ROUTES.candidates("code", "simple", Overrides(task="nothing"))


def test_nothing_stands_in_for_what_is_meant_alone() -> None:
    two = Routes((*MODELS, Model("local-two", "p", "id", Tier.local)))

    assert [m.name for m in two.candidates(overrides=Overrides(task="local", alone=True))] == ["local-one", "local-two"]
    assert [m.name for m in two.candidates(overrides=Overrides(task="local-two", alone=True))] == ["local-two"]
    assert Routes(MODELS[1:]).candidates(overrides=Overrides(task="local", alone=True)) == []
