"""docs/asyncapi/<service>.json: what each service says and hears on the broker, in AsyncAPI 3, made from the catalog.

FastStream's own document does not know what our messages hold: our handlers take envelopes and open them themselves.
"""

import json
from collections.abc import Iterator
from typing import Any

from pydantic.json_schema import models_json_schema
from tools.generated import ROOT, Generated, main

from orchestra.chassis.messaging.message import TYPE_PREFIX, CloudEvent
from orchestra.chassis.messaging.rabbit import topology
from orchestra.contracts.catalog import CATALOG, Entry, consumed_by, published_by

FOLDER = ROOT / "docs" / "asyncapi"
SERVICES = sorted({entry.publisher for entry in CATALOG} | {name for entry in CATALOG for name in entry.consumers})
SCHEMAS = "#/components/schemas/"

Document = dict[str, Any]


def document(service: str) -> Document:
    """Sends go to an exchange by routing key; what is received comes from the service's own queue for the kind."""
    said, heard = published_by(service), consumed_by(service)
    return {
        "asyncapi": "3.0.0",
        "info": {"title": f"Orchestra {service}", "version": "1", "license": {"name": "Apache-2.0"}},
        "defaultContentType": "application/cloudevents+json",
        "channels": {**dict(map(_exchange, said)), **{key: value for e in heard for key, value in _queue(service, e)}},
        "operations": {
            **{f"send-{entry.event.kind}": _operation("send", entry.event.kind, entry) for entry in said},
            **{f"receive-{e.event.kind}": _operation("receive", _queue_name(service, e), e) for e in heard},
        },
        "components": {
            "messages": {entry.event.kind: _message(entry) for entry in dict.fromkeys((*said, *heard))},
            "schemas": _schemas(dict.fromkeys((*said, *heard))),
        },
    }


def _exchange(entry: Entry) -> tuple[str, Document]:
    exchange = topology.PACKED if entry.event.packed else topology.EVENTS
    return entry.event.kind, {
        "address": entry.event.kind,
        "messages": _messages(entry),
        "bindings": _amqp({"is": "routingKey", "exchange": _exchange_of(exchange)}),
    }


def _queue(service: str, entry: Entry) -> Iterator[tuple[str, Document]]:
    name = _queue_name(service, entry)
    queue = {"name": name, "durable": True, "exclusive": False, "autoDelete": False, "vhost": "/"}
    yield name, {"address": name, "messages": _messages(entry), "bindings": _amqp({"is": "queue", "queue": queue})}


def _queue_name(service: str, entry: Entry) -> str:
    return topology.queue(service, entry.event.kind).name


def _exchange_of(exchange: Any) -> Document:
    kind = exchange.type.value
    return {"name": exchange.name, "type": kind, "durable": exchange.durable, "autoDelete": False, "vhost": "/"}


def _amqp(binding: Document) -> Document:
    return {"amqp": {**binding, "bindingVersion": "0.3.0"}}


def _messages(entry: Entry) -> Document:
    return {entry.event.kind: {"$ref": f"#/components/messages/{entry.event.kind}"}}


def _operation(action: str, channel: str, entry: Entry) -> Document:
    # `.` is no trouble in a JSON Pointer; only `~` and `/` would be, and no name has them.
    reference = f"#/channels/{channel}"
    return {
        "action": action,
        "channel": {"$ref": reference},
        "messages": [{"$ref": f"{reference}/messages/{entry.event.kind}"}],
        "bindings": _amqp({"ack": True, **({"deliveryMode": 2, "mandatory": True} if action == "send" else {})}),
    }


def _message(entry: Entry) -> Document:
    event = entry.event
    packed = (
        "; several of one transaction may come as a JSON array, in CloudEvents' batched mode" if event.packed else ""
    )
    return {
        "name": TYPE_PREFIX + event.kind,
        "title": event.__name__,
        "summary": f"{(event.__doc__ or event.__name__).strip().splitlines()[0].rstrip('.')}{packed}.",
        "contentType": f"application/cloudevents{'-batch' if event.packed else ''}+json",
        "payload": {
            "allOf": [
                {"$ref": f"{SCHEMAS}CloudEvent"},
                {
                    "type": "object",
                    "properties": {
                        "type": {"const": TYPE_PREFIX + event.kind},
                        "data": {"$ref": f"{SCHEMAS}{event.__name__}"},
                    },
                },
            ]
        },
    }


def _schemas(entries: dict[Entry, None]) -> Document:
    models = [(CloudEvent, "validation"), *((entry.event, "validation") for entry in entries)]
    _, schemas = models_json_schema(models, ref_template=SCHEMAS + "{model}")  # pyright: ignore[reportArgumentType]
    return schemas["$defs"]


def generated() -> Generated:
    files = {
        FOLDER / f"{name}.json": json.dumps(document(name), indent=2, ensure_ascii=False) + "\n" for name in SERVICES
    }
    return Generated(files, owned=(FOLDER,))


if __name__ == "__main__":
    main(generated())
