"""Requests to addresses that somebody else chose: nothing gets through to this machine or its networks."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from ipaddress import ip_address

import httpx
import pytest
import trustme
from hypothesis import given
from hypothesis import strategies as st

from orchestra.chassis.errors import Transient
from orchestra.chassis.http.addresses import LOOPBACK, NOT_PUBLIC, is_in, read_networks, why_not_public
from orchestra.chassis.http.outward import Outward, RefusedUrl, SystemResolver, Target, target_of


@dataclass
class Canary:
    """A server that must not be reached; whoever is let through finds it."""

    port: int = 0
    heads: list[str] = field(default_factory=list[str])

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            self.heads.append((await reader.readuntil(b"\r\n\r\n")).decode())
            writer.write(b"HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n")
            await writer.drain()
        finally:
            writer.close()


@dataclass
class Names:
    """A name server of our own: each name has the answers it gives one after the other, the last one for ever."""

    answers: dict[str, list[Sequence[str]]]
    asked: list[str] = field(default_factory=list[str])

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        self.asked.append(host)
        found = self.answers.get(host.lower())
        if found is None:
            return await SystemResolver(1)(host, port)
        return found.pop(0) if len(found) > 1 else found[0]


@pytest.fixture
async def canary() -> AsyncIterator[Canary]:
    """On IPv4 and, where the machine has it, IPv6, at the same port."""
    canary = Canary()
    async with AsyncExitStack() as servers:
        server = await asyncio.start_server(canary.serve, "127.0.0.1", 0)
        servers.callback(server.close)
        canary.port = server.sockets[0].getsockname()[1]
        if socket.has_ipv6:
            with suppress(OSError):
                servers.callback((await asyncio.start_server(canary.serve, "::1", canary.port)).close)
        yield canary


TRUST = ssl.create_default_context()
"""Reading the authorities of this machine takes longer than a test."""

INSIDE = {
    "inside.test": [["10.1.2.3"]],
    "loops.test": [["127.0.0.1"]],
    "loops6.test": [["::1"]],
    "mixed.test": [["93.184.215.14", "127.0.0.1"]],
    "mapped.test": [["::ffff:127.0.0.1"]],
    "nat64.test": [["64:ff9b::7f00:1"]],
    "metadata.test": [["169.254.169.254"]],
    "nowhere.test": [[]],
    "127.0.0.1.nip.test": [["127.0.0.1"]],
    "rebinds.test": [["93.184.215.14"], ["127.0.0.1"]],
}

FORMS = (
    """
