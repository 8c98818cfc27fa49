"""What a command can neither read, write, reach nor see, at both levels and with real processes."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from services.executor.tests.integration.sandbox.bench import Bench, not_tested
from tests.servers import RABBITMQ, listens

from orchestra.executor.adapters.sandbox import bubblewrap, tools
from orchestra.executor.domain.policy import Level

TRY = """
import sys
try:
    {code}
except OSError as refused:
    print("refused", type(refused).__name__)
else:
    print("possible")
"""


async def attempt(bench: Bench, code: str, *argv: str) -> str:
    outcome = await bench.python(TRY.format(code=code), *argv)
    assert outcome.exit_code == 0, outcome
    return bench.text.split()[0]


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    """Open to every user, up to the root: so it is the sandbox that hides it."""
    for folder in (tmp_path, *tmp_path.parents[:-2]):  # all of pytest's own, however deep they lie under /tmp
        folder.chmod(0o755)
    found = tmp_path / "secret"
    found.write_text("the secret")
    found.chmod(0o666)
    return found


async def test_writing_works_in_the_workspace_and_in_the_private_folder_for_temporary_files(bench: Bench) -> None:
    source = "import pathlib, tempfile; pathlib.Path('out').write_text('x'); tempfile.TemporaryFile().write(b'x')"
    assert (await bench.python(source)).exit_code == 0
    assert (bench.workspace / "out").read_text() == "x"
    assert sorted(path.name for path in bench.folder.iterdir()) == ["log", "workspace"]


@pytest.mark.parametrize("path", ["/etc/passwd", "/etc/orchestra-test", "/usr/bin/orchestra-test", "/orchestra-test"])
async def test_nothing_of_the_system_is_written(bench: Bench, path: str) -> None:
    assert await attempt(bench, "open(sys.argv[1], 'a')", path) == "refused"


@pytest.mark.parametrize("place", ["/proc/sys/kernel/hostname", "/sys/kernel/mm/ksm/run", "/dev/orchestra-test"])
async def test_nothing_of_the_kernel_is_written(bench: Bench, place: str) -> None:
    assert await attempt(bench, "open(sys.argv[1], 'w').write('x')", place) == "refused"


async def test_nothing_outside_is_written(bench: Bench, secret: Path) -> None:
    assert await attempt(bench, "open(sys.argv[1], 'a')", str(secret)) == "refused"
    assert await attempt(bench, "import os; os.truncate(sys.argv[1], 0)", str(secret)) == "refused"
    assert await attempt(bench, "import os; os.unlink(sys.argv[1])", str(secret)) == "refused"
    assert await attempt(bench, "import os; os.rename(sys.argv[1], 'mine')", str(secret)) == "refused"
    assert await attempt(bench, "import os; os.link(sys.argv[1], 'mine')", str(secret)) == "refused"
    assert await attempt(bench, "import os; os.chmod(sys.argv[1], 0)", str(secret)) == "refused"
    assert await attempt(bench, "import os; os.utime(sys.argv[1], (0, 0))", str(secret)) == "refused"
    assert await attempt(bench, "import os; os.mkdir(sys.argv[1])", f"{secret.parent}/made") == "refused"
    assert secret.read_text() == "the secret"


async def test_nothing_outside_is_written_through_a_link(bench: Bench, secret: Path) -> None:
    (bench.workspace / "link").symlink_to(secret)
    (bench.workspace / "folder").symlink_to(secret.parent)
    assert await attempt(bench, "open('link', 'a')") == "refused"
    assert await attempt(bench, "open('folder/made', 'w')") == "refused"
    assert await attempt(bench, "open('../made', 'w')") == "refused"


@pytest.mark.parametrize("path", ["/etc/shadow", "/etc/passwd", __file__, "/proc/kcore"])
async def test_nothing_private_of_the_machine_is_read(bench: Bench, path: str) -> None:
    assert await attempt(bench, "open(sys.argv[1], 'rb').read(1)", path) == "refused"


async def test_nothing_outside_is_read(bench: Bench, secret: Path) -> None:
    (bench.workspace / "link").symlink_to(secret)
    assert await attempt(bench, "open(sys.argv[1])", str(secret)) == "refused"
    assert await attempt(bench, "open('link')") == "refused"
    assert await attempt(bench, "import os; os.listdir(sys.argv[1])", str(secret.parent)) == "refused"


async def test_the_log_cannot_be_read_or_changed(bench: Bench) -> None:
    assert await attempt(bench, "open(sys.argv[1])", str(bench.log)) == "refused"


async def test_another_commands_workspace_is_out_of_reach(bench: Bench, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    other = Bench(bench.sandbox, tmp_path / "other")
    await other.run("sh", "-c", "echo private > file; chmod 644 file; chmod 755 .")
    for folder in (tmp_path / "other", tmp_path):
        folder.chmod(0o755)
    assert await attempt(bench, "open(sys.argv[1])", str(other.workspace / "file")) == "refused"
    assert await attempt(bench, "open(sys.argv[1], 'w')", str(other.workspace / "made")) == "refused"


NAMES = {"PATH", "HOME", "TMPDIR", "LANG", "TZ", "GIT_CONFIG_NOSYSTEM"}


async def test_the_environment_holds_nothing_of_ours(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ORCHESTRA_API_KEY", "secret")
    source = "import json, os; print(json.dumps(dict(os.environ)))"
    names: dict[str, str] = json.loads(await bench.output("python3", "-c", source))
    assert set(names) - {"PWD"} == NAMES  # bubblewrap says where it changed to
    assert (names["LANG"], names["TZ"]) == ("C.UTF-8", "UTC")


async def test_no_environment_of_any_process_can_be_seen(bench: Bench) -> None:
    source = """
