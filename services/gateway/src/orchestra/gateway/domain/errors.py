"""Why the gateway refuses. A class docstring is the default message.

GatewayError
├── KeyRefused            the credential does not hold
├── GrantNotHeld          nobody hands on a grant that they do not hold
├── UnknownApiKey, UnknownOperation, UnknownProject, UnknownRun, UnknownAttempt, UnknownBrokerUser, UnknownWorkspace
├── KeyTaken, BrokerUserTaken
├── ProjectArchived
├── DocumentTooLarge, BinaryDocument, TaskTooLarge, UnknownContent
├── InvalidPlace          nobody has come to such a place in the output
├── PolicyDenied          the executor's policy forbids a command
└── Refused               a message at the inbound door, with its reason
"""

from collections.abc import Sequence
from inspect import cleandoc
from typing import ClassVar

from orchestra.contracts.planning import Fault


class GatewayError(Exception):
    """The gateway refused."""

    code: ClassVar[str] = "refused"

    def __init__(self, detail: str = "") -> None:
        super().__init__(detail or cleandoc(type(self).__doc__ or ""))


class KeyRefused(GatewayError):
    """The API key does not hold: it is unknown, revoked or expired."""

    code = "unauthenticated"


class GrantNotHeld(GatewayError):
    """A key can hand on only the grants that it holds itself."""

    code = "not-granted"


class UnknownApiKey(GatewayError):
    """There is no such API key."""

    code = "unknown-api-key"


class UnknownOperation(GatewayError):
    """There is no such operation."""

    code = "unknown-operation"


class UnknownProject(GatewayError):
    """There is no such project."""

    code = "unknown-project"


class UnknownRun(GatewayError):
    """There is no such run."""

    code = "unknown-run"


class UnknownAttempt(GatewayError):
    """There is no such attempt."""

    code = "unknown-attempt"


class UnknownBrokerUser(GatewayError):
    """No broker user of this name is let in."""

    code = "unknown-broker-user"


class UnknownWorkspace(GatewayError):
    """There is no such workspace."""

    code = "unknown-workspace"


class KeyTaken(GatewayError):
    """Another API key has this id already."""

    code = "key-taken"


class BrokerUserTaken(GatewayError):
    """This broker user already stands for another workspace."""

    code = "broker-user-taken"


class ProjectArchived(GatewayError):
    """The project is archived and takes no changes."""

    code = "project-archived"


class DocumentTooLarge(GatewayError):
    """A document has at most 1,000,000 bytes."""

    code = "document-too-large"


class _Faulty(GatewayError):
    """The request is wrong in places; `faults` names each."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
        super().__init__(f"{faults[0].pointer}: {faults[0].detail}{more}")
        self.faults = tuple(faults)


class BinaryDocument(_Faulty):
    """A document is text."""

    code = "binary-document"


class TaskTooLarge(_Faulty):
    """A task is larger than an event can carry."""

    code = "task-too-large"


class UnknownContent(_Faulty):
    """The workspace has no such content."""

    code = "unknown-content"


class InvalidPlace(GatewayError):
    """This is no place in the output: give the id of an event that came from here."""

    code = "invalid-place"


class PolicyDenied(_Faulty):
    """The executor's policy forbids a command."""

    code = "policy-denied"


class Refused(GatewayError):
    """The inbound door let a message not in."""

    code = "inbound-refused"

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
