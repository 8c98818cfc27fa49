"""What the endpoints need beside the database."""

from dataclasses import dataclass

from fastapi import Request

from orchestra.executor.application.ports import Artifacts, Sandbox
from orchestra.executor.domain.policy import Policy


@dataclass(frozen=True)
class Desk:
    artifacts: Artifacts
    sandbox: Sandbox
    policy: Policy
    max_artifact_bytes: int


def desk_of(request: Request) -> Desk:
    desk: Desk = request.app.state.desk
    return desk
