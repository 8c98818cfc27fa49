"""Errors: the docstring is the message, and every refusal can be told apart by its code."""

import inspect
import re

from orchestra.scheduler.domain import errors
from orchestra.scheduler.domain.errors import CyclicDependency, SchedulingError, UnknownTask

EVERY = [each for _, each in inspect.getmembers(errors, inspect.isclass) if issubclass(each, SchedulingError)]


def test_the_first_line_of_the_docstring_is_the_message_and_ids_follow_it() -> None:
    assert str(UnknownTask()) == "There is no such task."
    assert str(UnknownTask("tsk_1")) == "There is no such task: tsk_1."


def test_every_refusal_has_a_code_of_its_own() -> None:
    codes = [each.code for each in EVERY]
    assert len(codes) == len(set(codes)) > 10
    assert all(re.fullmatch(r"[a-z]+(-[a-z]+)*", code) for code in codes)


def test_br_dep_002_a_cycle_is_shown_from_its_first_task_back_to_it() -> None:
    assert str(CyclicDependency("a", "b", "c")) == "The dependencies form a cycle: a → b → c → a."


def test_a_long_cycle_is_shown_without_its_middle() -> None:
    text = str(CyclicDependency(*(f"t{i}" for i in range(100_000))))
    assert text.startswith("The dependencies form a cycle: t0 → t1 → ")
    assert text.endswith(" → t99999 → t0.")
    assert "… 99989 more …" in text
    assert len(text) < 200
