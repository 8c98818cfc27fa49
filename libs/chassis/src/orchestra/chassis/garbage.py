"""When the interpreter looks for garbage. Modules and what they define are none, and make up most of what is there."""

import gc


def load_quickly() -> None:
    """Look for garbage hardly ever: while a program loads, that is a sixth of the time."""
    gc.set_threshold(50_000, 20, 100)


def collect_seldom() -> None:
    """What is loaded stays, and need not be looked through again; nor is each event a reason to look."""
    gc.freeze()
    gc.set_threshold(20_000, 10, 50)
