"""Finds the strongest sandbox that proves itself: each candidate has to stop real attempts to get out."""

import asyncio
import fcntl
import json
import resource
import select
import socket
import subprocess
import tempfile
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from orchestra.executor.adapters import tree
from orchestra.executor.adapters.sandbox import attempts, bubblewrap, landlock
from orchestra.executor.adapters.sandbox.delegation import NoGroups, claim
from orchestra.executor.adapters.sandbox.launch import CagedSandbox
from orchestra.executor.application.ports import (
    Check,
    CommandRefused,
    Grouping,
    Outcome,
    Sandbox,
    SandboxCommand,
    SandboxLost,
    SandboxUnavailable,
)
from orchestra.executor.domain.policy import MIB, Level, Limits, Policy

_LIMITS = Limits(wall_s=20, cpu_s=10, memory_bytes=512 * MIB, processes=16, output_bytes=MIB)
_LITTLE, _THIRD = 96 * MIB, 32 * MIB
_POLICY = Policy(tools=frozenset({"python3"}), limits=_LIMITS)


class RefusingSandbox:
    """Stands where no sandbox reaches the policy's level, and says why."""

    def __init__(self, level: Level, reason: str, checks: tuple[Check, ...]) -> None:
        self.level = level
        self.checks = checks
        self.grouping = Grouping(None, "no command is run")
        self._reason = reason

    async def perform(self, command: SandboxCommand, on_started: Callable[[int], None] | None = None) -> Outcome:
        raise SandboxUnavailable(self._reason)

    async def close(self) -> None:
        """There is nothing to end."""


async def strongest(policy: Policy, scratch: Path) -> Sandbox:
    """`scratch` exists and can be written to. Takes about half a second.

    The level is that which was proven, and so are control groups. Where the level is below the policy's minimum, every
    command is refused.
    """
    checks: list[Check] = []
    proven = Level.NONE
    for level in (Level.L3, Level.L2):
        sandbox, found = await _proven(level, scratch)
        checks += found
        if all(check.passed for check in found):
            proven = level
            if level >= policy.min_level:
                sandbox.policy, sandbox.checks = policy, tuple(checks)
                return sandbox
        await sandbox.close()
    failed = "; ".join(f"{check.level.name} {check.name}: {check.detail}" for check in checks if not check.passed)
    reason = f"Commands need a sandbox of level {policy.min_level.name} and this machine gives {proven.name}. {failed}"
    return RefusingSandbox(proven, reason.strip(), tuple(checks))


async def _proven(level: Level, scratch: Path) -> tuple[CagedSandbox, list[Check]]:
    """With control groups if it proves itself with them. That they fail says nothing of the level."""
    if missing := _missing(level):
        return CagedSandbox(level, _POLICY), [Check(level, "available", False, missing)]
    try:
        sandbox = CagedSandbox(level, _POLICY, groups=await asyncio.to_thread(claim))
    except NoGroups as reason:
        why_not = str(reason)
    else:
        found = await _prove(sandbox, scratch)
        failed = [f"{check.name}: {check.detail}" for check in found if not check.passed]
        if not failed:
            return sandbox, found
        await sandbox.close()
        why_not = f"with groups of {sandbox.grouping.version} it did not prove itself: {'; '.join(failed)}"
    sandbox = CagedSandbox(level, _POLICY)
    sandbox.grouping = Grouping(None, why_not)
    return sandbox, await _prove(sandbox, scratch)


async def _prove(sandbox: CagedSandbox, scratch: Path) -> list[Check]:
    level = sandbox.level
    with outside(scratch) as stage:
        argv = ("python3", "-I", "attempts.py", json.dumps(stage.target))
        command = SandboxCommand(
            argv, ("python3",), stage.workspace, stage.log, _LIMITS.wall_s, _LIMITS, guarded=(attempts.HOOK,)
        )
        try:
            outcome = await sandbox.perform(command)
        except (CommandRefused, SandboxUnavailable, SandboxLost) as reason:
            return [Check(level, "available", False, str(reason))]
        if outcome.exit_code != 0:
            return [Check(level, "runs", False, f"exit status {outcome.exit_code}: {outcome.tail[-500:]}")]
        found: dict[str, str] = json.loads(stage.log.read_text())
        found |= {name: fault for name, fault in stage.traces() if fault or name not in found}
        if level < Level.L3:
            del found["hook"]  # is not kept there, but noticed: an attempt that changed one has failed
        if sandbox.grouping.version:
            found["memory-together"] = await _hold_together(sandbox, command)
    return [Check(level, name, not fault, fault) for name, fault in found.items()]


