"""Instants as people write them in requests: with their zone, or refused with what is missing."""

from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator
from pydantic_core import PydanticCustomError

YEARS = range(2000, 2100)


def _written(given: object) -> object:
    """A number would be taken for seconds since 1970, and `20261201` is one."""
    if not isinstance(given, str | datetime):
        raise PydanticCustomError("no_instant", "an instant is written like 2026-12-01T09:00:00+01:00")
    return given


def _moment(instant: datetime) -> datetime:
    if instant.tzinfo is None:
        raise PydanticCustomError(
            "no_zone", "an instant needs its zone: 2026-12-01T09:00:00+01:00, or 2026-12-01T08:00:00Z"
        )
    if instant.year not in YEARS:
        raise PydanticCustomError("far_away", "an instant lies in the years 2000 to 2099")
    return instant.astimezone(UTC)


GivenMoment = Annotated[datetime, BeforeValidator(_written, json_schema_input_type=datetime), AfterValidator(_moment)]
