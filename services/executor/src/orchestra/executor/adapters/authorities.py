"""The authorities that this machine trusts for https: read once, since that takes longer than most requests."""

import asyncio
import ssl
from functools import lru_cache

import httpx


@lru_cache(maxsize=1)
def _read() -> ssl.SSLContext:
    return httpx.create_ssl_context(trust_env=False)


async def authorities() -> ssl.SSLContext:
    return await asyncio.to_thread(_read)
