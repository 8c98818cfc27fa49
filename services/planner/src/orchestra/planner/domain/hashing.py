"""The content hash that approval binds to."""

import json
from hashlib import sha256
from unicodedata import normalize

from orchestra.contracts.ids import Sha256
from orchestra.contracts.planning import TaskRequest
from orchestra.planner.domain.plan import Plan
from orchestra.planner.domain.requirements import Requirement


def content_hash(plan: Plan) -> Sha256:
    """SHA-256 over mode, requirements, tasks and files as canonical JSON: equal for equal content, and only then.

    Left out is what says nothing about the work: ids that we assign, line numbers, assumptions. What people read is
    compared in NFC; commands and paths are compared as they are, because they run as they are. A field at its
    default counts as absent, so that a new optional field leaves the hash of an approved plan as it was.
    """
    content = {
        "mode": plan.mode,
        "requirements": [_requirement(requirement) for requirement in plan.requirements],
        "tasks": [_task(task) for task in plan.tasks],
        "files": dict(plan.files),
    }
    return sha256(json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()).hexdigest()


def _requirement(requirement: Requirement) -> dict[str, object]:
    return {
        "number": requirement.number,
        "text": _nfc(requirement.text),
        "section": [_nfc(heading) for heading in requirement.section],
        "details": [_nfc(detail) for detail in requirement.details],
    }


def _task(task: TaskRequest) -> dict[str, object]:
    content = task.model_dump(mode="json", exclude_defaults=True)
    content["title"] = _nfc(task.title)
    content["criteria"] = [_nfc(criterion) for criterion in task.criteria]
    return content


def _nfc(text: str) -> str:
    return normalize("NFC", text)
