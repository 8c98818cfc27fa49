"""The filter, judged by an interpreter of its own for both kinds of machine."""

import errno
import socket
import struct

import pytest

from orchestra.executor.adapters.sandbox import kernel, seccomp
from orchestra.executor.adapters.sandbox.seccomp import Filter, program

ALLOWED, KILLED = 0x7FFF0000, 0x80000000
ARCH = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
ISOLATED = Filter(families=(socket.AF_UNIX, socket.AF_INET, socket.AF_INET6))
SHARING = Filter(shared_machine=True, shared_user=True)

# On x86_64 and aarch64, as the kernel's headers have them, written down apart from the filter's table.
NUMBERS = {
    "read": (0, 63),
    "write": (1, 64),
    "openat": (257, 56),
    "execve": (59, 221),
    "clone": (56, 220),
    "clone3": (435, 435),
    "socket": (41, 198),
    "socketpair": (53, 199),
    "kill": (62, 129),
    "futex": (202, 98),
    "ptrace": (101, 117),
    "mount": (165, 40),
    "unshare": (272, 97),
    "setns": (308, 268),
    "keyctl": (250, 219),
    "bpf": (321, 280),
    "io_uring_setup": (425, 425),
    "shmget": (29, 194),
    "msgrcv": (70, 188),
    "mq_open": (240, 180),
    "fchmod": (91, 52),
    "fchmodat": (268, 53),
    "utimensat": (280, 88),
    "prlimit64": (302, 261),
    "setpriority": (141, 140),
    "landlock": (446, 446),
}


def run(code: bytes, number: int, *arguments: int, arch: int) -> int:
    """What the kernel would do with the call, as the value that the program returns."""
    given = struct.pack("IIQ6Q", number, arch, 0, *(*arguments, 0, 0, 0, 0, 0, 0)[:6])
    at = accumulator = 0
    while True:
        kind, yes, no, value = struct.unpack_from("HBBI", code, 8 * at)
        at += 1
        if kind == 0x20:
            accumulator = struct.unpack_from("I", given, value)[0]
        elif kind == 0x06:
            return value
        else:
            test = {0x15: accumulator == value, 0x35: accumulator >= value, 0x45: bool(accumulator & value)}[kind]
            at += yes if test else no


@pytest.fixture(params=["x86_64", "aarch64"])
def machine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    name: str = request.param
    monkeypatch.setattr(kernel, "machine", lambda: name)
    return name


def verdict(machine: str, wanted: Filter, call: str, *arguments: int) -> int:
    return run(program(wanted), NUMBERS[call][list(ARCH).index(machine)], *arguments, arch=ARCH[machine])


def refused(error: int = errno.EPERM) -> int:
    return 0x00050000 | error


@pytest.mark.parametrize("wanted", [ISOLATED, SHARING])
@pytest.mark.parametrize("call", ["read", "write", "openat", "execve", "futex", "kill", "socketpair", "landlock"])
def test_ordinary_calls_are_allowed(machine: str, wanted: Filter, call: str) -> None:
    assert verdict(machine, wanted, call, 1, 2, 3) == ALLOWED


@pytest.mark.parametrize("wanted", [ISOLATED, SHARING])
@pytest.mark.parametrize("call", ["ptrace", "mount", "unshare", "setns", "keyctl", "bpf", "io_uring_setup"])
def test_calls_that_reach_out_are_refused(machine: str, wanted: Filter, call: str) -> None:
    assert verdict(machine, wanted, call) == refused()


@pytest.mark.parametrize("flag", [0x20000, 0x02000000, 0x04000000, 0x08000000, 0x10000000, 0x20000000, 0x40000000])
def test_no_process_is_made_in_a_new_namespace(machine: str, flag: int) -> None:
    assert verdict(machine, ISOLATED, "clone", flag | 17) == refused()


def test_processes_and_threads_can_be_made(machine: str) -> None:
    assert verdict(machine, ISOLATED, "clone", 17) == ALLOWED
    assert verdict(machine, ISOLATED, "clone", 0x003D0F00) == ALLOWED  # what pthread_create asks for


def test_clone3_does_not_exist_as_its_flags_cannot_be_seen(machine: str) -> None:
    assert verdict(machine, ISOLATED, "clone3") == refused(errno.ENOSYS)


@pytest.mark.parametrize("number", [463, 467, 999, 0x40000000 | 59])
def test_calls_that_nobody_judged_do_not_exist(machine: str, number: int) -> None:
    assert run(program(ISOLATED), number, arch=ARCH[machine]) == refused(errno.ENOSYS)


def test_calls_by_the_numbers_of_another_machine_are_fatal(machine: str) -> None:
    i386 = 0x40000003
    assert run(program(ISOLATED), 11, arch=i386) == KILLED


@pytest.mark.parametrize("family", [socket.AF_UNIX, socket.AF_INET, socket.AF_INET6])
def test_sockets_are_for_an_empty_network_namespace_only(machine: str, family: int) -> None:
    assert verdict(machine, ISOLATED, "socket", family, 1) == ALLOWED
    assert verdict(machine, SHARING, "socket", family, 1) == refused()


@pytest.mark.parametrize("family", [0, socket.AF_NETLINK, socket.AF_PACKET, socket.AF_ALG, socket.AF_VSOCK])
def test_other_sockets_are_refused_everywhere(machine: str, family: int) -> None:
    assert verdict(machine, ISOLATED, "socket", family, 1) == refused()
    assert verdict(machine, SHARING, "socket", family, 1) == refused()


@pytest.mark.parametrize("call", ["shmget", "msgrcv", "mq_open"])
def test_shared_memory_and_queues_are_refused_where_the_machine_is_shared(machine: str, call: str) -> None:
    assert verdict(machine, SHARING, call) == refused()
    assert verdict(machine, ISOLATED, call) == ALLOWED


def test_modes_are_changed_by_descriptor_only_where_the_user_is_shared(machine: str) -> None:
    assert verdict(machine, SHARING, "fchmodat") == refused()
    assert verdict(machine, SHARING, "fchmod") == ALLOWED
    assert verdict(machine, Filter(shared_machine=True), "fchmodat") == ALLOWED


@pytest.mark.parametrize("path", [1, 1 << 32])
def test_times_are_changed_by_descriptor_only_where_the_user_is_shared(machine: str, path: int) -> None:
    assert verdict(machine, SHARING, "utimensat", 3, path) == refused()
    assert verdict(machine, SHARING, "utimensat", 3, 0) == ALLOWED
    assert verdict(machine, ISOLATED, "utimensat", 3, path) == ALLOWED


def test_limits_and_priorities_of_others_cannot_be_changed_where_the_user_is_shared(machine: str) -> None:
    assert verdict(machine, SHARING, "prlimit64", 1234) == refused()
    assert verdict(machine, SHARING, "prlimit64", 0) == ALLOWED
    assert verdict(machine, SHARING, "setpriority", 2, 0) == refused()


def test_a_machine_that_was_not_judged_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernel, "machine", lambda: "riscv64")
    with pytest.raises(OSError, match="riscv64"):
        seccomp.program(ISOLATED)
