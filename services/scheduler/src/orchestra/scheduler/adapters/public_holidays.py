"""Public holidays of countries, from the `holidays` library, which is slow to import and so is only when asked."""

import asyncio
from collections.abc import Collection
from datetime import date

from orchestra.scheduler.domain.errors import InvalidCalendar


async def public_holidays(country: str, subdivision: str | None, years: Collection[int]) -> dict[date, str]:
    """Their names by day. Raises InvalidCalendar for a country or a part of it that is not known."""
    return await asyncio.to_thread(_look_up, country, subdivision, years)


def _look_up(country: str, subdivision: str | None, years: Collection[int]) -> dict[date, str]:
    import holidays

    try:
        found = holidays.country_holidays(country, subdiv=subdivision, years=list(years))
    except NotImplementedError as error:
        raise InvalidCalendar(f"no public holidays are known of {country} {subdivision or ''}".rstrip()) from error
    return dict(sorted(found.items()))
