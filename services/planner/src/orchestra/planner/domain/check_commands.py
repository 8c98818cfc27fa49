"""What can be wrong with a command and with the project's files."""

import re
from collections.abc import Iterator, Mapping

from orchestra.contracts.files import fitting
from orchestra.contracts.ids import Sha256
from orchestra.contracts.machine_work import AgentRequest, MachineTerms
from orchestra.contracts.planning import CommandRequest, Fault, TaskRequest
from orchestra.contracts.pointers import json_pointer
from orchestra.planner.domain.paths import clashes, is_inside, provided

MAX_MUTEXES = 16
DIGEST_BYTES = 90
"""What the content hash adds to each input once it is resolved."""

_MUTEX = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_SHA256 = re.compile(r"[0-9a-f]{64}")


def check_files(files: Mapping[str, Sha256]) -> Iterator[Fault]:
    for path, sha256 in files.items():
        pointer = json_pointer(("files", path))
        yield from _check_path(path, pointer)
        if not _SHA256.fullmatch(sha256):
            yield _fault(pointer, "bad-hash", f"{sha256!r} is no SHA-256 in small hexadecimal digits.")


def weight(task: TaskRequest) -> int:
    """In bytes, as it is handed on."""
    return len(task.model_dump_json().encode()) + DIGEST_BYTES * (len(task.work.inputs) if task.work else 0)


def makes(task: TaskRequest) -> bool:
    """It has outputs."""
    return task.work is not None and bool(task.work.outputs)


def check_command(
    command: CommandRequest, here: str, before: Mapping[str, TaskRequest], files: Mapping[str, Sha256]
) -> Iterator[Fault]:
    """`before` are the tasks with outputs that the command comes directly after, by id: only theirs reach it."""
    yield from _check_argv(command, here)
    yield from check_work(command, here, before, files)


def check_work(
    work: CommandRequest | AgentRequest, here: str, before: Mapping[str, TaskRequest], files: Mapping[str, Sha256]
) -> Iterator[Fault]:
    """What is the same of commands and of work for agents."""
    outputs = {name: task.work.outputs for name, task in before.items() if task.work}
    promised = provided(work.inputs, (path for paths in outputs.values() for path in paths)) if outputs else ()
    for n, path in enumerate(work.inputs):
        bad = tuple(_check_path(path, f"{here}/inputs/{n}"))
        yield from bad
        if not bad and path not in files and path not in promised:
            detail = f"{path} is no file of the project and no output of a task that this one comes directly after."
            yield _fault(f"{here}/inputs/{n}", "missing-input", detail)
    if work.outputs and (named := fitting(work.outputs)) < len(work.outputs):
        detail = f"{len(work.outputs)} outputs are too many ({named} can be named): make an archive of them."
        yield _fault(f"{here}/outputs", "too-many-files", detail)
    for n, path in enumerate(work.outputs):
        yield from _check_path(path, f"{here}/outputs/{n}")
    for clash in clashes(outputs) if outputs else ():
        detail = f"{clash.path} comes from {clash.first} and from {clash.second}: which is meant?"
        yield _fault(f"{here}/inputs", "output-conflict", detail)
    if work.retries < 0:
        yield _fault(f"{here}/retries", "negative", "retries is 0 or more.")
    if work.timeout_s <= 0:
        yield _fault(f"{here}/timeout_s", "not-positive", "timeout_s must be above 0.")
    if work.mutexes:
        yield from _check_mutexes(work, here)


def _check_argv(command: CommandRequest, here: str) -> Iterator[Fault]:
    if not command.argv or not command.argv[0].strip():
        yield _fault(f"{here}/argv", "empty-argv", "The command names no tool to run.")
    elif command.argv[0] not in command.tools:
        detail = f"{command.argv[0]} is not among the command's tools ({', '.join(command.tools) or 'none'})."
        yield _fault(f"{here}/argv/0", "tool-not-declared", detail)
    for n, argument in enumerate(command.argv):
        if "\0" in argument:
            yield _fault(f"{here}/argv/{n}", "bad-argument", "An argument cannot hold a NUL character.")


def _check_mutexes(command: MachineTerms, here: str) -> Iterator[Fault]:
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