import glob
for path in glob.glob("/proc/[0-9]*/environ"):
    try:
        print(*(entry.split(b"=")[0].decode() for entry in open(path, "rb").read().split(b"\\0") if entry), sep="\\n")
    except OSError:
        pass
"""
    seen = set((await bench.output("python3", "-c", source)).split())
    assert seen - {"PWD"} <= NAMES


async def test_no_descriptor_of_ours_is_handed_on(bench: Bench) -> None:
    source = """
import os
def is_open(fd):
    try:
        os.fstat(fd)
        return True
    except OSError:
        return False
print([fd for fd in range(1000) if is_open(fd)])
"""
    assert await bench.output("python3", "-c", source) == "[0, 1, 2]\n"


async def test_standard_input_is_empty(bench: Bench) -> None:
    assert await bench.output("cat") == ""


@pytest.fixture
def listener() -> Iterator[int]:
    """A port that answers, as the test shows from outside."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        socket.create_connection(("127.0.0.1", port), 5).close()
        yield port


CONNECT = "import socket; socket.create_connection((sys.argv[1], int(sys.argv[2])), 5)"


async def test_a_port_of_this_machine_is_out_of_reach(bench: Bench, listener: int) -> None:
    assert await attempt(bench, CONNECT, "127.0.0.1", str(listener)) == "refused"


async def test_the_broker_is_out_of_reach(bench: Bench) -> None:
    """Only its port is needed, so no virtual host is made."""
    _, variable, usual = RABBITMQ
    address = urlsplit(os.environ.get(variable, usual))
    host, port = address.hostname or "", address.port or 5672
    if not listens(host, port):
        not_tested(f"nothing listens at {host}:{port}")
    assert await attempt(bench, CONNECT, host, str(port)) == "refused"


async def test_the_databases_socket_is_out_of_reach(bench: Bench) -> None:
    path = "/var/run/postgresql/.s.PGSQL.5432"
    if not Path(path).exists():
        not_tested(f"there is no {path}")
    with socket.socket(socket.AF_UNIX) as reached:
        reached.connect(path)
    assert await attempt(bench, "import socket; socket.socket(socket.AF_UNIX).connect(sys.argv[1])", path) == "refused"


async def test_an_abstract_socket_is_out_of_reach(bench: Bench, marker: str) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(f"\0{marker}")
        server.listen()
        code = "import socket; socket.socket(socket.AF_UNIX).connect('\\0' + sys.argv[1])"
        assert await attempt(bench, code, marker) == "refused"


async def test_no_name_is_resolved(bench: Bench) -> None:
    assert await attempt(bench, "import socket; socket.getaddrinfo('example.org', 80)") == "refused"


async def test_socket_pairs_work_as_they_reach_nobody(bench: Bench) -> None:
    assert await bench.output("python3", "-c", "import asyncio; print(asyncio.run(asyncio.sleep(0, 'ran')))") == "ran\n"


async def test_a_process_outside_cannot_be_signalled(bench: Bench) -> None:
    with subprocess.Popen(["/bin/sleep", "60"]) as victim:
        try:
            assert await attempt(bench, "import os; os.kill(int(sys.argv[1]), 9)", str(victim.pid)) == "refused"
            # In a namespace of its own the command may signal all it sees, which is itself.
            await bench.python("import os, signal; signal.signal(15, signal.SIG_IGN); os.kill(-1, 15)")
            assert victim.poll() is None
        finally:
            victim.kill()


async def test_its_keeper_cannot_be_signalled(bench: Bench) -> None:
    await bench.python("import os; os.kill(os.getppid(), 9)")
    assert (await bench.run("true")).exit_code == 0