http://127.0.0.1:{p}/  https://127.0.0.1:{p}/  http://127.0.0.2:{p}/  http://127.255.255.254:{p}/  http://127.1:{p}/
http://127.0.1:{p}/  http://2130706433:{p}/  http://0x7f000001:{p}/  http://0x7f.0.0.1:{p}/  http://0x7f.1:{p}/
http://0177.0.0.1:{p}/  http://017700000001:{p}/  http://0177.0x0.0.1:{p}/  http://127.0.0.01:{p}/
http://127.0.0.1.:{p}/  http://0.0.0.0:{p}/  http://0:{p}/  http://0x0:{p}/  http://00000000:{p}/
http://localhost:{p}/  http://LOCALHOST:{p}/  https://localhost:{p}/  http://localhost.:{p}/  http://localhost..:{p}/
http://[::1]:{p}/  http://[0:0:0:0:0:0:0:1]:{p}/  http://[::]:{p}/  http://[::ffff:127.0.0.1]:{p}/
http://[::ffff:7f00:1]:{p}/  http://[::FFFF:7F00:1]:{p}/  http://[0:0:0:0:0:ffff:127.0.0.1]:{p}/
http://[::127.0.0.1]:{p}/  http://[::7f00:1]:{p}/  http://[64:ff9b::127.0.0.1]:{p}/  http://[64:ff9b:1::7f00:1]:{p}/
http://[2002:7f00:1::]:{p}/  http://[2002:7f00:0001::1]:{p}/  http://[2001:0:7f00:1::]:{p}/
http://[2001:db8::5efe:7f00:1]:{p}/  http://[2606:4700::200:5efe:7f00:1]:{p}/  http://[::1%lo]:{p}/
http://[::1%25lo]:{p}/  http://[fe80::1]:{p}/  http://[fe80::1%25eth0]:{p}/  http://[fc00::1]:{p}/
http://[fd00:ec2::254]:{p}/  http://[ff02::1]:{p}/  http://[fec0::1]:{p}/  http://[::1]:{p}#@example.com/
http://10.0.0.1:{p}/  http://172.16.0.1:{p}/  http://172.31.255.255:{p}/  http://192.168.0.1:{p}/
http://169.254.169.254/latest/meta-data/  https://169.254.169.254/  http://100.100.100.200/  http://100.64.0.1:{p}/
http://192.0.0.192/  http://168.63.129.16/  http://224.0.0.1:{p}/  http://240.0.0.1:{p}/  http://255.255.255.255:{p}/
http://198.18.0.1:{p}/  http://192.0.2.1:{p}/  http://metadata.test/  https://metadata.test/
http://loops.test:{p}/  https://loops.test:{p}/  https://loops6.test:{p}/  http://LOOPS.test:{p}/  http://inside.test:{p}/
https://mixed.test:{p}/  https://mapped.test:{p}/  https://nat64.test:{p}/  http://127.0.0.1.nip.test:{p}/
https://nowhere.test:{p}/  http://93.184.215.14/  https://93.184.215.14:22/  https://93.184.215.14:80/
http://user@127.0.0.1:{p}/  http://user:pass@127.0.0.1:{p}/  http://example.com@127.0.0.1:{p}/
http://127.0.0.1:{p}@loops.test:{p}/  http://example.com:80@127.0.0.1:{p}/  http://@127.0.0.1:{p}/
http://127.0.0.1\\@loops.test:{p}/  http://loops.test\\.example.com:{p}/  http://127.0.0.1:{p}\\.example.com/
http://%6c%6f%6f%70%73.test:{p}/  http://127%2e0%2e0%2e1:{p}/  http://①②⑦.⓪.⓪.①:{p}/  http://127。0。0。1:{p}/
http://ⓛⓞⓞⓟⓢ.test:{p}/  http:///127.0.0.1:{p}/  http://127.0.0.1:0/  http:127.0.0.1:{p}  //127.0.0.1:{p}/
ftp://127.0.0.1:{p}/  file:///etc/passwd  gopher://127.0.0.1:{p}/_x  dict://127.0.0.1:{p}/  unix:///run/x.sock
http://127.0.0.1:{p}\t/  http://loops.test:{p}/\r\nx:y  http://[127.0.0.1]:{p}/  http://127.0.0.1:99999/  http://
""".replace("\\t", "\t")
    .replace("\\r", "\r")
    .replace("\\n", "\n")
    .split("  ")
)
ADDRESSES = [form for part in FORMS for form in part.strip("\n").split("\n") if form]


@pytest.mark.parametrize("form", ADDRESSES)
async def test_no_form_of_an_inner_address_gets_through(form: str, canary: Canary) -> None:
    outward = Outward(resolve=Names({name: list(found) for name, found in INSIDE.items()}))
    url = form.replace("{p}", str(canary.port))

    with pytest.raises(RefusedUrl):
        await outward.check(url)
    async with outward.client(TRUST) as client:
        with pytest.raises((RefusedUrl, httpx.InvalidURL, httpx.UnsupportedProtocol)):
            await client.post(url, content=b"x")

    assert canary.heads == []


def test_there_are_enough_forms() -> None:
    assert len(set(ADDRESSES)) >= 60


async def test_the_canary_sings_where_the_operator_allows_its_network(canary: Canary) -> None:
    outward = Outward(LOOPBACK, Names({"loops.test": [["127.0.0.1"]]}))
    async with outward.client() as client:
        for host in ("127.0.0.1", "loops.test", "localhost"):
            answer = await client.post(f"http://{host}:{canary.port}/hook", content=b"x")
            assert answer.status_code == 302, "a redirect is an answer, and is not followed"

    assert [head.split("\r\n")[1] for head in canary.heads] == [
        f"Host: {host}:{canary.port}" for host in ("127.0.0.1", "loops.test", "localhost")
    ]
    with pytest.raises(RefusedUrl, match=r"10\.0\.0\.1"):
        await outward.check(f"http://10.0.0.1:{canary.port}/")


async def test_a_name_that_changes_after_the_check_is_refused_when_it_is_connected(canary: Canary) -> None:
    names = Names({"rebinds.test": [["93.184.215.14"], ["127.0.0.1"]]})
    outward, url = Outward(resolve=names), f"https://rebinds.test:{canary.port}/"
    await outward.check(url)

    async with outward.client() as client:
        with pytest.raises(RefusedUrl) as refused:
            await client.post(url)

    assert (refused.value.code, canary.heads) == ("refused-address", [])
    assert "rebinds.test (127.0.0.1)" in str(refused.value)


async def test_the_connection_goes_to_the_address_that_was_judged(canary: Canary) -> None:
    names = Names({"flips.test": [["127.0.0.1"], ["10.0.0.1"]]})
    async with Outward(LOOPBACK, names).client() as client:
        await client.get(f"http://flips.test:{canary.port}/")

    assert (len(canary.heads), names.asked) == (1, ["flips.test"])


async def test_tls_and_the_host_header_keep_the_name() -> None:
    authority, told = trustme.CA(), list[str | None]()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("hooks.test").configure_cert(context)
    context.sni_callback = lambda _socket, name, _context: told.append(name)
    canary, trusting = Canary(), ssl.create_default_context()
    authority.configure_trust(trusting)
    server = await asyncio.start_server(canary.serve, "127.0.0.1", 0, ssl=context)
    port = server.sockets[0].getsockname()[1]
    names = Names({"hooks.test": [["127.0.0.1"]], "other.test": [["127.0.0.1"]]})

    async with server, Outward(LOOPBACK, names).client(trusting) as client:
        await client.post(f"https://hooks.test:{port}/")
        with pytest.raises(httpx.ConnectError, match="certificate"):
            await client.post(f"https://other.test:{port}/")

    assert told == ["hooks.test", "other.test"]
    assert [head.split("\r\n")[1] for head in canary.heads] == [f"Host: hooks.test:{port}"]


async def test_the_next_address_is_tried_where_one_does_not_answer(canary: Canary) -> None:
    names = Names({"two.test": [["127.0.0.2", "127.0.0.1"]]})
    async with Outward(LOOPBACK, names).client() as client:
        assert (await client.get(f"http://two.test:{canary.port}/")).status_code == 302


async def test_a_name_server_that_cannot_say_is_no_refusal() -> None:
    async def away(host: str, port: int) -> Sequence[str]:
        raise Transient("try again")

    with pytest.raises(Transient):
        await Outward(resolve=away).check("https://example.org/")


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("https://example.com", Target("https", "example.com", 443)),
        ("https://Example.com:8443/hook?token=a%20b", Target("https", "example.com", 8443)),
        ("https://[2606:4700::1111]/hook", Target("https", "2606:4700::1111", 443)),
        ("https://xn--bcher-kva.example/", Target("https", "xn--bcher-kva.example", 443)),
        ("http://10.1.2.3/a", Target("http", "10.1.2.3", 80)),
    ],
)
def test_a_plain_url_names_its_target(url: str, target: Target) -> None:
    assert target_of(url) == target


@given(st.ip_addresses())
def test_an_address_is_public_or_in_a_network_that_is_not(address: object) -> None:
    judged = ip_address(str(address))

    if any(judged in network for network, _ in NOT_PUBLIC):
        assert why_not_public(judged)
    if why_not_public(judged) is None:
        wrong = ("private", "loopback", "link_local", "multicast", "reserved", "unspecified")
        assert [what for what in wrong if getattr(judged, f"is_{what}")] == []


@pytest.mark.parametrize(
    "address", ["8.8.8.8", "93.184.215.14", "168.63.129.17", "2606:4700:4700::1111", "2a00:1450::"]
)
def test_public_addresses_are_public(address: str) -> None:
    assert why_not_public(ip_address(address)) is None


def test_networks_are_read_from_a_list() -> None:
    assert is_in(ip_address("10.9.9.9"), read_networks("127.0.0.0/8, 10.0.0.0/8,"))
    assert read_networks("") == ()
    with pytest.raises(ValueError, match="banana"):
        read_networks("10.0.0.0/8, banana")
