"""A policy is data: read strictly, with every fault and its place."""

from dataclasses import fields
from pathlib import Path

import pytest

from orchestra.executor.adapters.policy_file import BadPolicy, read_policy
from orchestra.executor.domain.policy import DEFAULT_TOOLS, MIB, PROTECTED, Level, Limits, Policy
from orchestra.executor.policy import in_force, judge

WHOLE = """
min_level = "L3"
tools = ["python3", "git"]
more_tools = ["sh"]
[limits]
wall_s = 60
memory_bytes = "512 MiB"
file_bytes = 1000
[paths]
readable = ["/opt/models/"]
protected = ["config/deploy.yaml"]
[network]
hosts = ["example.org", "*.example.com:8443"]
networks = ["10.1.0.0/16"]
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "policy.toml"
    path.write_text(text)
    return path


def faults(folder: Path, text: str) -> list[str]:
    with pytest.raises(BadPolicy) as bad:
        read_policy(written(folder, text))
    return list(bad.value.faults)


def test_an_empty_file_is_the_usual_policy(tmp_path: Path) -> None:
    assert read_policy(written(tmp_path, "")) == Policy()


def test_every_field_of_a_policy_can_be_set(tmp_path: Path) -> None:
    policy = read_policy(written(tmp_path, WHOLE))
    assert policy == Policy(
        tools=frozenset({"python3", "git", "sh"}),
        min_level=Level.L3,
        limits=Limits(wall_s=60, memory_bytes=512 * MIB, file_bytes=1000),
        readable=("/opt/models",),
        protected=(*PROTECTED, "config/deploy.yaml"),
        hosts=("example.org", "*.example.com:8443"),
        networks=("10.1.0.0/16",),
    )
    usual = Policy()
    assert all(getattr(policy, field.name) != getattr(usual, field.name) for field in fields(Policy))


def test_every_limit_can_be_set(tmp_path: Path) -> None:
    lines = [f"{field.name} = 7" for field in fields(Limits)]
    limits = read_policy(written(tmp_path, "[limits]\n" + "\n".join(lines))).limits
    assert all(getattr(limits, field.name) == 7 for field in fields(Limits))


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ('tolls = ["sh"]', "tolls: there is no such field"),
        ("[limits]\nmemory = 1", "limits.memory: there is no such field"),
        ('min_level = "L0"', "min_level: "),
        ('tools = "sh"', "tools: "),
        ('tools = ["/bin/sh"]', "tools.0: '/bin/sh' is no name of a tool"),
        ("[limits]\nwall_s = 0", "limits.wall_s: "),
        ("[limits]\nwall_s = nan", "limits.wall_s: "),
        ("[limits]\nprocesses = 1.5", "limits.processes: "),
        ("[limits]\nprocesses = true", "limits.processes: "),
        ('[limits]\nmemory_bytes = "512 MB"', "limits.memory_bytes: a size is bytes, or a text such as 512 MiB"),
        ('[paths]\nreadable = ["opt"]', "paths.readable.0: 'opt' is no absolute path"),
        ('[paths]\nreadable = ["/"]', "paths.readable.0: '/' is no absolute path"),
        ('[paths]\nreadable = ["/opt/../root"]', "paths.readable.0: "),
        ('[paths]\nreadable = ["/proc/1"]', "paths.readable.0: '/proc/1' lies in what every command has of its own"),
        ('[paths]\nprotected = ["/etc"]', "paths.protected.0: '/etc' is absolute"),
        ('[network]\nhosts = ["https://example.org"]', "network.hosts.0: 'https://example.org' is no host"),
        ('[network]\nhosts = ["127.0.0.1"]', "network.hosts.0: '127.0.0.1' is an address"),
        ('[network]\nhosts = ["0x7f000001"]', "network.hosts.0: '0x7f000001' is an address"),
        ('[network]\nhosts = ["*"]', "network.hosts.0: "),
        ('[network]\nhosts = ["*.org"]', "network.hosts.0: "),
        ('[network]\nhosts = ["example.org:70000"]', "network.hosts.0: 'example.org:70000' has no port"),
        ('[network]\nnetworks = ["10.0.0.1/8"]', "network.networks.0: "),
        ('tools = ["sh"]\ntools = ["git"]', "it is no TOML: Cannot overwrite a value"),
        ("tools = [", "it is no TOML: "),
    ],
)
def test_a_fault_is_told_with_its_place(tmp_path: Path, text: str, place: str) -> None:
    [fault] = faults(tmp_path, text)
    assert fault.startswith(place)


def test_all_faults_are_told_at_once(tmp_path: Path) -> None:
    assert len(faults(tmp_path, 'min_level = "L0"\nx = 1\n[limits]\nwall_s = -1\n')) == 3


def test_a_file_that_cannot_be_read_is_no_policy(tmp_path: Path) -> None:
    with pytest.raises(BadPolicy, match="cannot be read: No such file"):
        read_policy(tmp_path / "nothing.toml")
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(BadPolicy, match="no text in UTF-8"):
        read_policy(tmp_path / "binary.toml")


def test_settings_add_tools_and_the_stricter_level_holds(tmp_path: Path) -> None:
    path = written(tmp_path, 'min_level = "L3"\ntools = ["git"]')
    policy = in_force(path, frozenset({"sh"}), "L2")
    assert (policy.tools, policy.min_level) == ({"git", "sh"}, Level.L3)
    assert in_force(written(tmp_path, 'min_level = "L1"'), min_level="L2").min_level is Level.L2
    assert in_force(None, frozenset({"sh"})).tools == DEFAULT_TOOLS | {"sh"}


def test_a_command_is_judged_rule_by_rule(tmp_path: Path) -> None:
    policy = read_policy(written(tmp_path, WHOLE))
    fine = judge(policy, ["git", "clone"], ["git"], ["a.example.com:8443"])
    assert fine.allowed
    assert [(ruling.rule, ruling.allowed) for ruling in fine.rulings] == [("tools", True), ("network.hosts", True)]
    assert "'*.example.com:8443'" in fine.rulings[1].why
    refused = judge(policy, ["curl", "x"], ["curl"], ["a.example.com", "example.org"])
    assert not refused.allowed
    assert [ruling.rule for ruling in refused.rulings if not ruling.allowed] == ["tool-not-allowed", "host-not-allowed"]
    assert refused.terms["limits.memory_bytes"] == str(512 * MIB)
    assert judge(policy, [], [], []).rulings == []
