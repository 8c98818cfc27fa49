"""What commands may be run, how well they must be confined, and how much they may use."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Literal

from orchestra.executor.domain.hosts import matches

MIB = 1024 * 1024
MAX_ARGV_BYTES = 128 * 1024


class Level(IntEnum):
    """How well commands are confined, as proven by attempts to escape."""

    NONE = 0
    L1 = 1
    """Limits and an own user only: other files, sockets and the network stay in reach. Never enough by default."""
    L2 = 2
    """Landlock and seccomp: files outside, sockets and processes outside are out of reach."""
    L3 = 3
    """Namespaces and seccomp: what is outside does not exist inside."""


@dataclass(frozen=True)
class Limits:
    """What one command may use. Passing a limit ends the command; nothing is cut silently."""

    wall_s: float = 3600
    cpu_s: int = 3600
    """Processor seconds of each process."""
    memory_bytes: int = 4096 * MIB
    """Address space of each process, and resident memory of all processes together."""
    processes: int = 256
    """Processes and threads together."""
    file_bytes: int = 1024 * MIB
    """Apparent size of any one file."""
    workspace_bytes: int = 4096 * MIB
    """What the workspace holds on disk, by blocks; every entry counts for 4 KiB at least."""
    tmp_bytes: int = 256 * MIB
    """Size of /tmp and of /dev/shm, each, where they are kept in memory (L3)."""
    output_bytes: int = 16 * MIB
    """Standard output and standard error together."""
    open_files: int = 1024


Stop = Literal["timeout", "output", "memory", "processes", "disk"]
"""The limit for which a command was ended."""

DEFAULT_TOOLS = frozenset(
    "awk basename cat cmp comm cp cut date diff dirname echo expr false file find git grep gunzip gzip head join jq ls "
    "make mkdir mv nl node paste printf python3 rm sed seq sha256sum sleep sort split stat tac tail tar tee touch tr "
    "true uniq wc".split()
)
"""No shell among them: a policy that wants one names it. What a tool starts in turn is bounded by the sandbox alone."""


PROTECTED = tuple(
    ".git/config .git/config.worktree .git/hooks .git/info .githooks .husky .pre-commit-config.yaml .envrc .direnv "
    ".bashrc .bash_profile .profile .zshrc .gitconfig .gitmodules .npmrc .yarnrc.yml .pypirc .netrc .ssh .vscode .idea "
    ".devcontainer".split()
)
"""What others run or obey later without being asked: hooks, shells' and tools' settings. Beneath the workspace."""


@dataclass(frozen=True)
class Policy:
    tools: frozenset[str] = DEFAULT_TOOLS
    min_level: Level = Level.L2
    limits: Limits = field(default_factory=Limits)
    readable: tuple[str, ...] = ()
    """Absolute paths that every command may read and run, besides those of the system's tools."""
    protected: tuple[str, ...] = PROTECTED
    """Paths beneath the workspace that no command makes, changes or removes."""
    hosts: tuple[str, ...] = ()
    """What commands may ask for: `example.org` (port 443), `example.org:8443`, `*.example.org` (what lies beneath)."""
    networks: tuple[str, ...] = ()
    """Networks besides the public ones that those hosts may lie in."""


@dataclass(frozen=True)
class Refusal:
    code: str
    detail: str


def check_names(policy: Policy, tools: Sequence[str], hosts: Sequence[str]) -> list[Refusal]:
    """The tools and hosts that it does not allow; all there is to say of work for an agent before it begins."""
    refusals = [
        Refusal("tool-not-allowed", f"{tool!r} is not among the tools that the policy allows.")
        for tool in dict.fromkeys(tools)
        if tool not in policy.tools
    ]
    return refusals + [
        Refusal("host-not-allowed", f"{host!r} is not among the hosts that the policy allows.")
        for host in dict.fromkeys(hosts)
        if not any(matches(rule, host) for rule in policy.hosts)
    ]


def check(policy: Policy, argv: Sequence[str], tools: Sequence[str], hosts: Sequence[str] = ()) -> list[Refusal]:
    """Everything that keeps a command from being run at all; empty when it may run."""
    refusals = check_names(policy, tools, hosts)
    if not argv or not argv[0].strip():
        return [*refusals, Refusal("empty-argv", "The command names no tool to run.")]
    if "/" in argv[0]:
        refusals.append(Refusal("tool-is-a-path", f"{argv[0]!r} is a path: a tool is named, and found by the sandbox."))
    elif argv[0] not in tools:
        named = ", ".join(tools) or "none"
        refusals.append(Refusal("tool-not-declared", f"{argv[0]!r} is not among the command's tools ({named})."))
    if any("\0" in argument for argument in argv):
        refusals.append(Refusal("bad-argument", "An argument cannot hold a NUL character."))
    if any("\ud800" <= character <= "\udfff" for argument in argv for character in argument):
        refusals.append(Refusal("bad-argument", "An argument holds half a surrogate pair and is no text."))
    elif sum(len(argument.encode()) + 1 for argument in argv) > MAX_ARGV_BYTES:
        refusals.append(Refusal("argv-too-long", f"The arguments take more than {MAX_ARGV_BYTES} bytes."))
    return refusals


def without_network(level: Level, hosts: Sequence[str]) -> list[Refusal]:
    """Landlock tells ports apart and not hosts, so that only a network of its own gives a command some hosts alone."""
    if not hosts or level >= Level.L3:
        return []
    return [Refusal("no-network", f"Hosts can be asked for at level L3; commands are confined at {level.name} here.")]
