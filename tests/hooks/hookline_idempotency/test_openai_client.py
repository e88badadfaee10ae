"""The official client with a key: the same answers, plain and streamed, and waits that it keeps by itself."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import httpx2
import openai
import pytest

from hookline.webhook.app import create_app
from hookline_idempotency import IdempotencyPlugin
from openai_lab import OpenAILab

KEY = {"Idempotency-Key": '"order-4711"'}


@pytest.fixture
def lab() -> Iterator[OpenAILab]:
    lab = OpenAILab([("idempotency", IdempotencyPlugin())])
    yield lab
    lab.gateway.close()


def ask(client: openai.OpenAI, text: str = "ping", *, model: str = "sandbox") -> tuple[str, str | None]:
    raw = client.chat.completions.with_raw_response.create(
        model=model, messages=[{"role": "user", "content": text}], extra_headers=KEY
    )
    return raw.text, raw.headers.get("idempotent-replayed")


def test_a_plain_call_is_given_again(lab: OpenAILab) -> None:
    client = lab.client()
    first, second = ask(client), ask(client)

    assert (first[1], second[1]) == (None, "true")
    assert first[0] == second[0]
    assert len(lab.ledger.sent) == 1


def test_a_stream_is_given_again_chunk_by_chunk(lab: OpenAILab) -> None:
    def stream() -> list[str]:
        chunks = lab.client().chat.completions.create(
            model="sandbox", messages=[{"role": "user", "content": "ping"}], stream=True, extra_headers=KEY
        )
        return [chunk.model_dump_json() for chunk in chunks]

    first, second = stream(), stream()

    assert first == second
    assert len(first) > 3
    assert len(lab.ledger.sent) == 1


def test_another_question_under_the_key_raises_what_the_client_knows(lab: OpenAILab) -> None:
    client = lab.client()
    ask(client)
    with pytest.raises(openai.UnprocessableEntityError) as caught:
        ask(client, "another")
    assert caught.value.code == "idempotency_key_reused"


def test_a_refusal_of_the_service_is_given_again_as_its_own(lab: OpenAILab) -> None:
    client = lab.client()
    for _ in range(2):
        with pytest.raises(openai.BadRequestError):
            ask(client, model="sandbox-status-400")
    assert len(lab.ledger.sent) == 1


def test_while_the_first_runs_the_client_comes_again_by_itself(lab: OpenAILab) -> None:
    """The 409 tells it to, and its second try gets the first one's answer."""
    app = create_app(lab.gateway)
    seen: list[int] = []
    was_refused = threading.Event()

    class Watched(httpx2.WSGITransport):
        def handle_request(self, request: httpx2.Request) -> httpx2.Response:
            response = super().handle_request(request)
            response.headers["retry-after-ms"] = "10"  # the test does not wait for a second
            seen.append(response.status_code)
            if response.status_code == 409:
                assert response.headers["x-should-retry"] == "true"
                assert response.headers["retry-after"] == "1"
                was_refused.set()
            return response

    def client() -> openai.OpenAI:
        http = httpx2.Client(transport=Watched(app=app))
        return openai.OpenAI(
            api_key="none", base_url="http://127.0.0.1/v1", max_retries=100, http_client=http
        )

    answers: list[tuple[str, str | None]] = []
    threads = [
        threading.Thread(target=lambda: answers.append(ask(client(), model="sandbox-slow-first-byte-0.5")))
        for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    assert was_refused.is_set()
    assert {text for text, _ in answers} == {answers[0][0]}
    assert sorted(replayed or "" for _, replayed in answers) == ["", "true"]
    assert seen.count(200) == 2
    assert len(lab.ledger.sent) == 1


def test_a_failure_that_may_have_been_charged_is_not_tried_again_by_the_client(lab: OpenAILab) -> None:
    """It would only get the same answer; another key runs the call again."""
    client = lab.client().with_options(max_retries=2)
    for _ in range(2):
        with pytest.raises(openai.InternalServerError) as caught:
            ask(client, model="sandbox-status-504")
        assert caught.value.status_code == 504
        assert caught.value.response.headers["x-should-retry"] == "false"
    assert len(lab.ledger.sent) == 1