async def _hold_together(sandbox: CagedSandbox, command: SandboxCommand) -> str:
    """Each of the processes may have what it wants; all of them together may not."""
    limits = replace(_LIMITS, memory_bytes=_LITTLE)
    argv = ("python3", "-I", "attempts.py", "hold", "4", str(_THIRD))
    try:
        outcome = await sandbox.perform(replace(command, argv=argv, limits=limits))
    except (SandboxUnavailable, SandboxLost) as reason:
        return str(reason)
    ended = outcome.stopped or f"status {outcome.exit_code}"
    return "" if ended == "memory" else f"what holds four thirds of it ended with {ended}: {outcome.tail[-500:]}"


def _missing(level: Level) -> str | None:
    if level is Level.L2:
        found, wanted = landlock.abi(), landlock.OLDEST_ABI
        return None if found >= wanted else f"landlock has ABI {found}; {wanted} is needed (Linux 6.12)."
    try:
        bubblewrap.features()
    except bubblewrap.MissingPart as reason:
        return str(reason)
    return None


@dataclass(frozen=True)
class Stage:
    """A workspace and, beside it, what a command in it must not reach."""

    workspace: Path
    outside: Path
    victim: subprocess.Popen[bytes]
    target: attempts.Target
    udp: socket.socket

    @property
    def log(self) -> Path:
        return self.workspace.with_name("log")

    def traces(self) -> Iterator[tuple[str, str]]:
        """What the attempts left outside, whatever they say themselves."""
        written = sorted(path.name for path in self.outside.iterdir() if path.name != "secret")
        yield "write-outside", f"{written} are there" if written else ""
        changed = (self.outside / "secret").stat().st_mode & 0o777 != 0o666
        yield "change-modes-outside", "the modes are changed" if changed else ""
        yield "signal", "the process has ended" if self.victim.poll() is not None else ""
        limited = self.victim.poll() is None and resource.prlimit(self.victim.pid, resource.RLIMIT_NOFILE)[0] == 3
        yield "limits-of-others", "they are changed" if limited else ""
        hook = self.workspace / attempts.HOOK
        yield "hook", "it was replaced" if not hook.is_file() or hook.read_text() != "kind" else ""
        yield "udp", "it came" if select.select([self.udp], [], [], 0)[0] else ""
        with (self.workspace / "held").open() as held:
            try:
                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
                yield "nothing-left-behind", ""
            except BlockingIOError:
                yield "nothing-left-behind", "a process that left its group still runs"


@contextmanager
def outside(scratch: Path) -> Generator[Stage]:
    """All of it is open to every user, so that nothing but the sandbox can stop a command."""
    stage = Path(tempfile.mkdtemp(prefix="probe-", dir=scratch))
    stage.chmod(0o711)
    workspace, beside = stage / "workspace", stage / "outside"
    workspace.mkdir()
    (workspace / "attempts.py").write_text(Path(attempts.__file__).read_text())
    (workspace / attempts.HOOK).parent.mkdir(parents=True)
    (workspace / attempts.HOOK).write_text("kind")
    beside.mkdir()
    beside.chmod(0o777)
    secret = beside / "secret"
    secret.write_text("secret")
    secret.chmod(0o666)
    with (
        tempfile.TemporaryDirectory(prefix="orchestra-") as short,  # the path of a socket may have 107 bytes
        socket.create_server(("127.0.0.1", 0)) as tcp,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp,
        socket.socket(socket.AF_UNIX) as unix,
        socket.socket(socket.AF_UNIX) as abstract,
        subprocess.Popen(["sleep", "60"], env={}, stdin=subprocess.DEVNULL) as victim,
    ):
        try:
            Path(short).chmod(0o711)
            udp.bind(("127.0.0.1", 0))
            unix.bind(f"{short}/socket")
            Path(short, "socket").chmod(0o777)
            abstract.bind(f"\0{stage.name}")
            for listener in (unix, abstract):
                listener.listen()
            target: attempts.Target = {
                "outside": str(beside),
                "secret": str(secret),
                "port": tcp.getsockname()[1],
                "udp": udp.getsockname()[1],
                "unix": f"{short}/socket",
                "abstract": stage.name,
                "victim": victim.pid,
                "processes": _LIMITS.processes,
            }
            yield Stage(workspace, beside, victim, target, udp)
        finally:
            victim.kill()
            tree.remove(stage)
