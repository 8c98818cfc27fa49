"""What can go wrong outside the domain, drawn as a tree. A class docstring is the default message.

    ChassisError
    ├── Unavailable   the database or the broker is away: pause and resume, burn no attempt
    ├── Transient     this one may succeed later: a retry row
    └── Permanent     this one never will: a dead letter

Only adapters raise Unavailable or Transient. Domain errors are plain classes of their service.
"""


class ChassisError(Exception):
    """Something outside the domain failed."""

    def __init__(self, message: str = "") -> None:
        super().__init__(message or (type(self).__doc__ or "").strip())


class Unavailable(ChassisError):
    """A server this service stands on is away."""


class Transient(ChassisError):
    """This did not work now and may later."""


class Permanent(ChassisError):
    """This can never work."""
