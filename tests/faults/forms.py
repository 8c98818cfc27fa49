"""The short form of every fault test, and the long one, in which faults come more often and last longer."""

import os
import random

from tests.system import EVENTUALLY_S

LONG = os.environ.get("ORCHESTRA_FAULTS") == "long"

LONGEST_S = EVENTUALLY_S * (10 if LONG else 1)
"""How long a condition is waited for. Nothing is said about speed: a loaded machine may take its time."""

LIMIT_S = 5400 if LONG else 800
"""After which a test is ended that hangs; with the start of the servers and the clean run, if it is the first."""


def seeded() -> random.Random:
    """Chance that can be had again: the seed is printed, and taken from ORCHESTRA_FAULT_SEED."""
    seed = int(os.environ.get("ORCHESTRA_FAULT_SEED") or random.SystemRandom().randrange(1 << 32))
    print(f"to replay: ORCHESTRA_FAULT_SEED={seed}")
    return random.Random(seed)
