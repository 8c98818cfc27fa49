"""The demonstration's plan and team with an AI agent in them, made from those without and what agents.yaml says."""

from typing import Any

import yaml
from tools.generated import ROOT, Generated

EXAMPLE = ROOT / "examples" / "estuary-guide"
HEAD = "# Made from {source} and agents.yaml: python -m tools.documents\n"


class _Plain(yaml.SafeDumper):
    def ignore_aliases(self, data: Any) -> bool:
        del data
        return True


def generated() -> Generated:
    plan, team, agents = (_read(name) for name in ("plan.yaml", "team.yaml", "agents.yaml"))
    instead = {task["id"]: task for task in agents["tasks"]}
    plan["tasks"] = [instead.get(task["id"], task) for task in plan["tasks"]]
    team["members"] = [*team["members"], *agents["members"]]
    return Generated(
        {
            EXAMPLE / "plan-with-agents.yaml": _written("plan.yaml", plan),
            EXAMPLE / "team-with-agents.yaml": _written("team.yaml", team),
        }
    )


def _read(name: str) -> dict[str, Any]:
    return yaml.safe_load((EXAMPLE / name).read_text(encoding="utf-8"))


def _written(source: str, content: dict[str, Any]) -> str:
    text = yaml.dump(content, Dumper=_Plain, sort_keys=False, allow_unicode=True, width=120)
    return HEAD.format(source=source) + text
