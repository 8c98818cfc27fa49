"""The system calls that a command cannot make, as a classic BPF program.

Refused everywhere: what loads code into the kernel, changes mounts or namespaces, looks into other processes, holds
keys, or has been a way into the kernel too often to be left to commands. Calls newer than the newest that was judged do
not exist. Where a command shares the executor's machine view (L2), shared memory and queues of System V and POSIX are
refused too, as landlock does not know them; where it even shares the executor's user, so is what that user could do to
other processes and to the modes and times of files by their paths, which landlock does not know either.
"""

import ctypes
import errno
import socket
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from orchestra.executor.adapters.sandbox import kernel

_AUDIT_ARCH = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_COLUMN = {"x86_64": 0, "aarch64": 1}
_NEWEST_JUDGED = 462  # mseal; numbers from 424 on are the same on both machines

# name: (x86_64, aarch64)
_Calls = dict[str, tuple[int | None, int | None]]

_REFUSED: _Calls = {
    "acct": (163, 89),
    "add_key": (248, 217),
    "adjtimex": (159, 171),
    "bpf": (321, 280),
    "chroot": (161, 51),
    "clock_adjtime": (305, 266),
    "clock_settime": (227, 112),
    "delete_module": (176, 106),
    "fanotify_init": (300, 262),
    "finit_module": (313, 273),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fsopen": (430, 430),
    "fspick": (433, 433),
    "init_module": (175, 105),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "io_uring_setup": (425, 425),
    "ioperm": (173, None),
    "iopl": (172, None),
    "kcmp": (312, 272),
    "kexec_file_load": (320, 294),
    "kexec_load": (246, 104),
    "keyctl": (250, 219),
    "lookup_dcookie": (212, 18),
    "memfd_secret": (447, 447),
    "migrate_pages": (256, 238),
    "mount": (165, 40),
    "mount_setattr": (442, 442),
    "move_mount": (429, 429),
    "move_pages": (279, 239),
    "name_to_handle_at": (303, 264),
    "nfsservctl": (180, 42),
    "open_by_handle_at": (304, 265),
    "open_tree": (428, 428),
    "perf_event_open": (298, 241),
    "pidfd_getfd": (438, 438),
    "pivot_root": (155, 41),
    "process_madvise": (440, 440),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "ptrace": (101, 117),
    "quotactl": (179, 60),
    "quotactl_fd": (443, 443),
    "reboot": (169, 142),
    "request_key": (249, 218),
    "setdomainname": (171, 162),
    "sethostname": (170, 161),
    "setns": (308, 268),
    "settimeofday": (164, 170),
    "swapoff": (168, 225),
    "swapon": (167, 224),
    "syslog": (103, 116),
    "umount2": (166, 39),
    "unshare": (272, 97),
    "uselib": (134, None),
    "userfaultfd": (323, 282),
    "vhangup": (153, 58),
}
# Also the calls that use a queue or segment: one made elsewhere is used by its number alone.
_SHARED_MACHINE: _Calls = {
    "mq_open": (240, 180),
    "mq_unlink": (241, 181),
    "msgctl": (71, 187),
    "msgget": (68, 186),
    "msgrcv": (70, 188),
    "msgsnd": (69, 189),
    "semctl": (66, 191),
    "semget": (64, 190),
    "semop": (65, 193),
    "semtimedop": (220, 192),
    "shmat": (30, 196),
    "shmctl": (31, 195),
    "shmget": (29, 194),
}
_SHARED_USER: _Calls = {
    "chmod": (90, None),
    "chown": (92, None),
    "fchmodat": (268, 53),
    "fchmodat2": (452, 452),
    "fchownat": (260, 54),
    "futimesat": (261, None),
    "ioprio_set": (251, 30),
    "lchown": (94, None),
    "lremovexattr": (198, 15),
    "lsetxattr": (189, 6),
    "removexattr": (197, 14),
    "setpriority": (141, 140),
    "setxattr": (188, 5),
    "utime": (132, None),
    "utimes": (235, None),
}
# Allowed only with 0 (oneself, no path) in the argument of this index.
_ZERO_ONLY = (
    ((302, 261), 0),  # prlimit64
    ((203, 122), 0),  # sched_setaffinity
    ((314, 274), 0),  # sched_setattr
    ((142, 118), 0),  # sched_setparam
    ((144, 119), 0),  # sched_setscheduler
    ((280, 88), 1),  # utimensat
)
_CLONE = (56, 220)
_CLONE3 = (435, 435)
_SOCKET = (41, 198)
_NEW_NAMESPACES = 0x7E020000  # CLONE_NEW{NS,CGROUP,UTS,IPC,USER,PID,NET}

