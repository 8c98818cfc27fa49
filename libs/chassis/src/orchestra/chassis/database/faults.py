"""What a driver raises, told apart: the database is away, could not do it now, or cannot hold a value."""

import sqlite3
from collections.abc import Generator
from contextlib import contextmanager

import asyncpg
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from orchestra.chassis.errors import Permanent, Transient, Unavailable

_LATER = {"40001", "40P01", "55P03", "57014"}
"""Serialisation failure, deadlock, lock not available, and a statement that took too long: a server that stood still
for a while ends what it was asked meanwhile."""

_AWAY = {"57P01", "57P02", "57P03", "53300", "53100", "53200", "25P03", "25P04"}
"""Shutting down, crashed, starting up, too many connections, disk full, out of memory, and a transaction that was idle
or open for too long."""

_ON_THE_WIRE = (OSError, asyncpg.PostgresConnectionError)

_VALUE = "22"
"""The class of all states that blame a value, such as text with NUL in it. The driver's text would show the value."""


def tell_apart(context: ExceptionContext) -> None:
    """What a statement met on the wire: here it is known to be the driver's, and not from whoever called it."""
    met = context.original_exception
    if isinstance(met, (*_ON_THE_WIRE, UnicodeEncodeError)):
        blamed = blame(met)
        if isinstance(blamed, Unavailable):
            context.is_disconnect = True  # nothing more is sent on it, such as a rollback that would wait just as long
        raise blamed


def blame(error: BaseException) -> BaseException:
    """What a driver raised, as Unavailable, Transient or Permanent; a bug stays what it is."""
    if isinstance(error, UnicodeEncodeError):
        return Permanent("the database cannot hold half a surrogate pair")
    if isinstance(error, asyncpg.InvalidCachedStatementError):
        return Transient("the schema has just changed")
    if isinstance(error, (*_ON_THE_WIRE, asyncpg.InterfaceError)):
        return Unavailable(f"the database is away: {type(error).__name__} {error}")
    state = str(getattr(error, "sqlstate", None) or getattr(error, "pgcode", None) or "")
    if state in _LATER:
        return Transient(f"the database could not do it now ({state})")
    if state in _AWAY or state.startswith("08"):
        return Unavailable(f"the database is away: {error}")
    if state.startswith(_VALUE):
        return Permanent(f"the database cannot hold a value ({state})")
    if isinstance(error, sqlite3.OperationalError):
        text = str(error)
        if "locked" in text or "busy" in text:
            return Transient(f"the database is busy: {text}")
        if "disk" in text or "unable to open" in text:
            return Unavailable(f"the database cannot be used: {text}")
    return error


@contextmanager
def translated() -> Generator[None]:
    """Driver errors as Unavailable, Transient or Permanent; an error in a query stays what it is: a bug.

    Whatever else is raised in the block is the caller's own, a TimeoutError too.
    """
    try:
        yield
    except PoolTimeout as error:
        raise Unavailable(f"the database is away: {error}") from error
    except DBAPIError as error:
        raise _translate(error) from error


@contextmanager
def reached() -> Generator[None]:
    """Around connecting: whatever goes wrong there, the database is away."""
    try:
        yield
    except (DBAPIError, OSError) as error:
        raise Unavailable(f"the database cannot be reached: {getattr(error, 'orig', error)}") from error


def _translate(error: DBAPIError) -> BaseException:
    cause = error.orig
    if error.connection_invalidated:
        return Unavailable(f"the database is away: {cause}")
    blamed = error if cause is None else blame(cause)
    return error if blamed is cause else blamed
