"""The stand-in holds clients to the letter of both APIs: the real SDKs and plain requests, over its socket."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import anthropic
import httpx
import openai
import pytest
from tests.standins import ModelStandIn, Tokens, calls_tool, cuts, huge, overloaded, refuses, says, stalls
from tests.standins.server import KEY

USER = {"role": "user", "content": "hello"}
CLAUDE: dict[str, Any] = {"model": "claude-sonnet-5", "max_tokens": 100}
TOOL = {"name": "look", "description": "looks", "input_schema": {"type": "object", "properties": {}}}


@pytest.fixture
async def provider() -> AsyncIterator[ModelStandIn]:
    async with ModelStandIn() as made:
        yield made


@pytest.fixture
async def claude(provider: ModelStandIn) -> AsyncIterator[anthropic.AsyncAnthropic]:
    async with anthropic.AsyncAnthropic(api_key=KEY, base_url=provider.url, max_retries=0, timeout=5) as client:
        yield client


@pytest.fixture
async def gpt(provider: ModelStandIn) -> AsyncIterator[openai.AsyncOpenAI]:
    async with openai.AsyncOpenAI(api_key=KEY, base_url=f"{provider.url}/v1", max_retries=0, timeout=5) as client:
        yield client


async def test_the_anthropic_sdk_hears_what_is_scripted(
    provider: ModelStandIn, claude: anthropic.AsyncAnthropic
) -> None:
    provider.script(says("good day", Tokens(11, 2, cache_read=5, cache_write=7)))

    answer = await claude.messages.create(**CLAUDE, messages=[USER])

    assert answer.content[0].text == "good day"
    usage = answer.usage
    assert (usage.input_tokens, usage.output_tokens) == (11, 2)
    assert (usage.cache_read_input_tokens, usage.cache_creation_input_tokens) == (5, 7)
    assert provider.sent(KEY)


@pytest.mark.parametrize("written", ["float", "base64"])
async def test_the_openai_sdk_has_texts_embedded(provider: ModelStandIn, gpt: openai.AsyncOpenAI, written: Any) -> None:
    provider.models.append("text-embedding-3-small")
    provider.same = {"flood": "tide"}

    answer = await gpt.embeddings.create(
        model="text-embedding-3-small", input=["high tide", "high flood", "wind"], encoding_format=written
    )

    tide, flood, wind = (each.embedding for each in answer.data)
    assert tide == flood != wind
    assert answer.usage.prompt_tokens == 3 + 3 + 1
    assert [each.body["model"] for each in provider.embedded] == ["text-embedding-3-small"]


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        ({"input": "x"}, "model"),
        ({"model": "gpt-5", "input": []}, "input"),
        ({"model": "gpt-5", "input": [""]}, "empty"),
        ({"model": "gpt-5", "input": "x", "encoding_format": "xml"}, "encoding_format"),
        ({"model": "nobody", "input": "x"}, "nobody"),
    ],
)
async def test_embeddings_that_nobody_serves_are_refused(
    provider: ModelStandIn, body: dict[str, Any], fault: str
) -> None:
    async with httpx.AsyncClient(base_url=provider.url, headers={"authorization": f"Bearer {KEY}"}) as client:
        answer = await client.post("/v1/embeddings", json=body)

    assert answer.status_code in (400, 404)
    assert fault in answer.json()["error"]["message"]


async def test_the_anthropic_sdk_streams(provider: ModelStandIn, claude: anthropic.AsyncAnthropic) -> None:
    provider.script(says("a text that comes in several pieces", Tokens(3, 9)), calls_tool("look", at="the sea"))

    async with claude.messages.stream(**CLAUDE, messages=[USER]) as stream:
        text = "".join([piece async for piece in stream.text_stream])
        spoken = await stream.get_final_message()
    async with claude.messages.stream(**CLAUDE, messages=[USER], tools=[TOOL]) as stream:
        called = await stream.get_final_message()

    assert (text, spoken.usage.output_tokens) == ("a text that comes in several pieces", 9)
    assert (called.content[0].name, called.content[0].input) == ("look", {"at": "the sea"})
    assert called.stop_reason == "tool_use"


async def test_the_openai_sdk_hears_and_streams(provider: ModelStandIn, gpt: openai.AsyncOpenAI) -> None:
    provider.script(says("good day", Tokens(11, 2, cache_read=5)), says("in several pieces, as a stream", Tokens(4, 6)))

    answer = await gpt.chat.completions.create(model="gpt-5", messages=[USER])
    stream = await gpt.chat.completions.create(
        model="gpt-5", messages=[USER], stream=True, stream_options={"include_usage": True}
    )
    chunks = [chunk async for chunk in stream]

    assert answer.choices[0].message.content == "good day"
    assert (answer.usage.prompt_tokens, answer.usage.prompt_tokens_details.cached_tokens) == (16, 5)
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert (text, chunks[-1].usage.completion_tokens) == ("in several pieces, as a stream", 6)


@pytest.mark.parametrize(
    ("body", "says_why"),
    [
        ({"model": "claude-sonnet-5", "messages": [USER]}, "max_tokens"),
        ({**CLAUDE, "messages": []}, "at least one message"),
        ({**CLAUDE, "messages": [{"role": "assistant", "content": "x"}]}, "first message"),
        ({**CLAUDE, "messages": [USER, USER]}, "alternate"),
        ({**CLAUDE, "messages": [{"role": "system", "content": "x"}]}, "user role"),
        ({**CLAUDE, "max_tokens": 0, "messages": [USER]}, "max_tokens"),
        (
            {**CLAUDE, "messages": [{"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t1"}]}]},
            "unexpected tool_use_id",
        ),
        (
            {
                **CLAUDE,
                "messages": [
                    USER,
                    {"role": "assistant", "content": [{"type": "tool_use", "id": "t1", "name": "look", "input": {}}]},
                    USER,
                ],
            },
            "without tool_result",
        ),
        ({**CLAUDE, "messages": [USER], "tools": [{"name": "look"}]}, "schema"),
    ],
)
async def test_what_anthropic_would_not_take_is_refused(
    provider: ModelStandIn, claude: anthropic.AsyncAnthropic, body: dict[str, Any], says_why: str
) -> None:
    provider.otherwise = says("never")

    with pytest.raises(anthropic.BadRequestError, match=says_why):
        await claude.post("/v1/messages", body=body, cast_to=object)


@pytest.mark.parametrize(
    ("messages", "says_why"),
    [
        ([{"role": "person", "content": "x"}], "role"),
        ([{"role": "tool", "tool_call_id": "c1", "content": "x"}], "must be a response"),
        ([{"role": "assistant", "content": None, "tool_calls": [{"id": "c1"}]}, USER], "did not have response"),
        ([{"role": "user", "content": None}], "content"),
    ],
)
async def test_what_openai_would_not_take_is_refused(
    provider: ModelStandIn, gpt: openai.AsyncOpenAI, messages: list[Any], says_why: str
) -> None:
    provider.otherwise = says("never")

    with pytest.raises(openai.BadRequestError, match=says_why):
        await gpt.post("/chat/completions", body={"model": "gpt-5", "messages": messages}, cast_to=object)


async def test_a_wrong_key_and_an_unknown_model_are_refused(provider: ModelStandIn) -> None:
    provider.otherwise = says("never")
    for headers in ({"authorization": "Bearer wrong"}, {}):
        async with httpx.AsyncClient(base_url=provider.url, headers=headers) as client:
            answer = await client.post("/v1/chat/completions", json={"model": "gpt-5", "messages": [USER]})
            assert answer.status_code == 401
            assert (await client.get("/v1/models")).status_code == 401
    async with anthropic.AsyncAnthropic(api_key=KEY, base_url=provider.url, max_retries=0) as client:
        with pytest.raises(anthropic.NotFoundError):
            await client.messages.create(model="claude-none", max_tokens=1, messages=[USER])


async def test_faults_come_as_scripted(provider: ModelStandIn, claude: anthropic.AsyncAnthropic) -> None:
    provider.script(refuses(429, retry_after=7), overloaded(), refuses(500))

    with pytest.raises(anthropic.RateLimitError) as limited:
        await claude.messages.create(**CLAUDE, messages=[USER])
    assert limited.value.response.headers["retry-after"] == "7"
    for status in (529, 500):
        with pytest.raises(anthropic.APIStatusError) as failed:
            await claude.messages.create(**CLAUDE, messages=[USER])
        assert failed.value.status_code == status
    with pytest.raises(anthropic.APIStatusError, match="nothing more is scripted"):
        await claude.messages.create(**CLAUDE, messages=[USER])


@pytest.mark.parametrize("stream", [False, True])
async def test_an_answer_is_cut_off(provider: ModelStandIn, stream: bool) -> None:
    provider.script(cuts("a text of some length that is never said whole", after=3))
    body = {**CLAUDE, "messages": [USER], "stream": stream}
    headers = {"x-api-key": KEY, "anthropic-version": "2023-06-01"}

    async with httpx.AsyncClient(base_url=provider.url, headers=headers) as client:
        with pytest.raises(httpx.RemoteProtocolError):
            await client.post("/v1/messages", json=body)


@pytest.mark.parametrize("after", [0, 2])
async def test_an_answer_stalls_until_the_client_goes(provider: ModelStandIn, after: int) -> None:
    provider.script(stalls("a text of some length that is never said", after=after))
    headers = {"x-api-key": KEY, "anthropic-version": "2023-06-01"}

    async with httpx.AsyncClient(base_url=provider.url, headers=headers, timeout=0.3) as client:
        with pytest.raises(httpx.ReadTimeout):
            await client.post("/v1/messages", json={**CLAUDE, "messages": [USER], "stream": True})
    async with asyncio.timeout(5):
        while provider.stalled:
            await asyncio.sleep(0.01)


async def test_a_huge_answer_is_huge(provider: ModelStandIn, claude: anthropic.AsyncAnthropic) -> None:
    provider.script(huge(10_000_000))

    answer = await claude.messages.create(**CLAUDE, messages=[USER])

    assert len(answer.content[0].text) == 10_000_000


async def test_an_answer_ends_at_max_tokens(provider: ModelStandIn, claude: anthropic.AsyncAnthropic) -> None:
    provider.script(says("twelve bytes and then some more"))

    answer = await claude.messages.create(model="claude-sonnet-5", max_tokens=3, messages=[USER])

    assert (answer.content[0].text, answer.usage.output_tokens) == ("twelve bytes", 3)
    assert answer.stop_reason == "max_tokens"


async def test_a_turn_waits_for_the_request_that_it_is_for(provider: ModelStandIn, gpt: openai.AsyncOpenAI) -> None:
    provider.script(says("to the second", holds=("second",)), says("to whoever comes"))

    said = [
        (await gpt.chat.completions.create(model="gpt-5", messages=[{"role": "user", "content": text}]))
        .choices[0]
        .message.content
        for text in ("the first", "the second")
    ]

    assert said == ["to whoever comes", "to the second"]


async def test_everything_that_came_in_can_be_searched(provider: ModelStandIn, gpt: openai.AsyncOpenAI) -> None:
    provider.script(says("yes"))
    await gpt.chat.completions.create(model="gpt-5", messages=[{"role": "user", "content": "a canary"}])

    assert provider.sent("a canary")
    assert provider.sent(KEY)
    assert not provider.sent("another")


async def test_ollama_tells_its_models_and_its_version(provider: ModelStandIn) -> None:
    async with httpx.AsyncClient(base_url=provider.url) as client:
        tags, version = await client.get("/api/tags"), await client.get("/api/version")

    assert {"name": "llama3.2:latest", "model": "llama3.2:latest"} in tags.json()["models"]
    assert version.json()["version"]


def test_it_runs_as_a_process() -> None:
    command = [sys.executable, "-m", "tests.standins", "--otherwise", "from far away"]
    root = Path(__file__).resolve().parents[2]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=root) as process:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        try:
            with httpx.Client(base_url=url, headers={"authorization": f"Bearer {KEY}"}) as client:
                scripted = client.post("/_script", json=[{"text": "first", "tokens": {"input": 1, "output": 2}}])
                body = {"model": "gpt-5", "messages": [USER]}
                said = [client.post("/v1/chat/completions", json=body).json() for _ in range(2)]
                received = client.get("/_received").json()
        finally:
            process.terminate()

    assert scripted.json() == {"left": 1, "stalled": 0}
    assert [each["choices"][0]["message"]["content"] for each in said] == ["first", "from far away"]
    assert [each["path"] for each in received] == ["/v1/chat/completions"] * 2
