"""Instants as people read them, in local time."""

from datetime import datetime


def moment(text: str | None) -> str:
    return datetime.fromisoformat(text).astimezone().strftime("%a %d %b %Y %H:%M") if text else ""
