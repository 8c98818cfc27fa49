"""Who calls the gateway: the holder of an API key."""

import hashlib
from datetime import datetime, timedelta

from fastapi import Request

from orchestra.chassis.clock import Clock
from orchestra.chassis.database.unit_of_work import Database
from orchestra.chassis.http.identity import Caller, bearer
from orchestra.chassis.http.problems import Problem
from orchestra.gateway.adapters.work import GatewayWork
from orchestra.gateway.domain.api_key import Credential, check_credential
from orchestra.gateway.domain.errors import KeyRefused

REMEMBERED = timedelta(seconds=3)
"""How long a revocation in another replica may go unnoticed here."""

MOST_REMEMBERED = 1000


class IdentifyByKey:
    """Verified keys are remembered for a moment, by a hash: no credential stays in memory."""

    def __init__(self, database: Database[GatewayWork], clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._known: dict[str, tuple[Caller, datetime]] = {}

    async def __call__(self, request: Request) -> Caller:
        text = bearer(request)
        memory = hashlib.sha256(text.encode(errors="replace")).hexdigest()
        now = self._clock.now()
        if (known := self._known.get(memory)) and now < known[1]:
            return known[0]
        try:
            credential = Credential.parse(text)
            async with self._database.read() as view:
                key = check_credential(credential, await view.keys.find(credential.id), now)
        except KeyRefused as error:
            raise Problem(401, error.code, str(error)) from error
        caller = Caller(key.id, key.workspace_id, key.grants)
        if len(self._known) >= MOST_REMEMBERED:
            self._known.clear()
        until = now + REMEMBERED
        self._known[memory] = (caller, min(until, key.expires_at) if key.expires_at else until)
        return caller

    def forget(self, key_id: str) -> None:
        """Ask the database again at the key's next use."""
        self._known = {memory: known for memory, known in self._known.items() if known[0].subject != key_id}
