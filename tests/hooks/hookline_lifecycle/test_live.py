"""A real gateway with every bundled plugin, over the sandbox, and the official client before it."""

from __future__ import annotations

import json
from collections.abc import Iterator

import openai
import pytest

from hookline_openai.model_table import bundled
from live_gateway import KEY, Server, run_server

# A chat model whose end is not announced; its row is given one that no machine's clock will reach.
MODEL = next(
    one.id for one in bundled() if one.kind == "chat" and not one.is_reasoning and not one.shutdown_on
)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A gateway over the sandbox inside it, with a file of models."""
    folder = tmp_path_factory.mktemp("lifecycle")
    file = folder / "models.json"
    row = {"id": MODEL, "deprecated_on": "2026-01-01", "shutdown_on": "2999-12-31"}
    file.write_text(json.dumps({"models": [row]}))
    with run_server(folder, HOOKLINE_SANDBOX="1", HOOKLINE_OPENAI_MODELS_FILE=str(file)) as server:
        yield server


@pytest.fixture
def client(server: Server) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{server.url}/v1", api_key=KEY) as client:
        yield client


def test_a_completion_through_chat_is_the_same_whole_and_streamed(client: openai.OpenAI) -> None:
    raw = client.completions.with_raw_response.create(model=MODEL, prompt="Once", max_tokens=100)
    assert raw.headers["deprecation"].startswith("@")
    assert raw.headers["sunset"] == "Tue, 31 Dec 2999 00:00:00 GMT"
    assert "endpoint_deprecated" in raw.headers["x-hookline-warnings"]
    plain = raw.parse()
    assert (plain.object, plain.choices[0].finish_reason) == ("text_completion", "stop")
    assert plain.choices[0].text.startswith("Simulated answer to: Once")
    chunks = list(client.completions.create(model=MODEL, prompt="Once", max_tokens=100, stream=True))
    assert len(chunks) > 4
    assert "".join(choice.text for chunk in chunks for choice in chunk.choices) == plain.choices[0].text


def test_a_retired_model_is_not_found(client: openai.OpenAI) -> None:
    with pytest.raises(openai.NotFoundError) as caught:
        client.chat.completions.create(model="gpt-4-32k", messages=[{"role": "user", "content": "hi"}])
    assert (caught.value.code, caught.value.param) == ("model_retired", "model")


def test_a_deprecated_model_says_when_it_ends(client: openai.OpenAI) -> None:
    raw = client.chat.completions.with_raw_response.create(
        model=MODEL, messages=[{"role": "user", "content": "hi"}]
    )
    assert raw.headers["sunset"] == "Tue, 31 Dec 2999 00:00:00 GMT"
    assert "model_deprecated" in raw.headers["x-hookline-warnings"]
    assert raw.parse().choices[0].message.content == "Simulated answer to: hi"