_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_ALLOW, _KILL = 0x7FFF0000, 0x80000000
_NUMBER, _ARCH, _ARGUMENTS = 0, 4, 16  # offsets in struct seccomp_data


@dataclass(frozen=True)
class Filter:
    families: tuple[socket.AddressFamily, ...] = ()
    """Sockets that may be opened; socketpair() always may, as it reaches nobody else."""
    shared_machine: bool = False
    shared_user: bool = False


def program(wanted: Filter) -> bytes:
    """An array of struct sock_filter. Raises OSError on a machine whose calls were not judged."""
    return _program(wanted, kernel.machine())


@lru_cache
def _program(wanted: Filter, machine: str) -> bytes:
    if machine not in _COLUMN:
        raise OSError(f"there is no list of system calls for {machine}")
    column = _COLUMN[machine]
    refused = [_REFUSED]
    refused += [_SHARED_MACHINE] if wanted.shared_machine else []
    refused += [_SHARED_USER] if wanted.shared_user else []
    code = [
        _op(_LOAD, _ARCH),
        _op(_EQUAL, _AUDIT_ARCH[machine], 1, 0),
        _op(_RETURN, _KILL),
        _op(_LOAD, _NUMBER),
        *_when(_AT_LEAST, _NEWEST_JUDGED + 1, errno.ENOSYS),  # so is the x32 interface, whose numbers have bit 30
        *_when(_EQUAL, _CLONE3[column], errno.ENOSYS),  # its flags are behind a pointer; libraries fall back to clone
    ]
    for calls in refused:
        for numbers in calls.values():
            number = numbers[column]
            code += _when(_EQUAL, number) if number is not None else []
    code += _inspect(_CLONE[column], [_op(_LOAD, _ARGUMENTS), *_when(_ANY_BIT, _NEW_NAMESPACES)])
    allowed = [op for family in wanted.families for op in (_op(_EQUAL, family, 0, 1), _op(_RETURN, _ALLOW))]
    code += _inspect(_SOCKET[column], [_op(_LOAD, _ARGUMENTS), *allowed, _refuse()])
    if wanted.shared_user:
        for numbers, index in _ZERO_ONLY:
            code += _inspect(numbers[column], _nonzero(index))
    return b"".join([*code, _op(_RETURN, _ALLOW)])


def install(code: bytes) -> None:
    """For this process and all it starts, for ever. Wants no_new_privs or CAP_SYS_ADMIN."""
    buffer = ctypes.create_string_buffer(code, len(code))
    fprog = struct.pack("HxxxxxxQ", len(code) // 8, ctypes.addressof(buffer))
    held = ctypes.create_string_buffer(fprog, len(fprog))
    kernel.prctl(kernel.PR_SET_SECCOMP, 2, ctypes.addressof(held))


def _op(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("HBBI", code, if_true, if_false, value)


def _refuse(error: int = errno.EPERM) -> bytes:
    return _op(_RETURN, 0x00050000 | error)


def _when(test: int, value: int, error: int = errno.EPERM) -> list[bytes]:
    return [_op(test, value, 0, 1), _refuse(error)]


def _inspect(number: int, body: Iterable[bytes]) -> list[bytes]:
    """Runs `body`, which may overwrite the accumulator, for one call only."""
    ops = [*body, _op(_LOAD, _NUMBER)]
    return [_op(_EQUAL, number, 0, len(ops)), *ops]


def _nonzero(index: int) -> list[bytes]:
    """Refuses unless both halves of the 64-bit argument are 0."""
    low = _ARGUMENTS + 8 * index
    tests = [[_op(_LOAD, offset), _op(_EQUAL, 0, 1, 0), _refuse()] for offset in (low, low + 4)]
    return [op for test in tests for op in test]
