"""What Prometheus and a collector get of running services, and that dashboard and alerts ask for nothing else."""

import json
import re
import shutil
import subprocess
from typing import Any

import httpx
import yaml
from tests.architecture.tree import ROOT, SERVICES, modules
from tests.observation.conftest import Watched
from tests.observation.test_one_trace import traced
from tests.system import eventually

RULES = ROOT / "deploy/prometheus/alerts.yml"
DASHBOARD = ROOT / "deploy/grafana/dashboards/orchestra.json"
RUNBOOKS = ROOT / "docs/runbooks"
OF_PROMETHEUS = {"up"}
"""Made by Prometheus itself."""


def alerts() -> list[dict[str, Any]]:
    return [rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]]


def asked() -> list[str]:
    """Every expression of the dashboard and of the alerts."""
    panels = json.loads(DASHBOARD.read_text())["panels"]
    return [target["expr"] for panel in panels for target in panel.get("targets", ())] + [a["expr"] for a in alerts()]


def names(expression: str) -> set[str]:
    """The measures in an expression: words that are no function, label, grouping or text."""
    bare = re.sub(r"\{[^}]*\}|\[[^\]]*\]|\"[^\"]*\"", "", expression)
    bare = re.sub(r"\b(by|on|without|ignoring|group_left|group_right)\s*\([^)]*\)", "", bare)
    return set(re.findall(r"\b[a-z][a-z0-9_]{3,}\b(?!\s*\()|\bup\b", bare)) - {"bool"}


async def scraped(watched: Watched) -> str:
    """Everything that a Prometheus would get of the system."""
    found: list[str] = []
    headers = {"Authorization": f"Bearer {watched.system.key}"}
    async with httpx.AsyncClient(timeout=60, headers=headers) as client:
        for program in watched.system.programs.values():
            answer = await client.get(f"{program.url}/metrics")
            assert answer.status_code == 200, answer.text
            found.append(answer.text)
    return "\n".join(found)


def measures(text: str) -> set[str]:
    return {re.split(r"[{ ]", line)[0] for line in text.splitlines() if line and not line.startswith("#")}


async def test_dashboard_and_alerts_ask_for_what_running_services_show(five_processes: Watched) -> None:
    await traced(five_processes)
    wanted = {name for expression in asked() for name in names(expression)} - OF_PROMETHEUS

    async def missing() -> bool:
        return not wanted - measures(await scraped(five_processes))

    await eventually(missing)
    assert len(wanted) > 30


async def test_every_service_of_a_process_is_told_apart_and_no_id_is_a_label(watched: Watched) -> None:
    await traced(watched)

    text = await scraped(watched)

    assert set(re.findall(r'orchestra_outbox_unsent\{service="(\w+)"\}', text)) == set(SERVICES)
    assert re.findall(r"\b(?:prj|pln|run|tsk|att|evt|wsp)_[0-9a-f]{32}", text) == []
    assert 'http_route="/api/v1/projects/{project_id}/runs"' in text
    assert len(text.splitlines()) < 4000


async def test_a_gateway_shows_measures_to_operators_only(watched: Watched) -> None:
    async with httpx.AsyncClient(base_url=watched.system.url, timeout=60) as client:
        for path in ("/metrics", "/findings"):
            assert (await client.get(path)).status_code == 401


async def test_a_collector_gets_the_measures_too(watched: Watched) -> None:
    await traced(watched)
    executor, gateway = (
        ("executor", "gateway") if watched.system.runtime == "distributed" else ("orchestra", "orchestra")
    )
    wanted = {
        (executor, "orchestra.attempts"),
        (executor, "orchestra.outbox.unsent"),
        (gateway, "http.server.request.duration"),
    }

    async def arrived() -> bool:
        return wanted <= watched.collector.metrics()

    await eventually(arrived)


def test_every_alert_has_its_runbook_and_every_runbook_its_alert() -> None:
    found = {alert["alert"]: alert["annotations"]["runbook_url"] for alert in alerts()}

    assert found == {name: f"docs/runbooks/{name}.md" for name in found}
    assert {path.stem for path in RUNBOOKS.glob("*.md")} - {"README"} == set(found)
    for name in found:
        text = (RUNBOOKS / f"{name}.md").read_text()
        for heading in ("## What it means", "## How to see it", "## What to do"):
            assert len(text.partition(heading)[2].partition("##")[0].strip()) > 40, (name, heading)


def test_every_finding_is_called_like_an_alert() -> None:
    sources = [path.read_text() for path in modules("libs/chassis", *(f"services/{name}" for name in SERVICES))]
    called = {name for source in sources for name in re.findall(r'alert="(\w+)"', source)}

    assert called
    assert called - {alert["alert"] for alert in alerts()} == set()


def test_expressions_are_whole() -> None:
    for expression in asked():
        for opening, closing in ("()", "{}", "[]"):
            assert expression.count(opening) == expression.count(closing), expression
        assert expression.count('"') % 2 == 0, expression
        assert names(expression), expression
    for alert in alerts():
        assert re.fullmatch(r"\d+[smh]", alert["for"]), alert
        assert alert["labels"]["severity"] in ("error", "warning")
    if tool := shutil.which("promtool"):
        done = subprocess.run([tool, "check", "rules", RULES], capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
