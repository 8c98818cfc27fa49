"""Messages as other systems publish them."""

import json
from typing import Any

KEY = "plan.requested.v1"


def plan_data(**more: Any) -> dict[str, Any]:
    return {"project_name": "Billing", "document": "- It bills.", "document_name": "billing.md", **more}


def letter(data: Any = None, **attributes: Any) -> bytes:
    """A CloudEvent; an attribute that is None is left out."""
    event = {
        "specversion": "1.0",
        "id": "order-1",
        "source": "/partner/orders",
        "type": "orchestra.plan.requested.v1",
        "data": plan_data() if data is None else data,
        **attributes,
    }
    return json.dumps({name: value for name, value in event.items() if value is not None}).encode()
