"""What can be wrong with a command and with the project's files."""

import re
from collections.abc import Iterator, Mapping

from orchestra.contracts.files import fitting
from orchestra.contracts.ids import Sha256
from orchestra.contracts.planning import CommandRequest, Fault, TaskRequest
from orchestra.planner.domain.paths import clashes, is_inside, provided

MAX_MUTEXES = 16

_MUTEX = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_SHA256 = re.compile(r"[0-9a-f]{64}")


def check_files(files: Mapping[str, Sha256]) -> Iterator[Fault]:
    for path, sha256 in files.items():
        pointer = "/files/" + path.replace("~", "~0").replace("/", "~1")
        yield from _check_path(path, pointer)
        if not _SHA256.fullmatch(sha256):
            yield _fault(pointer, "bad-hash", f"{sha256!r} is no SHA-256 in small hexadecimal digits.")


def check_command(
    command: CommandRequest, here: str, before: Mapping[str, TaskRequest], files: Mapping[str, Sha256]
) -> Iterator[Fault]:
    """`before` are the tasks that the command comes directly after, by id: only their outputs reach it."""
    yield from _check_argv(command, here)
    outputs = {name: task.command.outputs for name, task in before.items() if task.command}
    promised = provided(command.inputs, (path for paths in outputs.values() for path in paths))
    for n, path in enumerate(command.inputs):
        bad = tuple(_check_path(path, f"{here}/inputs/{n}"))
        yield from bad
        if not bad and path not in files and path not in promised:
            detail = f"{path} is no file of the project and no output of a task that this one comes directly after."
            yield _fault(f"{here}/inputs/{n}", "missing-input", detail)
    if (named := fitting(command.outputs)) < len(command.outputs):
        detail = f"{len(command.outputs)} outputs are too many ({named} can be named): make an archive of them."
        yield _fault(f"{here}/outputs", "too-many-files", detail)
    for n, path in enumerate(command.outputs):
        yield from _check_path(path, f"{here}/outputs/{n}")
    for clash in clashes(outputs):
        detail = f"{clash.path} comes from {clash.first} and from {clash.second}: which is meant?"
        yield _fault(f"{here}/inputs", "output-conflict", detail)
    if command.retries < 0:
        yield _fault(f"{here}/retries", "negative", "retries is 0 or more.")
    if command.timeout_s <= 0:
        yield _fault(f"{here}/timeout_s", "not-positive", "timeout_s must be above 0.")
    yield from _check_mutexes(command, here)


def _check_argv(command: CommandRequest, here: str) -> Iterator[Fault]:
    if not command.argv or not command.argv[0].strip():
        yield _fault(f"{here}/argv", "empty-argv", "The command names no tool to run.")
    elif command.argv[0] not in command.tools:
        detail = f"{command.argv[0]} is not among the command's tools ({', '.join(command.tools) or 'none'})."
        yield _fault(f"{here}/argv/0", "tool-not-declared", detail)
    for n, argument in enumerate(command.argv):
        if "\0" in argument:
            yield _fault(f"{here}/argv/{n}", "bad-argument", "An argument cannot hold a NUL character.")


def _check_mutexes(command: CommandRequest, here: str) -> Iterator[Fault]:
    if len(command.mutexes) > MAX_MUTEXES:
        detail = f"{len(command.mutexes)} mutexes are too many; {MAX_MUTEXES} are allowed."
        yield _fault(f"{here}/mutexes", "too-many-mutexes", detail)
    for n, name in enumerate(command.mutexes):
        if not _MUTEX.fullmatch(name):
            detail = f"{name!r} is not 1 to 64 of a-z 0-9 . _ - with a letter or digit first."
            yield _fault(f"{here}/mutexes/{n}", "bad-mutex", detail)
        elif _plain(name) in map(_plain, command.mutexes[:n]):
            detail = f"{name} is named twice; . _ and - count as the same."
            yield _fault(f"{here}/mutexes/{n}", "duplicate-mutex", detail)


def _plain(name: str) -> str:
    """As the command finds it in its environment."""
    return re.sub("[._]", "-", name)


def _check_path(path: str, pointer: str) -> Iterator[Fault]:
    if not is_inside(path):
        detail = f"{path!r} is no path beneath the workspace: relative, with forward slashes, without . and .. parts."
        yield _fault(pointer, "bad-path", detail)


def _fault(pointer: str, code: str, detail: str) -> Fault:
    return Fault(pointer=pointer, code=code, detail=detail)
