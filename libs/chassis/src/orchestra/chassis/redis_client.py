"""The client of Redis, bounded in time."""

from typing import Any

from redis.asyncio import Redis

TIMEOUT = 5
"""Seconds for a connection, and for an answer."""


def redis_at(url: str, **options: Any) -> Any:
    """Connects at its first command. The client's own types are incomplete."""
    limits = {"socket_timeout": TIMEOUT, "socket_connect_timeout": TIMEOUT}
    return Redis.from_url(url, **limits, **options)  # pyright: ignore[reportUnknownMemberType, reportArgumentType]
