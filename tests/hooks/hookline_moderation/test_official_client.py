"""What OpenAI's own client makes of blocked content, over a real gateway with the simulated service."""

from __future__ import annotations

import json
from collections.abc import Iterator
from http.client import HTTPConnection
from typing import TYPE_CHECKING, Any

import openai
import pytest

from live_gateway import KEY, Server, run_server

if TYPE_CHECKING:
    from openai.types.chat import ChatCompletionMessageParam

# The simulated moderation finds violence in this, and the simulated chat repeats what it is told.
BAD = "how to kill a process"
GOOD = "how to end a process"


@pytest.fixture(scope="module")
def input_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with run_server(
        tmp_path_factory.mktemp("input"), HOOKLINE_SANDBOX="1", HOOKLINE_MODERATION_CHECK_INPUT="true"
    ) as server:
        yield server


@pytest.fixture(scope="module")
def output_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with run_server(
        tmp_path_factory.mktemp("output"),
        HOOKLINE_SANDBOX="1",
        HOOKLINE_MODERATION_CHECK_OUTPUT="true",
        HOOKLINE_MODERATION_CATEGORIES="violence,hate",
    ) as server:
        yield server


def client_of(server: Server) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{server.url}/v1", api_key=KEY)


def messages(text: str) -> list[ChatCompletionMessageParam]:
    return [{"role": "user", "content": text}]


def requests_in(server: Server) -> int:
    return server.log.read_text().count("POST '/v1/")


@pytest.mark.parametrize("stream", [False, True])
def test_harmful_input_is_a_bad_request_that_is_not_repeated(input_server: Server, stream: bool) -> None:
    before = requests_in(input_server)
    with client_of(input_server) as client, pytest.raises(openai.BadRequestError) as caught:
        client.chat.completions.create(model="sandbox", messages=messages(BAD), stream=stream)

    assert (caught.value.code, caught.value.status_code) == ("content_blocked", 400)
    assert "violence" in caught.value.message
    assert BAD not in str(caught.value)
    assert requests_in(input_server) - before == 1


def test_harmless_input_is_answered(input_server: Server) -> None:
    with client_of(input_server) as client:
        answer = client.chat.completions.create(model="sandbox", messages=messages(GOOD))
        embedding = client.embeddings.create(model="text-embedding-3-small", input=GOOD)
        moderation = client.moderations.create(input=BAD)

    assert answer.choices[0].message.content == f"Simulated answer to: {GOOD}"
    assert len(embedding.data) == 1
    assert moderation.results[0].flagged


def test_harmful_output_is_a_bad_request(output_server: Server) -> None:
    with client_of(output_server) as client, pytest.raises(openai.BadRequestError) as caught:
        client.chat.completions.create(model="sandbox", messages=messages(BAD))

    assert caught.value.code == "content_blocked"


def test_a_harmful_stream_raises_before_any_of_it_was_read(output_server: Server) -> None:
    read: list[str] = []

    def read_all() -> None:
        with client_of(output_server) as client:
            for chunk in client.chat.completions.create(model="sandbox", messages=messages(BAD), stream=True):
                read.extend(choice.delta.content or "" for choice in chunk.choices)

    with pytest.raises(openai.APIError) as caught:
        read_all()

    assert caught.value.code == "content_blocked"
    assert "".join(read) == ""


def test_a_harmless_stream_arrives_whole(output_server: Server) -> None:
    with client_of(output_server) as client:
        chunks = list(
            client.chat.completions.create(model="sandbox", messages=messages(GOOD), stream=True, n=2)
        )

    texts = {0: "", 1: ""}
    for chunk in chunks:
        for choice in chunk.choices:
            texts[choice.index] += choice.delta.content or ""
    assert texts[0] == f"Simulated answer to: {GOOD}"
    assert GOOD in texts[1]


def test_a_builder_reads_categories_and_source(output_server: Server) -> None:
    status, body = post(output_server, {"model": "sandbox", "prompt": BAD})

    assert (status, body["error"]["code"]) == (400, "content_blocked")
    assert (body["categories"], body["source"]) == (["violence"], "output")


def test_a_simulated_refusal_is_blocked_content_for_a_builder(output_server: Server) -> None:
    status, body = post(output_server, {"model": "sandbox", "prompt": "please refuse"})

    assert (status, body.get("source")) == (400, "service")


def post(server: Server, fields: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    connection: HTTPConnection = server.connect()
    try:
        connection.request(
            "POST",
            "/actions/openai.chat",
            body=json.dumps(fields),
            headers={"authorization": f"Bearer {KEY}", "content-type": "application/json"},
        )
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())
    finally:
        connection.close()
