"""The official OpenAI client, over HTTP, against the gateway over the sandbox, on a day of our choice."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from typing import TYPE_CHECKING, Any

import openai
import pytest
from werkzeug.serving import WSGIRequestHandler, make_server

from hookline.webhook.app import create_app

if TYPE_CHECKING:
    from openai.types.chat import ChatCompletionMessageParam
    from tests.hooks.hookline_lifecycle.conftest import Serve, Served

HI: list[ChatCompletionMessageParam] = [{"role": "user", "content": "hi"}]
ENDS_SOON = {"models": [{"id": "gpt-5.4", "deprecated_on": "2026-06-01", "shutdown_on": "2027-01-14"}]}


class _Quiet(WSGIRequestHandler):
    def log_request(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def listening(served: Served) -> Iterator[openai.OpenAI]:
    """Serve a gateway on loopback, and return a client of it as its users make one."""
    server = make_server("127.0.0.1", 0, create_app(served.gateway), threaded=True, request_handler=_Quiet)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        with openai.OpenAI(base_url=f"http://127.0.0.1:{server.server_port}/v1", api_key="any-key") as client:
            yield client
    finally:
        server.shutdown()
        thread.join(10)
        server.server_close()


@pytest.fixture
def connect(serve: Serve) -> Iterator[Callable[..., tuple[openai.OpenAI, Served]]]:
    """Make a gateway over the sandbox and a client of it."""
    from contextlib import ExitStack

    with ExitStack() as stack:

        def connect(**more: Any) -> tuple[openai.OpenAI, Served]:
            served = serve(sandbox=True, **more)
            return stack.enter_context(listening(served)), served

        yield connect


Connect = Callable[..., tuple["openai.OpenAI", "Served"]]


def test_a_deprecated_model_answers_with_headers_that_programs_can_read(connect: Connect) -> None:
    client, served = connect(models=ENDS_SOON)
    raw = client.chat.completions.with_raw_response.create(model="gpt-5.4", messages=HI)
    assert raw.headers["deprecation"] == "@1780272000"
    assert raw.headers["sunset"] == "Thu, 14 Jan 2027 00:00:00 GMT"
    assert raw.headers["x-hookline-warnings"].startswith(
        "model_deprecated: The model `gpt-5.4` ends on 2027-01-14"
    )
    assert raw.parse().choices[0].finish_reason == "stop"
    assert len(served.sent) == 1


@pytest.mark.parametrize("stream", [False, True])
def test_a_retired_model_is_a_not_found_error_with_its_own_code(connect: Connect, stream: bool) -> None:
    client, served = connect(models=ENDS_SOON, now=date(2027, 1, 14), replacements={"gpt-5.4": "gpt-5.6-sol"})
    with pytest.raises(openai.NotFoundError) as caught:
        client.chat.completions.create(model="gpt-5.4", messages=HI, stream=stream)
    error = caught.value
    assert (error.status_code, error.code, error.param, error.type) == (
        404,
        "model_retired",
        "model",
        "invalid_request_error",
    )
    assert "was retired on 2027-01-14. Use `gpt-5.6-sol`." in error.message
    assert served.sent == []  # nor did the client, with its default of two retries, come back


def test_a_replaced_model_answers_and_says_who_it_is(connect: Connect) -> None:
    client, served = connect(on_retired="replace")
    raw = client.chat.completions.with_raw_response.create(model="gpt-4", messages=HI, max_tokens=50)
    assert raw.headers["x-hookline-warnings"].startswith("model_replaced: ")
    assert raw.parse().model == "gpt-5.6-sol"
    assert [(path, body["model"]) for path, body in served.sent] == [("/chat/completions", "gpt-5.6-sol")]


def test_an_unsupported_parameter_is_a_bad_request_error(connect: Connect) -> None:
    client, served = connect()
    with pytest.raises(openai.BadRequestError) as caught:
        client.chat.completions.create(model="gpt-6.1-sol", messages=HI, temperature=0.2)
    assert (caught.value.code, caught.value.param) == ("unsupported_parameter", "temperature")
    assert served.sent == []


def test_max_tokens_works_with_every_model(connect: Connect) -> None:
    client, served = connect()
    for model in ("gpt-4o", "gpt-5.4", "gpt-6.1-sol"):
        answer = client.chat.completions.create(model=model, messages=HI, max_tokens=500)
        assert answer.choices[0].finish_reason == "stop"
    assert len(served.sent) == 3


def test_a_completion_through_chat_is_a_completion_to_the_client(connect: Connect) -> None:
    client, served = connect(on_retired="replace")
    answer = client.completions.create(
        model="davinci-002", prompt="Once upon a time", max_tokens=200, logprobs=2
    )
    assert answer.object == "text_completion"
    assert answer.id.startswith("cmpl-")
    (choice,) = answer.choices
    assert choice.text.startswith("Simulated answer to: Once upon a time")
    assert choice.finish_reason == "stop"
    assert choice.logprobs is not None
    assert "".join(choice.logprobs.tokens or []) == choice.text
    assert choice.logprobs.text_offset is not None
    assert choice.logprobs.text_offset[0] == 0
    assert answer.usage is not None
    assert answer.usage.completion_tokens > 0
    assert [path for path, _ in served.sent] == ["/chat/completions"]


def test_a_streamed_completion_through_chat_adds_up_to_the_plain_one(connect: Connect) -> None:
    client, served = connect()

    def ask(**more: Any) -> Any:
        return client.completions.create(
            model="gpt-5.4", prompt="Once upon a time", max_tokens=200, echo=True, n=2, **more
        )

    plain = ask()
    chunks = list(ask(stream=True, stream_options={"include_usage": True}))
    texts = {0: "", 1: ""}
    for chunk in chunks:
        assert chunk.object == "text_completion"
        for choice in chunk.choices:
            texts[choice.index] += choice.text
    assert list(texts.values()) == [choice.text for choice in plain.choices]
    assert texts[0].startswith("Once upon a timeSimulated answer")
    assert chunks[-1].usage == plain.usage
    reasons = [one.finish_reason for chunk in chunks for one in chunk.choices if one.finish_reason]
    assert reasons == ["stop", "stop"]
    assert [path for path, _ in served.sent] == ["/chat/completions"] * 2


def test_a_completion_that_breaks_off_is_an_error_to_the_client(connect: Connect) -> None:
    client, served = connect(legacy_completions="always")
    for fault in ("cut", "error-event", "no-done"):
        with pytest.raises(openai.APIError):
            list(client.completions.create(model=f"sandbox-{fault}", prompt="Once upon a time", stream=True))
    assert len(served.sent) == 3


def test_a_fault_of_the_chat_is_the_error_that_it_is(connect: Connect) -> None:
    client, served = connect(legacy_completions="always")
    with pytest.raises(openai.RateLimitError):
        client.with_options(max_retries=0).completions.create(model="sandbox-429", prompt="hi")
    assert len(served.sent) == 1


def test_what_a_chat_cannot_do_is_a_bad_request_error(connect: Connect) -> None:
    client, served = connect()
    with pytest.raises(openai.BadRequestError) as caught:
        client.completions.create(model="gpt-5.4", prompt=["one", "two"])
    assert (caught.value.code, caught.value.param) == ("unsupported_parameter", "prompt")
    assert served.sent == []


def test_a_list_of_models_teaches_the_gateway(connect: Connect) -> None:
    client, served = connect(
        now=date(2026, 11, 22), models={"models": [{"id": "gpt-4o", "shutdown_on": None}]}
    )
    before = client.chat.completions.with_raw_response.create(model="gpt-4o", messages=HI)
    assert "sunset" not in before.headers
    ids = {model.id for model in client.models.list()}
    assert "gpt-4o" in ids
    after = client.chat.completions.with_raw_response.create(model="gpt-4o", messages=HI)
    assert after.headers["sunset"] == "Thu, 14 Jan 2027 00:00:00 GMT"
    assert [path for path, _ in served.sent] == ["/chat/completions", "/models", "/chat/completions"]
