"""What a command reaches of the network: the hosts that it asked for and the policy allows, at judged addresses."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from services.executor.tests.integration.sandbox.bench import Bench, require

from orchestra.executor.adapters.sandbox.launch import CagedSandbox
from orchestra.executor.application.ports import CommandRefused, Outcome
from orchestra.executor.domain.policy import Level, Policy

ASK = """
import os, socket, sys
host, port = os.environ["HTTPS_PROXY"].removeprefix("http://").split(":")
with socket.create_connection((host, int(port)), 20) as proxy:
    proxy.sendall(sys.argv[1].encode().decode("unicode_escape").encode("latin-1"))
    answer = b""
    while b"\\r\\n\\r\\n" not in answer and (chunk := proxy.recv(65536)):
        answer += chunk
    if b" 200 " in answer:
        proxy.sendall(b"ping")
        proxy.shutdown(socket.SHUT_WR)
    while chunk := proxy.recv(65536):
        answer += chunk
print(answer.decode("latin-1"))
"""


class Names:
    """Answers as told, and remembers who asked."""

    def __init__(self, **addresses: Sequence[str]) -> None:
        self.addresses = {name.replace("_", "."): found for name, found in addresses.items()}
        self.asked: list[str] = []

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        self.asked.append(host)
        return self.addresses[host]


@pytest.fixture
async def echo() -> AsyncIterator[int]:
    """The port of a server on this machine that answers `pong` and what it was sent."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"pong " + await reader.read())
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1]


@asynccontextmanager
async def bench_with(tmp_path: Path, policy: Policy, names: Names, level: Level = Level.L3) -> AsyncGenerator[Bench]:
    require(level)
    sandbox = CagedSandbox(level, policy, names)
    try:
        yield Bench(sandbox, tmp_path)
    finally:
        await sandbox.close()


def allowing(*hosts: str, networks: tuple[str, ...] = ("127.0.0.0/8",)) -> Policy:
    return Policy(hosts=hosts, networks=networks)


async def ask(bench: Bench, request: str, *hosts: str) -> Outcome:
    command = replace(bench.command("python3", "-c", ASK, request), hosts=hosts)
    return await bench.sandbox.perform(command)


def connect(host: str) -> str:
    return f"CONNECT {host} HTTP/1.1\\r\\nHost: {host}\\r\\n\\r\\n"


async def test_a_host_that_was_asked_for_and_is_allowed_is_reached(tmp_path: Path, echo: int) -> None:
    names = Names(service_test=["127.0.0.1"])
    async with bench_with(tmp_path, allowing(f"*.service.test:{echo}", f"service.test:{echo}"), names) as bench:
        for _ in range(2):
            outcome = await ask(bench, connect(f"service.test:{echo}"), f"service.test:{echo}")
            assert outcome.exit_code == 0, outcome
            assert bench.text.startswith("HTTP/1.1 200 ")
            assert bench.text.endswith("pong ping\n")
    assert names.asked == ["service.test", "service.test"], "once for each connection: nothing resolves it again"


async def test_a_name_is_resolved_once_and_the_connection_goes_to_what_was_judged(tmp_path: Path, echo: int) -> None:
    class Rebinding(Names):
        async def __call__(self, host: str, port: int) -> Sequence[str]:
            self.asked.append(host)
            return ["127.0.0.1"] if len(self.asked) == 1 else ["169.254.169.254"]

    async with bench_with(tmp_path, allowing(f"service.test:{echo}"), Rebinding()) as bench:
        await ask(bench, connect(f"service.test:{echo}"), f"service.test:{echo}")
        assert bench.text.endswith("pong ping\n")
        await ask(bench, connect(f"service.test:{echo}"), f"service.test:{echo}")
        assert "HTTP/1.1 403 " in bench.text
        assert "service.test (169.254.169.254) is no public address: link-local" in bench.text


