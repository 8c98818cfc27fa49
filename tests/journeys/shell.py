"""The command as a person types it: a process in a directory of its own."""

import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.system import CLI, System, clean_environment

LONGEST_S = 110


@dataclass(frozen=True)
class Shell:
    """Where commands are typed: a directory, and what says which services they speak to."""

    directory: Path
    where: tuple[str, ...]
    environment: dict[str, str]

    def begin(self, *arguments: str) -> subprocess.Popen[str]:
        pipes: Any = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        command = [*CLI, *arguments, *self.where]
        return subprocess.Popen(command, cwd=self.directory, env=self.environment, **pipes)

    def orchestra(self, *arguments: str, code: int = 0) -> subprocess.CompletedProcess[str]:
        process = self.begin(*arguments)
        said, complained = process.communicate(timeout=LONGEST_S)
        # A crash ends with 1, as a run that has failed does.
        as_wanted = process.returncode == code and "Traceback" not in complained
        assert as_wanted, f"{arguments} ended with {process.returncode}\n{said}\n{complained}"
        return subprocess.CompletedProcess(arguments, code, said, complained)


def at_gateway(directory: Path, system: System) -> Shell:
    return Shell(directory, ("--gateway", system.url), clean_environment() | {"ORCHESTRA_API_KEY": system.key})


def by_itself(directory: Path, **environment: str) -> Shell:
    told = clean_environment() | {"ORCHESTRA_BACK_OFF_SECONDS": "0.2"} | environment
    return Shell(directory, ("--home", "home"), told)
