"""Ask Orchestra for a plan by an event, and wait for what becomes of it. Needs nothing but aio-pika.

usage: ORCHESTRA_BROKER=amqp://partner:secret@127.0.0.1:5672/ python publish_plan.py requirements.md --project Billing

Exit status: 0 the plan is proposed, 1 it failed, 124 nothing was heard in time (refused? see GET /api/v1/inbound).
docs/how-to/publish-events.md says what the broker user needs.
"""

import argparse
import asyncio
import json
import os
import secrets
import sys
from pathlib import Path
from urllib.parse import unquote, urlsplit

import aio_pika

ANSWERS = ("plan.proposed.v1", "plan.failed.v1")


async def main(name: str, document: str, project: str, broker: str, wait: float) -> int:
    user = unquote(urlsplit(broker).username or "guest")
    event_id, trace = secrets.token_hex(16), secrets.token_hex(16)
    event = {
        "specversion": "1.0",
        "id": event_id,  # the same id again is the same request again, and has no second effect
        "source": f"/{user}/publish_plan",
        "type": "orchestra.plan.requested.v1",
        "traceparent": f"00-{trace}-{secrets.token_hex(8)}-01",
        "data": {"project_name": project, "document_name": name, "document": document},
    }
    async with await aio_pika.connect(broker) as connection:
        channel = await connection.channel(publisher_confirms=True, on_return_raises=True)
        queue = await channel.declare_queue(f"{user}.answers.{event_id}", exclusive=True, auto_delete=True)
        for key in ANSWERS:
            await queue.bind("orchestra.events", routing_key=key)
        inbound = await channel.get_exchange("orchestra.inbound", ensure=False)
        message = aio_pika.Message(
            json.dumps(event).encode(),
            content_type="application/cloudevents+json",
            delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
            message_id=event_id,
            user_id=user,  # the broker checks it: this is who you are to Orchestra
        )
        await inbound.publish(message, routing_key="plan.requested.v1", timeout=10)
        print(f"published {event_id}", flush=True)
        try:
            async with asyncio.timeout(wait), queue.iterator() as answers:
                async for answer in answers:
                    async with answer.process():
                        told = json.loads(answer.body)
                    if told.get("traceparent", "").split("-")[1:2] == [trace]:  # what follows from ours is in its trace
                        print(told["type"].removeprefix("orchestra."), json.dumps(told["data"]), flush=True)
                        return int(told["type"] != "orchestra.plan.proposed.v1")
        except TimeoutError:
            print(f"nothing was heard of it in {wait:g} s", file=sys.stderr)
    return 124


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Ask Orchestra for a plan by an event.")
    parser.add_argument("document", type=Path)
    parser.add_argument("--project", required=True, help="the project's name; the same name is the same project")
    parser.add_argument("--wait", type=float, default=30.0, help="seconds to wait for the plan")
    given = parser.parse_args()
    name, text, broker = given.document.name, given.document.read_text(), os.environ["ORCHESTRA_BROKER"]
    sys.exit(asyncio.run(main(name, text, given.project, broker, given.wait)))
