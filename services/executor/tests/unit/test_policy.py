"""What is refused before anything runs."""

import pytest

from orchestra.executor.domain.policy import MAX_ARGV_BYTES, Level, Policy, check, without_network

POLICY = Policy()


def codes(argv: list[str], tools: list[str], policy: Policy = POLICY) -> list[str]:
    return [refusal.code for refusal in check(policy, argv, tools)]


def test_a_declared_and_allowed_tool_may_run() -> None:
    assert codes(["sort", "-r", "in.txt"], ["sort", "python3"]) == []


def test_levels_are_ordered() -> None:
    assert Level.NONE < Level.L1 < Level.L2 < Level.L3


def test_the_policy_asks_for_level_2_by_default() -> None:
    assert POLICY.min_level is Level.L2


@pytest.mark.parametrize("shell", ["sh", "bash", "dash", "zsh", "env", "xargs"])
def test_no_shell_and_nothing_that_only_starts_others_is_allowed_by_default(shell: str) -> None:
    assert codes([shell, "-c", "true"], [shell]) == ["tool-not-allowed"]


def test_a_policy_may_allow_a_shell_by_name() -> None:
    assert codes(["sh", "-c", "true"], ["sh"], Policy(tools=frozenset({"sh"}))) == []


def test_every_declared_tool_has_to_be_allowed_also_one_that_argv_does_not_name() -> None:
    refusals = check(POLICY, ["sort"], ["sort", "curl", "nc", "curl"])
    assert [(r.code, r.detail.split()[0]) for r in refusals] == [
        ("tool-not-allowed", "'curl'"),
        ("tool-not-allowed", "'nc'"),
    ]


def test_a_tool_that_was_not_declared_is_refused_although_the_policy_allows_it() -> None:
    assert codes(["sort"], ["python3"]) == ["tool-not-declared"]
    assert codes(["sort"], []) == ["tool-not-declared"]


@pytest.mark.parametrize("path", ["/usr/bin/sort", "./sort", "bin/sort", "../sort"])
def test_a_path_is_no_tool(path: str) -> None:
    assert "tool-is-a-path" in codes([path], ["sort"])
    assert "tool-is-a-path" in codes([path], [path])


@pytest.mark.parametrize("argv", [[], [""], ["  "]])
def test_a_command_names_a_tool(argv: list[str]) -> None:
    assert codes(argv, ["sort"]) == ["empty-argv"]


@pytest.mark.parametrize("argument", ["a\0b", "\ud800"])
def test_an_argument_that_no_program_can_be_given_is_refused(argument: str) -> None:
    assert codes(["echo", argument], ["echo"]) == ["bad-argument"]


def test_arguments_have_a_limit_in_all() -> None:
    most = "x" * (MAX_ARGV_BYTES - len("echo") - 2)
    assert codes(["echo", most], ["echo"]) == []
    assert codes(["echo", most + "x"], ["echo"]) == ["argv-too-long"]


def test_hosts_are_for_level_3_and_for_those_whom_the_policy_allows() -> None:
    policy = Policy(hosts=("example.org",))
    assert check(policy, ["true"], ["true"], ["example.org"]) == []
    assert [r.code for r in check(POLICY, ["true"], ["true"], ["example.org"])] == ["host-not-allowed"]
    assert without_network(Level.L3, ["example.org"]) == without_network(Level.L2, []) == []
    assert [r.code for r in without_network(Level.L2, ["example.org"])] == ["no-network"]
