"""Why the executor refuses; a class's docstring is its message.

ExecutionError
├── UnknownAttempt
├── NoLog
├── ArtifactNotFound
├── UnknownProvider
├── NoProjectKey
├── NoProjectModel
├── NoMasterKey
├── UnknownToolServer
└── TooManyToolServers
"""

from typing import ClassVar


class ExecutionError(Exception):
    """The executor refuses this."""

    code: ClassVar[str] = "execution-refused"

    def __init__(self, about: str) -> None:
        super().__init__(f"{(type(self).__doc__ or '').strip().rstrip('.')}: {about}.")


class UnknownAttempt(ExecutionError):
    """There is no such attempt."""

    code = "unknown-attempt"


class NoLog(ExecutionError):
    """The attempt has no log; one that is on its way or was never performed has none."""

    code = "no-log"


class ArtifactNotFound(ExecutionError):
    """There is no such artifact."""

    code = "unknown-artifact"


class UnknownProvider(ExecutionError):
    """No provider of models is called so."""

    code = "unknown-provider"


class NoProjectKey(ExecutionError):
    """The project has no key of its own for this provider."""

    code = "unknown-key"


class NoProjectModel(ExecutionError):
    """The project has chosen no model of its own."""

    code = "no-project-model"


class NoMasterKey(ExecutionError):
    """Keys of projects cannot be kept, because the executor has no master key; set ORCHESTRA_MODEL_SECRET_KEYS."""

    code = "no-master-key"


class UnknownToolServer(ExecutionError):
    """No server of tools is called so."""

    code = "unknown-tool-server"


class TooManyToolServers(ExecutionError):
    """A project has no more servers of tools of its own than this."""

    code = "too-many-tool-servers"
