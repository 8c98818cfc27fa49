"""The manifest: what the planner listens to, and that it runs."""

from services.planner.tests.integration.harness import Planner

from orchestra.contracts import catalog
from orchestra.planner.service import service


def test_the_planner_listens_to_what_the_catalog_says() -> None:
    wanted = {entry.event.kind for entry in catalog.consumed_by("planner")}

    assert set(service.subscriptions.kinds()) == wanted


async def test_the_planner_is_ready(planner: Planner) -> None:
    ready = await planner.call("GET", "/readyz")

    assert (ready.status_code, ready.json()["ready"]) == (200, True)
