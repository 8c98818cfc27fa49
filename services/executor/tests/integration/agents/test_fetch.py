"""Pages of the web at a real socket: what may be asked, where redirects lead, and what is made of an answer."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
from services.executor.tests.integration.agents.reaching import KEY, assignment_at
from starlette.types import Receive, Scope, Send
from tests.standins.serving import Served, respond, stall

from orchestra.chassis.http.outward import Outward
from orchestra.executor.adapters.agents.fetch import MOST_BYTES, Fetch, FetchToolbox
from orchestra.executor.domain.agents.calls import ToolResult
from orchestra.executor.domain.policy import Policy

HTML = (b"content-type", b"text/html; charset=utf-8")


@dataclass
class Pages(Served):
    answers: dict[str, tuple[int, bytes, tuple[tuple[bytes, bytes], ...]]] = field(default_factory=dict[str, Any])
    asked: list[str] = field(default_factory=list[str])
    headers: list[dict[str, str]] = field(default_factory=list[dict[str, str]])

    def put(self, path: str, body: bytes = b"", *headers: tuple[bytes, bytes], status: int = 200) -> None:
        self.answers[path] = (status, body, headers)

    def leads(self, path: str, location: str, status: int = 302) -> None:
        self.put(path, b"", (b"location", location.encode()), status=status)

    async def answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"]
        self.asked.append(path)
        self.headers.append({name.decode(): value.decode() for name, value in scope["headers"]})
        if path == "/endless":
            await send({"type": "http.response.start", "status": 200, "headers": [HTML]})
            while (await _gone(receive)) is False:
                await send({"type": "http.response.body", "body": b"x" * 65536, "more_body": True})
        elif path == "/slow":
            await stall(receive)
        else:
            status, body, headers = self.answers.get(path, (404, b"not here", (HTML,)))
            await respond(send, status, body, *headers)


async def _gone(receive: Receive) -> bool:
    """Whether whoever asked is gone already."""
    try:
        return (await asyncio.wait_for(receive(), 0.001))["type"] == "http.disconnect"
    except TimeoutError:
        return False


@dataclass
class Names:
    """Every name of this machine is at the address that is said here, each time it is asked for."""

    at: list[str] = field(default_factory=lambda: ["127.0.0.1"])
    asked: list[str] = field(default_factory=list[str])

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        self.asked.append(host)
        return [self.at.pop(0) if len(self.at) > 1 else self.at[0]]


@pytest.fixture
async def pages() -> AsyncIterator[Pages]:
    async with Pages() as served:
        yield served


def fetcher(pages: Pages, folder: Path, names: Names | None = None, *more: str, limit_s: float = 30.0) -> Fetch:
    host = f"pages.test:{pages.port}"
    policy = Policy(hosts=(host, *more), networks=("127.0.0.0/8",))
    outward = Outward(map(ip_network, policy.networks), names or Names())
    return Fetch(assignment_at(folder, "fetch", hosts=(host, *more)), policy, outward, limit_s)


async def fetch(tool: Fetch, url: str, **more: Any) -> ToolResult:
    assert tool.refusal({"url": url}) is None
    return await tool.perform({"url": url, **more}, KEY)


async def test_a_page_is_read(pages: Pages, tmp_path: Path) -> None:
    pages.put("/a", "<p>está</p>".encode(), HTML)
    tool = fetcher(pages, tmp_path)

    result = await fetch(tool, f"http://pages.test:{pages.port}/a?b=c")

    assert result == ToolResult(
        f"HTTP 200, text/html, 12 bytes, from http://pages.test:{pages.port}/a?b=c\n<p>está</p>"
    )
    assert pages.headers[0]["host"] == f"pages.test:{pages.port}"
    assert pages.headers[0]["accept-encoding"] == "identity"
    assert "authorization" not in pages.headers[0]
    assert (tool.spec.effect, tool.spec.repeatable) == ("none", True)


async def test_a_redirect_within_the_hosts_is_followed(pages: Pages, tmp_path: Path) -> None:
    pages.leads("/a", "/b#part")
    pages.put("/b", b"there", HTML)

    result = await fetch(fetcher(pages, tmp_path), f"http://pages.test:{pages.port}/a")

    assert result.text.endswith(f"from http://pages.test:{pages.port}/b\nthere")
    assert pages.asked == ["/a", "/b"]


@pytest.mark.parametrize(
    "location",
    [
        "http://127.0.0.1:{port}/secret",
        "http://169.254.169.254/latest/meta-data/",
        "http://other.test:{port}/secret",
        "http://pages.test:1{port}/secret",
        "http://pages.test/secret",
        "http://me:pw@pages.test:{port}/secret",
        "https://[::1]:{port}/secret",
        "http://0x7f000001:{port}/secret",
        "file:///etc/passwd",
        "//other.test:{port}/secret",
        "http://pages.test:{port}\\@other.test/secret",
    ],
)
async def test_a_redirect_that_leads_elsewhere_is_refused(pages: Pages, tmp_path: Path, location: str) -> None:
    pages.leads("/a", location.format(port=pages.port))
    pages.put("/secret", b"secret", HTML)

    result = await fetch(fetcher(pages, tmp_path), f"http://pages.test:{pages.port}/a")

    assert result.failed
    assert result.text.startswith("Refused: it leads on to ")
    assert pages.asked == ["/a"]


async def test_redirects_end(pages: Pages, tmp_path: Path) -> None:
    pages.leads("/a", "/a")

    result = await fetch(fetcher(pages, tmp_path), f"http://pages.test:{pages.port}/a")

    assert result == ToolResult("Refused: it leads on more than 5 times.", failed=True)
    assert len(pages.asked) == 6


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://other.test:{port}/", "not among the hosts"),
        ("http://pages.test:1/", "not among the hosts"),
        ("https://pages.test/", "not among the hosts"),
        ("http://me:pw@pages.test:{port}/", "credentials"),
        ("http://127.0.0.1:{port}/", "is an address"),
        ("http://[::1]:{port}/", "is no host"),
        ("ftp://pages.test:{port}/", "https://"),
        ("http://pages.test:{port}/#a", "fragment"),
        ("pages.test", "https://"),
    ],
)
async def test_what_is_forbidden_is_refused_before_anything(pages: Pages, tmp_path: Path, url: str, why: str) -> None:
    names = Names()

    refusal = fetcher(pages, tmp_path, names).refusal({"url": url.format(port=pages.port)})

    assert why in (refusal or "")
    assert (names.asked, pages.asked) == ([], [])


async def test_the_policy_has_the_last_word(pages: Pages, tmp_path: Path) -> None:
    host = f"pages.test:{pages.port}"
    tool = Fetch(assignment_at(tmp_path, "fetch", hosts=(host,)), Policy(networks=("127.0.0.0/8",)), Outward())

    assert "policy" in (tool.refusal({"url": f"http://{host}/"}) or "")


async def test_only_https_where_the_policy_opens_no_network(pages: Pages, tmp_path: Path) -> None:
    host = f"pages.test:{pages.port}"
    tool = Fetch(assignment_at(tmp_path, "fetch", hosts=(host,)), Policy(hosts=(host,)), Outward())

    assert tool.refusal({"url": f"http://{host}/"}) == "Only https is asked."


@pytest.mark.parametrize("address", ["127.0.0.1", "169.254.169.254", "10.0.0.1", "::1", "::ffff:127.0.0.1"])
async def test_a_name_that_leads_inside_is_refused(pages: Pages, tmp_path: Path, address: str) -> None:
    """Public names may have any address; none that is not public is asked, whatever the name."""
    policy = Policy(hosts=("pages.test",))
    tool = Fetch(assignment_at(tmp_path, "fetch", hosts=("pages.test",)), policy, Outward((), Names([address])))

    result = await fetch(tool, "https://pages.test/")

    assert result.failed
    assert "no public address" in result.text
    assert pages.asked == []


async def test_a_name_that_moves_between_redirects_is_judged_again(pages: Pages, tmp_path: Path) -> None:
    pages.leads("/a", "/b")
    names = Names(["127.0.0.1", "10.0.0.1"])

    result = await fetch(fetcher(pages, tmp_path, names), f"http://pages.test:{pages.port}/a")

    assert result.failed
    assert "no public address" in result.text
    assert pages.asked == ["/a"]


async def test_a_long_page_is_cut_and_read_on(pages: Pages, tmp_path: Path) -> None:
    pages.put("/long", b"".join(b"%06d\n" % n for n in range(10_000)), HTML)
    tool = fetcher(pages, tmp_path)

    first = await fetch(tool, f"http://pages.test:{pages.port}/long")
    second = await fetch(tool, f"http://pages.test:{pages.port}/long", start=19_500)

    assert len(first.text) <= 20_000
    assert first.text.endswith("(It has 70000 characters; the next one is at 19500.)")
    assert second.text.splitlines()[1] == f"{19_500 // 7:06d}"[19_500 % 7 :]


async def test_an_endless_page_is_cut(pages: Pages, tmp_path: Path) -> None:
    result = await fetch(fetcher(pages, tmp_path), f"http://pages.test:{pages.port}/endless")

    assert f"the first {MOST_BYTES} bytes" in result.text
    assert len(result.text) <= 20_000


async def test_what_is_no_text_is_not_told(pages: Pages, tmp_path: Path) -> None:
    pages.put("/image", b"\x89PNG\r\n\x1a\n\0\0\0", (b"content-type", b"image/png"))

    result = await fetch(fetcher(pages, tmp_path), f"http://pages.test:{pages.port}/image")

    assert result.failed
    assert result.text == (
        f"HTTP 200, image/png, 11 bytes, from http://pages.test:{pages.port}/image: that is no text."
    )


async def test_what_is_compressed_is_refused(pages: Pages, tmp_path: Path) -> None:
    pages.put("/zip", b"\x1f\x8b", HTML, (b"content-encoding", b"gzip"))

    result = await fetch(fetcher(pages, tmp_path), f"http://pages.test:{pages.port}/zip")

    assert result.failed
    assert "compressed" in result.text


async def test_a_failure_of_the_server_is_told(pages: Pages, tmp_path: Path) -> None:
    result = await fetch(fetcher(pages, tmp_path), f"http://pages.test:{pages.port}/nowhere")

    assert result.failed
    assert result.text.startswith("HTTP 404, text/html, 8 bytes")
    assert result.text.endswith("not here")


async def test_a_server_that_is_slow_or_away_is_told(tmp_path: Path) -> None:
    async with Pages() as pages:
        tool = fetcher(pages, tmp_path, limit_s=0.3)
        slow = await fetch(tool, f"http://pages.test:{pages.port}/slow")
    away = await fetch(tool, f"http://pages.test:{pages.port}/")

    assert slow == ToolResult("There was no whole answer within 0.3 s.", failed=True)
    assert away == ToolResult("It cannot be read (ConnectError).", failed=True)


async def test_it_is_offered_where_it_is_wanted(tmp_path: Path) -> None:
    box = FetchToolbox(Policy(), Outward())

    [tool] = await box.tools(assignment_at(tmp_path, "fetch", hosts=("example.org",)), ["fetch", "run_command"])

    assert "example.org" in tool.spec.description
    assert await box.tools(assignment_at(tmp_path), ["run_command"]) == []
    assert tool.summary({"url": "https://example.org/\x1b[31m" + "x" * 5000}).startswith(
        "fetch https://example.org/ [31m"
    )