async def test_a_command_is_not_root_and_shares_no_user_with_another(bench: Bench) -> None:
    first, second = [int(await bench.output("id", "-u")) for _ in range(2)]
    assert 0 not in (first, second)
    assert os.getuid() != 0 or bench.level is Level.L3 or first != second


RIGHTS = """
import ctypes
libc = ctypes.CDLL(None)
header = (ctypes.c_uint32 * 2)(0x20080522, 0)
sets = (ctypes.c_uint32 * 6)()
libc.capget(header, sets)
print(libc.prctl(39, 0, 0, 0, 0), *sets)
"""


async def test_a_command_has_no_rights_and_gains_none(bench: Bench, secret: Path) -> None:
    assert secret.exists()  # so all folders above are open
    assert await bench.output("python3", "-c", RIGHTS) == "1 0 0 0 0 0 0\n"


async def test_folders_closed_to_its_user_take_one_right_at_level_2_and_open_nothing_else(
    bench: Bench, secret: Path
) -> None:
    bench.folder.parent.chmod(0o700)
    assert (await bench.run("sh", "-c", 'echo made > "$PWD/out"')).exit_code == 0
    needed = 4 if bench.level is Level.L2 and os.getuid() == 0 else 0  # CAP_DAC_READ_SEARCH
    assert await bench.output("python3", "-c", RIGHTS) == f"1 {needed} {needed} {needed} 0 0 0\n"
    assert await attempt(bench, "open(sys.argv[1])", str(secret)) == "refused"
    assert await attempt(bench, "open('/etc/shadow')") == "refused"


CALLS = {
    "mount": "libc.mount(b'none', b'.', b'tmpfs', 0, None)",
    "unshare": "libc.unshare(0x10000000)",
    "ptrace": "libc.ptrace(16, os.getppid(), 0, 0)",
    "keyctl": "libc.syscall(numbers[0], 0, -3, 1)",
    "bpf": "libc.syscall(numbers[1], 0, None, 0)",
    "io_uring": "libc.syscall(425, 8, ctypes.create_string_buffer(120))",
    "userfaultfd": "libc.syscall(numbers[2], 1)",
    "perf": "libc.syscall(numbers[3], ctypes.create_string_buffer(128), 0, -1, -1, 0)",
    "open_by_handle": "libc.syscall(numbers[4], 3, ctypes.create_string_buffer(128), 0)",
}


@pytest.mark.parametrize("call", CALLS)
async def test_the_kernel_refuses_calls_that_lead_out(bench: Bench, call: str) -> None:
    source = f"""
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
x86 = os.uname().machine == "x86_64"
numbers = (250, 321, 323, 298, 304) if x86 else (219, 280, 282, 241, 265)
print({CALLS[call]}, ctypes.get_errno())
"""
    assert await bench.output("python3", "-c", source) == "-1 1\n"


async def test_memory_and_queues_shared_with_the_machine_are_out_of_reach(bench: Bench) -> None:
    shared = subprocess.run(["/usr/bin/ipcmk", "-M", "4096", "-p", "0666"], capture_output=True, text=True, check=True)
    number = shared.stdout.split()[-1]
    source = "import ctypes, sys; print(ctypes.CDLL(None).shmat(int(sys.argv[1]), None, 0))"
    try:
        assert await bench.output("python3", "-c", source, number) == "-1\n"
    finally:
        subprocess.run(["/usr/bin/ipcrm", "-m", number], check=True)


async def test_semaphores_by_name_need_a_machine_of_their_own(bench: Bench) -> None:
    """Level 2 cannot tell those of a command from others', and gives none: Python's process pools want level 3."""
    expected = "possible" if bench.level is Level.L3 else "refused"
    assert await attempt(bench, "import multiprocessing; multiprocessing.Lock()") == expected


@pytest.fixture
def running_interpreter(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """`python3` is the interpreter of these tests, as where the system has none: it may lie in a closed home."""
    find, cached = tools.find, (tools.shown_folders, tools.environment, bubblewrap._shown)
    monkeypatch.setattr(tools, "find", lambda name: tools.interpreter() if name == "python3" else find(name))
    for function in cached:
        function.cache_clear()
    yield tools.interpreter()
    monkeypatch.undo()
    for function in cached:
        function.cache_clear()


async def test_an_interpreter_outside_the_system_works_and_shows_nothing_else_of_its_place(
    bench: Bench, running_interpreter: Path
) -> None:
    source = "import json, ssl, sqlite3, subprocess, sys; print(sys.base_prefix)"
    assert await bench.output("python3", "-c", source) == f"{sys.base_prefix}\n"
    if not running_interpreter.is_relative_to("/usr"):
        assert await attempt(bench, "import os; os.listdir(sys.argv[1])", f"{sys.base_prefix}/include") == "refused"
    assert await attempt(bench, "open(sys.argv[1])", __file__) == "refused"
