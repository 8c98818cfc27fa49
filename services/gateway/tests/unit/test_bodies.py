"""What people send becomes what the contract says, and goes on without a word of complaint."""

import warnings

from orchestra.contracts.planning import AfterRequest
from orchestra.gateway.entrypoints.bodies import TaskBody


def test_what_a_task_comes_after_is_handed_on_in_the_contracts_form() -> None:
    body = TaskBody.model_validate({"id": "b", "title": "B", "after": ["a", {"task": "c", "kind": "SS", "lag": 5}]})

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        dumped = body.model_dump(mode="json")["after"]

    assert body.after == ("a", AfterRequest(task="c", kind="SS", lag_minutes=5))
    assert dumped == ["a", {"kind": "SS", "lag_minutes": 5, "clock": "working", "task": "c"}]
