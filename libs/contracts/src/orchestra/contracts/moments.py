"""Instants in facts: aware, and in UTC, so that equal moments are equal however they were written."""

from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime


def _in_utc(instant: datetime) -> datetime:
    return instant.astimezone(UTC)


Moment = Annotated[AwareDatetime, AfterValidator(_in_utc)]
