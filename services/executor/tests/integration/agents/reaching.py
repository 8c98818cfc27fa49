"""An assignment of an agent, as its tools find it."""

from pathlib import Path
from typing import Any

from orchestra.contracts.machine_work import AgentBrief
from orchestra.contracts.planning import Command
from orchestra.executor.application.agents.ports import Assignment

KEY = "0123456789abcdef" * 4


def assignment_at(folder: Path, *tools: str, hosts: tuple[str, ...] = (), **fields: Any) -> Assignment:
    known: dict[str, Any] = {
        "workspace_id": "wsp_1",
        "project_id": "prj_1",
        "run_id": "run_1",
        "task_id": "tsk_1",
        "attempt_id": "att_1",
        "token": 1,
        "conversation": "cnv_1",
        "agent": "coder",
        "command": Command(agent=AgentBrief(tools=tools), hosts=hosts),
        "folder": folder,
        "log": folder.with_suffix(".log"),
    }
    return Assignment(**(known | fields))