@pytest.mark.parametrize(
    "addresses", [["127.0.0.1"], ["10.0.0.1"], ["::1"], ["::ffff:127.0.0.1"], ["9.9.9.9", "10.0.0.1"]]
)
async def test_addresses_that_are_not_public_are_refused_unless_the_operator_allows_them(
    tmp_path: Path, echo: int, addresses: list[str]
) -> None:
    async with bench_with(
        tmp_path, allowing(f"service.test:{echo}", networks=()), Names(service_test=addresses)
    ) as bench:
        await ask(bench, connect(f"service.test:{echo}"), f"service.test:{echo}")
        assert "HTTP/1.1 403 " in bench.text
        assert "is no public address" in bench.text
        assert "pong" not in bench.text


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (connect("other.test:PORT"), 403),
        (connect("service.test:1"), 403),
        (connect("127.0.0.1:PORT"), 403),
        (connect("[::1]:PORT"), 403),
        (connect("service.test.:PORT"), 403),
        (connect("service.test:PORT@other.test"), 403),
        ("GET http://service.test:PORT/ HTTP/1.1\\r\\n\\r\\n", 405),
        ("\\x16\\x03\\x01\\r\\n\\r\\n", 405),
    ],
)
async def test_what_was_not_asked_for_is_refused(tmp_path: Path, echo: int, request_: str, status: int) -> None:
    names = Names(service_test=["127.0.0.1"], other_test=["127.0.0.1"])
    policy = allowing(f"service.test:{echo}", f"other.test:{echo}")
    async with bench_with(tmp_path, policy, names) as bench:
        outcome = await ask(bench, request_.replace("PORT", str(echo)), f"service.test:{echo}")
        assert outcome.exit_code == 0, outcome
        assert bench.text.startswith(f"HTTP/1.1 {status} ")
    assert names.asked == []


async def test_with_hosts_all_else_stays_out_of_reach(tmp_path: Path, echo: int) -> None:
    source = f"import socket; socket.create_connection(('127.0.0.1', {echo}), 5)"
    async with bench_with(tmp_path, allowing("service.test"), Names()) as bench:
        command = replace(bench.command("python3", "-c", source), hosts=("service.test",))
        assert (await bench.sandbox.perform(command)).exit_code == 1
        assert "ConnectionRefusedError" in bench.text


async def test_without_hosts_nothing_listens_and_no_proxy_is_named(tmp_path: Path) -> None:
    source = "import os, socket; print('PROXY' in str(os.environ)); socket.create_connection(('127.0.0.1', 3128), 5)"
    async with bench_with(tmp_path, allowing("service.test"), Names()) as bench:
        await bench.python(source)
        assert bench.text.endswith("\nFalse\n")
        assert "ConnectionRefusedError" in bench.text


async def test_a_host_outside_the_policy_is_refused_before_anything_runs(tmp_path: Path) -> None:
    async with bench_with(tmp_path, allowing("service.test"), Names()) as bench:
        with pytest.raises(CommandRefused, match=r"'evil\.test' is not among the hosts"):
            await ask(bench, "", "evil.test")
        assert not bench.log.exists()


async def test_below_level_3_a_command_that_asks_for_hosts_is_refused(tmp_path: Path) -> None:
    async with bench_with(tmp_path, allowing("service.test"), Names(), Level.L2) as bench:
        with pytest.raises(CommandRefused, match="Hosts can be asked for at level L3"):
            await ask(bench, "", "service.test")


async def test_two_commands_have_each_their_own_proxy(tmp_path: Path, echo: int) -> None:
    names = Names(a_test=["127.0.0.1"], b_test=["127.0.0.1"])
    async with bench_with(tmp_path, allowing(f"a.test:{echo}", f"b.test:{echo}"), names) as bench:
        (tmp_path / "other").mkdir()
        other = Bench(bench.sandbox, tmp_path / "other")
        await asyncio.gather(
            ask(bench, connect(f"a.test:{echo}"), f"a.test:{echo}"),
            ask(other, connect(f"a.test:{echo}"), f"b.test:{echo}"),
        )
        assert bench.text.endswith("pong ping\n")
        assert "a.test" in other.text
        assert other.text.startswith("HTTP/1.1 403 ")


async def test_a_command_that_ends_leaves_no_connection_behind(tmp_path: Path) -> None:
    closed = asyncio.Event()

    async def wait(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        closed.set()
        writer.close()

    async with await asyncio.start_server(wait, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        source = ASK.partition("    while b")[0] + "    proxy.recv(1000)\n    os._exit(0)\n"
        policy = allowing(f"service.test:{port}")
        async with bench_with(tmp_path, policy, Names(service_test=["127.0.0.1"])) as bench:
            command = bench.command("python3", "-c", source, connect(f"service.test:{port}"))
            await bench.sandbox.perform(replace(command, hosts=(f"service.test:{port}",)))
            await asyncio.wait_for(closed.wait(), 10)
