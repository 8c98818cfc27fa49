"""The catalog is what is really published and consumed, and nothing is sent or acknowledged carelessly."""

import ast
import importlib
import re

import pytest
from tests.architecture.tree import ROOT, SERVICES, calls, code, dotted, modules

from orchestra.contracts.catalog import BY_KIND, CATALOG, consumed_by, published_by
from orchestra.contracts.event import REGISTRY

RABBIT = ROOT / "libs/chassis/src/orchestra/chassis/messaging/rabbit"


def policies(source: str) -> list[str]:
    """The acknowledgement policies that this source names."""
    attributes = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Attribute)]
    return [node.attr for node in attributes if isinstance(node.value, ast.Name) and node.value.id == "AckPolicy"]


def named(source: str, callee: str) -> list[dict[str, str]]:
    """The named arguments of each call of what matches."""
    return [
        {word.arg: ast.unparse(word.value) for word in call.keywords if word.arg}
        for call in calls(source)
        if re.search(callee, ast.unparse(call.func))
    ]


def publishes(source: str) -> list[dict[str, str]]:
    """Each call that hands a message to the broker."""
    return named(source, r"(broker|exchange)\.publish(_batch)?$")


def careless(source: str) -> list[dict[str, str]]:
    return [
        *(given for given in publishes(source) if given.get("mandatory") != "True"),
        *(each for each in named(source, r"^Message$") if each.get("delivery_mode") != "DeliveryMode.PERSISTENT"),
    ]


def room() -> str:
    return "\n".join(path.read_text() for path in sorted(RABBIT.rglob("*.py")))


def test_a_delivery_is_acknowledged_by_one_policy_only() -> None:
    assert set(policies(room())) == {"REJECT_ON_ERROR"}


def test_nothing_is_put_back_into_a_queue() -> None:
    assert [call for call in calls(room()) if isinstance(call.func, ast.Attribute) and call.func.attr == "nack"] == []
    assert "requeue=True" not in code(room())


def test_every_message_is_persistent_and_must_arrive_somewhere() -> None:
    assert publishes(room())
    assert named(room(), r"^Message$")
    assert careless(room()) == []


@pytest.mark.parametrize(
    "source",
    [
        "await exchange.publish(body, kind)",
        "await exchange.publish(body, kind, mandatory=False)",
        "await broker.publish(body, persist=True)",
        "Message(body)",
        "Message(body, delivery_mode=DeliveryMode.NOT_PERSISTENT)",
    ],
)
def test_a_careless_publish_is_found(source: str) -> None:
    assert careless(source)


def test_another_acknowledgement_policy_is_found() -> None:
    assert policies("broker.subscriber(queue, ack_policy=AckPolicy.NACK_ON_ERROR)") == ["NACK_ON_ERROR"]


def test_every_event_is_in_the_catalog_once() -> None:
    for path in modules("libs/contracts"):
        importlib.import_module(dotted(path))

    ours = [kind for kind, event in REGISTRY.items() if event.__module__.startswith("orchestra.contracts.")]
    assert sorted(entry.event.kind for entry in CATALOG) == sorted(ours)


def test_every_event_has_a_publisher_and_a_consumer_that_exist() -> None:
    for kind, entry in BY_KIND.items():
        assert {entry.publisher, *entry.consumers} <= set(SERVICES), kind
        assert entry.consumers, kind


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_listens_to_exactly_what_the_catalog_says(name: str) -> None:
    service = importlib.import_module(f"orchestra.{name}.service").service

    assert sorted(service.subscriptions.kinds()) == sorted(entry.event.kind for entry in consumed_by(name))


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_makes_exactly_the_events_that_the_catalog_says_it_publishes(name: str) -> None:
    made = {
        ast.unparse(call.func).removesuffix(".model_construct").rpartition(".")[2]
        for path in modules(f"services/{name}")
        for call in calls(path.read_text())
    }
    events = {entry.event.__name__ for entry in CATALOG}

    assert made & events == {entry.event.__name__ for entry in published_by(name)}
