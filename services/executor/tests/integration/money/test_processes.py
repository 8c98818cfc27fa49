"""Several processes spend of one budget at once, some are killed: nothing is overspent, nothing leaks or is lost."""

import json
import os
import random
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import IO, Any

import pytest
from services.executor.tests.integration.money.vault import Vault
from sqlalchemy import select
from tests.architecture.tree import ROOT

from orchestra.executor.adapters.money.tables import LEDGER
from orchestra.executor.domain.money.scopes import Scope

SPENDER = "services.executor.tests.integration.money.spender"
LIMIT = 400
ROUNDS = 3

pytestmark = pytest.mark.timeout(300)


@contextmanager
def spenders(url: str, workspace: str, count: int, seed: int) -> Iterator[list["subprocess.Popen[str]"]]:
    started = [
        subprocess.Popen(
            [sys.executable, "-m", SPENDER, url, workspace, str(seed + number)],
            stdout=subprocess.PIPE,
            stdin=subprocess.PIPE,
            text=True,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
        )
        for number in range(count)
    ]
    try:
        for process in started:
            assert _pipe(process.stdout).readline() == "ready\n"
        yield started
    finally:
        for process in started:
            process.kill()
            process.communicate()


def _pipe(pipe: IO[str] | None) -> IO[str]:
    assert pipe is not None
    return pipe


async def test_processes_that_spend_at_once_never_overspend_and_leave_nothing_held(url: str) -> None:
    """A holder is killed at a random moment in each round, and another takes its place."""
    vault, chance = Vault(url), random.Random(7)  # noqa: S311 - the same moments again
    await vault.limit("day", micros=LIMIT)
    await vault.limit("project", "prj", micros=LIMIT)
    worst = 0
    for round_ in range(ROUNDS):
        with spenders(url, vault.workspace, 3, seed=10 * round_) as processes:
            for process in processes:
                _pipe(process.stdin).write("go\n")
                _pipe(process.stdin).flush()
            victim = chance.choice(processes)
            heard = [json.loads(_pipe(victim.stdout).readline()) for _ in range(chance.randrange(1, 12))]
            victim.kill()
            for process in processes:
                if process is not victim:
                    _pipe(process.stdin).write("stop\n")
                    _pipe(process.stdin).flush()
                    assert process.wait(60) == 0, "a spender met what it should not"
        assert heard
        budget = await vault.budget("day")
        worst = max(worst, budget.used.micros)
        assert budget.used.micros <= LIMIT
    assert worst > 0

    # What the killed ones left is over in an hour: what had begun is owed, what had not is free again.
    vault.clock.advance(timedelta(hours=2))
    await vault.sweep()
    for scope in (Scope(vault.workspace, "project", "prj"), Scope(vault.workspace, "run", "run")):
        [budget] = await vault.budgets(scope)
        assert budget.held.micros == budget.held.requests == 0
        assert budget.settled.micros <= LIMIT
    assert await vault.wrong() == []
    await vault.close()


async def test_what_a_spender_has_heard_to_be_settled_is_in_the_ledger(url: str) -> None:
    vault, settled = Vault(url), dict[str, Any]()
    for round_ in range(3):
        with spenders(url, vault.workspace, 2, seed=100 + round_) as processes:
            for process in processes:
                _pipe(process.stdin).write("go\n")
                _pipe(process.stdin).flush()
            for process in processes:
                for _ in range(25):
                    said = json.loads(_pipe(process.stdout).readline())
                    settled |= {said["hold"]: said["cost"]} if said["did"] == "settle" else {}
                process.kill()

    async with vault.database.read() as view:
        rows = await view.connection.execute(
            select(LEDGER.c.hold_id, LEDGER.c.used_micros).where(LEDGER.c.workspace_id == vault.workspace)
        )
        recorded = {row.hold_id: row.used_micros for row in rows}
    assert settled
    assert {hold: recorded.get(hold) for hold in settled} == settled
    assert await vault.wrong() == []
    await vault.close()
