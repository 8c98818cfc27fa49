"""How an attempt ended, judged from what was seen."""

import pytest
from services.executor.tests.dispatches import held

from orchestra.contracts.machine_work import AgentBrief
from orchestra.contracts.planning import Command, FailOn, Input
from orchestra.executor.domain.attempt import Failed
from orchestra.executor.domain.policy import MIB, Policy
from orchestra.executor.domain.verdict import Seen, fault, obstacle, printed

POLICY = Policy(tools=frozenset({"python3"}))
COMMAND = Command(argv=("python3",), tools=("python3",))
FAIL_ON = FailOn(exit=(3, 4), output=("FATAL",))


def seen(exit_code: int | None, stopped: str | None, text: str | None, fail_on: FailOn = FAIL_ON) -> Failed | None:
    return fault(fail_on, Seen(exit_code, stopped, text, allowed_s=7))


def test_status_zero_without_a_listed_text_is_a_success() -> None:
    assert seen(0, None, None) is None


def test_a_plain_non_zero_status_may_be_tried_again() -> None:
    failed = seen(1, None, None)

    assert failed
    assert (failed.failure, failed.reason) == ("transient", "It ended with status 1.")


@pytest.mark.parametrize("status", [3, 4])
def test_a_listed_status_is_final(status: int) -> None:
    failed = seen(status, None, None)

    assert failed
    assert failed.failure == "permanent"
    assert str(status) in failed.reason


def test_a_listed_status_of_zero_is_final_too() -> None:
    failed = seen(0, None, None, FailOn(exit=(0,)))

    assert failed
    assert failed.failure == "permanent"


def test_a_kill_for_memory_is_told_as_what_it_is_and_is_final() -> None:
    failed = fault(FAIL_ON, Seen(None, "memory", None, allowed_s=7, memory_bytes=256 * MIB))

    assert failed
    assert failed.failure == "permanent"
    assert failed.reason == (
        "It was ended because it passed a limit of the policy: memory, 256 MiB for all of its processes together."
    )


def test_a_listed_text_fails_a_command_that_ends_well() -> None:
    failed = seen(0, None, "FATAL")

    assert failed
    assert failed.failure == "transient"
    assert "'FATAL'" in failed.reason


def test_a_listed_status_counts_before_a_listed_text() -> None:
    failed = seen(3, None, "FATAL")

    assert failed
    assert failed.failure == "permanent"


def test_the_time_limit_is_named() -> None:
    failed = seen(None, "timeout", None)

    assert failed
    assert (failed.failure, failed.reason) == ("timeout", "It ran for longer than 7 s.")


@pytest.mark.parametrize("limit", ["output", "memory", "processes", "disk"])
def test_passing_another_limit_is_final(limit: str) -> None:
    failed = seen(None, limit, None)

    assert failed
    assert failed.failure == "permanent"
    assert limit in failed.reason


def test_texts_are_looked_for_in_whatever_bytes_were_printed() -> None:
    wanted = FailOn(output=("grün", "FATAL"))

    assert printed(wanted, b"\xff\xfe all well") is None
    assert printed(wanted, b"\xff FATAL \x00") == "FATAL"
    assert printed(wanted, "FATAL grün".encode()) == "grün"


def test_nothing_keeps_a_good_attempt_back() -> None:
    assert obstacle(POLICY, held(Command(argv=("python3",), tools=("python3",))), []) is None


def test_a_tool_outside_the_policy_keeps_it_back() -> None:
    failed = obstacle(POLICY, held(Command(argv=("curl",), tools=("curl",))), [])

    assert failed
    assert failed.failure == "policy"
    assert "'curl'" in failed.reason


def test_work_for_an_agent_needs_no_argv() -> None:
    command = Command(tools=("python3",), agent=AgentBrief(instructions="Do it."))

    assert obstacle(POLICY, held(command), []) is None
    assert obstacle(POLICY, held(command, dry_run=True), []) is None


def test_the_policy_bounds_what_an_agent_may_run() -> None:
    command = Command(tools=("curl",), hosts=("example.org",), agent=AgentBrief(instructions="Do it."))

    failed = obstacle(POLICY, held(command, dry_run=True), [])

    assert failed
    assert "'curl'" in failed.reason
    assert "'example.org'" in failed.reason


def test_content_that_the_workspace_does_not_know_keeps_it_back() -> None:
    failed = obstacle(POLICY, held(COMMAND), ["notes.txt", "b.txt"])

    assert failed
    assert (failed.failure, failed.reason) == ("permanent", "No artifact is known for 'notes.txt', 'b.txt'.")


def test_a_path_that_no_database_takes_is_named_all_the_same() -> None:
    failed = obstacle(POLICY, held(COMMAND), ["a\0b", "\udc80"])

    assert failed
    assert failed.reason == r"No artifact is known for 'a\x00b', '\udc80'."


def test_a_long_list_of_paths_is_cut() -> None:
    failed = obstacle(POLICY, held(COMMAND), [f"{n}.txt" for n in range(25)])

    assert failed
    assert failed.reason.endswith("'9.txt' and 15 more.")


def test_what_predecessors_must_hand_on_has_to_be_there() -> None:
    command = Command(argv=("python3",), tools=("python3",), needs=("parts/a.txt", "parts/b.txt"))
    handed_on = (Input(path="parts/a.txt", sha256="0" * 64),)

    failed = obstacle(POLICY, held(command, handed_on=handed_on), [])

    assert failed
    assert (failed.failure, failed.reason) == ("permanent", "No predecessor handed on 'parts/b.txt'.")


def test_more_files_than_can_be_handed_on_keep_it_back() -> None:
    handed_on = (Input(path="a.txt", sha256="0" * 64),)

    failed = obstacle(POLICY, held(COMMAND, handed_on=handed_on, left_out=999), [])

    assert failed
    assert failed.failure == "permanent"
    assert failed.reason.startswith("1000 files")


def test_a_dry_run_does_not_wait_for_what_its_predecessors_never_made() -> None:
    command = Command(argv=("python3",), tools=("python3",), needs=("parts/a.txt",))

    assert obstacle(POLICY, held(command, dry_run=True), []) is None


def test_what_is_handed_on_lies_over_the_projects_own_files() -> None:
    command = Command(
        argv=("a",), tools=("a",), inputs=(Input(path="x", sha256="1" * 64), Input(path="y", sha256="2" * 64))
    )

    attempt = held(command, handed_on=(Input(path="y", sha256="3" * 64),))

    assert attempt.contents == {"x": "1" * 64, "y": "3" * 64}
