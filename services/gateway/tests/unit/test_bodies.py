"""What people send becomes what the contract says, and goes on without a word of complaint."""

import warnings

import pytest
from pydantic import ValidationError

from orchestra.contracts.planning import AfterRequest
from orchestra.gateway.entrypoints.bodies import TaskBody


def test_what_a_task_comes_after_is_handed_on_in_the_contracts_form() -> None:
    body = TaskBody.model_validate({"id": "b", "title": "B", "after": ["a", {"task": "c", "kind": "SS", "lag": 5}]})

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        dumped = body.model_dump(mode="json")["after"]

    assert body.after == ("a", AfterRequest(task="c", kind="SS", lag_minutes=5))
    assert dumped == ["a", {"kind": "SS", "lag_minutes": 5, "clock": "working", "task": "c"}]


def test_an_instant_is_read_with_its_zone_and_goes_on_in_utc() -> None:
    body = TaskBody.model_validate({"id": "b", "title": "B", "start_at": "2026-12-01T09:00:00+01:00"})
    assert body.model_dump(mode="json")["start_at"] == "2026-12-01T08:00:00Z"


@pytest.mark.parametrize(
    ("field", "value", "place", "kind"),
    [
        ("start_at", "2026-12-01T09:00:00", ("start_at",), "no_zone"),
        ("start_at", "2026-12-01", ("start_at",), "no_zone"),
        ("deadline", 20261201, ("deadline",), "no_instant"),
        ("deadline", "3026-12-01T09:00:00Z", ("deadline",), "far_away"),
        ("deadline", "tomorrow", ("deadline",), "datetime_from_date_parsing"),
        ("wait", {"minutes": 0}, ("wait", "minutes"), "greater_than"),
        ("wait", {"minutes": 5, "clock": "lunar"}, ("wait", "clock"), "literal_error"),
        ("wait", {"hours": 5, "minutes": 5}, ("wait", "hours"), "extra_forbidden"),
    ],
)
def test_a_time_that_cannot_be_read_has_its_place(field: str, value: object, place: tuple[str, ...], kind: str) -> None:
    with pytest.raises(ValidationError) as refused:
        TaskBody.model_validate({"id": "b", "title": "B", field: value})
    assert [(error["loc"], error["type"]) for error in refused.value.errors()] == [(place, kind)]
