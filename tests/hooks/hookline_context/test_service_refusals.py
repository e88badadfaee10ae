"""The service itself finds a prompt too long: all forms of its refusal are acted on like our own."""

from __future__ import annotations

from typing import Any

import pytest

from context_lab import Answer, Lab, echo, refusal, user, words
from hookline.errors import RequestRejectedError
from hookline.upstream import ErrorAnswer, UpstreamRequest, UpstreamResponse
from hookline_context.refusal_numbers import RefusalNumbers, is_overflow, read_numbers
from small_service import Body, streamed, whole

LONG = "context_length_exceeded"
MESSAGES = refusal(
    "This model's maximum context length is 4000 tokens. However, your messages resulted in 5000 tokens. "
    "Please reduce the length of the messages.",
    code=LONG,
)
COMPLETION = refusal(
    "This model's maximum context length is 4000 tokens. However, you requested 5000 tokens (4500 in the "
    "messages, 500 in the completion). Please reduce the length of the messages or completion.",
    code=LONG,
)
FUNCTIONS = refusal(
    "This model's maximum context length is 4000 tokens. However, you requested 5000 tokens (4000 in the "
    "messages, 500 in the functions, 500 in the completion).",
    code=LONG,
)
WITHOUT_NUMBERS = refusal("Your input exceeds the context window of this model.", code=LONG, param="input")
PROMPT = refusal(
    "This model's maximum context length is 4097 tokens, however you requested 5270 tokens (4758 in your "
    "prompt; 512 for the completion). Please reduce your prompt; or completion length.",
    code=None,
    param=None,
)
EMBEDDING = refusal(
    "This model's maximum context length is 8192 tokens, however you requested 10000 tokens (10000 in your "
    "prompt; 0 for the completion). Please reduce your prompt; or completion length.",
    code=None,
    param=None,
)
TOO_MANY = refusal(
    "Requested 309209 tokens, max 300000 tokens per request",
    code="max_tokens_per_request",
    param=None,
)
FORMS = {
    "messages": MESSAGES,
    "completion": COMPLETION,
    "functions": FUNCTIONS,
    "no numbers": WITHOUT_NUMBERS,
    "prompt": PROMPT,
}


def talk(number: int = 20, tokens: int = 50) -> list[dict[str, object]]:
    return [user(words(tokens)) for _ in range(number)]


def numbers(message: str, code: str = LONG) -> RefusalNumbers:
    return read_numbers(RequestRejectedError(message, code=code))


# ---------------------------------------------------------------- reading


@pytest.mark.parametrize(
    ("answer", "read"),
    [
        (MESSAGES, RefusalNumbers(limit=4000, sent=5000, window=4000)),
        (COMPLETION, RefusalNumbers(limit=3500, sent=4500, window=4000)),
        (FUNCTIONS, RefusalNumbers(limit=3500, sent=4500, window=4000)),
        (WITHOUT_NUMBERS, RefusalNumbers()),
        (PROMPT, RefusalNumbers(limit=4097 - 512, sent=4758, window=4097)),
        (EMBEDDING, RefusalNumbers(limit=8192, sent=10000, window=8192)),
    ],
)
def test_numbers_are_read_from_every_form(answer: Answer, read: RefusalNumbers) -> None:
    body = answer(UpstreamRequest(method="POST", base_url="", path="/")).read(max_bytes=10_000)
    message = ErrorAnswer(status=400, headers=(), content=body).json()["error"]["message"]  # type: ignore[index]  # known
    assert numbers(message) == read


def test_the_sum_over_all_texts_is_read() -> None:
    read = numbers("Requested 309,209 tokens, max 300,000 tokens per request", code="max_tokens_per_request")
    assert read == RefusalNumbers(limit=300_000, sent=309_209, is_request=True)
    assert numbers("Too much.", code="max_tokens_per_request").is_request


@pytest.mark.parametrize(
    "message",
    [
        "",
        "maximum context length is 4000 tokens",
        "maximum context length is 4000 tokens, you requested 0 tokens",
        "maximum context length is 4000 tokens, you requested 3000 tokens",
        "maximum context length is 0 tokens, you requested 5 tokens",
        "maximum context length is 4000 tokens, you requested 5000 tokens (9000 in the completion)",
        "maximum context length is 99999999999999999999999999 tokens, you requested 5 tokens",
        "maximum context length is -4 tokens, you requested 1e9 tokens",
    ],
)
def test_absurd_numbers_are_left_out(message: str) -> None:
    assert numbers(message) == RefusalNumbers()


def test_only_the_service_s_own_refusals_count() -> None:
    assert not is_overflow(RequestRejectedError("Too long.", code=LONG))
    answer = ErrorAnswer(status=400, headers=(), content=b"")
    assert is_overflow(RequestRejectedError("Too long.", code=LONG, answer=answer))
    assert not is_overflow(RequestRejectedError("Bad.", code="invalid_value", answer=answer))


# ---------------------------------------------------------------- error


@pytest.mark.parametrize("form", FORMS)
def test_a_refusal_is_told_with_what_weighs_most(form: str) -> None:
    lab = Lab(FORMS[form])
    reply = lab.act("chat", model="some-new-model", messages=[user("Hi"), user(words(100))])
    assert reply.status_code == 400
    assert reply.json["error"]["code"] == LONG
    assert reply.json["weights"][0]["field"] == "messages[1]"
    assert reply.json["tokens"] == 112
    assert reply.json["upstream"]["status"] == 400
    assert "The heaviest: `messages[1]` (user, 104)" in reply.json["detail"]
    assert lab.calls == 1


def test_the_wire_door_hands_the_refusal_on_as_it_came() -> None:
    lab = Lab(MESSAGES)
    reply = lab.wire("/chat/completions", model="some-new-model", messages=[user("Hi")])
    assert reply.status_code == 400
    assert set(reply.json["error"]) == {"message", "type", "param", "code"}
    assert reply.json["error"]["message"].endswith("Please reduce the length of the messages.")
    assert reply.headers["x-should-retry"] == "false"
    assert lab.calls == 1


@pytest.mark.parametrize("code", ["invalid_value", "unknown_parameter", None])
def test_other_refusals_are_none_of_our_business(code: str | None) -> None:
    lab = Lab(refusal("max_tokens is too large: 20480.", code=code), on_overflow="truncate")
    reply = lab.act("chat", model="some-new-model", messages=talk())
    assert (reply.status_code, lab.calls) == (400, 1)
    assert "weights" not in reply.json


# ---------------------------------------------------------------- truncate


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("door", ["action", "wire"])
def test_a_refused_conversation_is_shortened_and_sent_again(form: str, door: str) -> None:
    lab = Lab(FORMS[form], echo, on_overflow="truncate")
    messages = talk()
    if door == "action":
        reply = lab.act("chat", model="some-new-model", messages=messages)
    else:
        reply = lab.wire("/chat/completions", model="some-new-model", messages=messages)
    assert reply.status_code == 200
    assert lab.calls == 2
    assert lab.bodies[0]["messages"] == messages
    kept = lab.bodies[1]["messages"]
    assert 10 <= len(kept) < 20
    assert kept == messages[20 - len(kept) :]
    assert "The service had refused the prompt as too long." in reply.headers["x-hookline-warnings"]


def test_the_share_that_has_to_go_is_that_of_the_service_s_numbers() -> None:
    lab = Lab(MESSAGES, echo, on_overflow="truncate")
    fields: dict[str, Any] = {"model": "some-new-model", "messages": talk(100, 96)}
    assert lab.act("chat", **fields, max_completion_tokens=500).status_code == 200
    assert len(lab.bodies[1]["messages"]) == 78  # 4000 of 5000, less two per cent
    lab = Lab(MESSAGES, echo, on_overflow="truncate")
    assert lab.act("chat", **fields).status_code == 200
    assert len(lab.bodies[1]["messages"]) == 59  # and a quarter is for the answer


def test_without_numbers_it_gets_shorter_each_time_but_not_for_ever() -> None:
    lab = Lab(WITHOUT_NUMBERS, on_overflow="truncate")
    reply = lab.act("chat", model="some-new-model", messages=talk(100))
    assert reply.status_code == 400
    assert lab.calls == 4
    sizes = [len(body["messages"]) for body in lab.bodies]
    assert sizes == sorted(set(sizes), reverse=True)
    assert sizes[-1] > 30


def test_a_conversation_that_cannot_be_shortened_is_refused_after_one_call() -> None:
    lab = Lab(MESSAGES, on_overflow="truncate")
    reply = lab.act("chat", model="some-new-model", prompt=words(100))
    assert (reply.status_code, lab.calls) == (400, 1)
    assert reply.json["weights"][0]["field"] == "prompt"


def test_a_prompt_and_a_text_to_embed_are_shortened_too() -> None:
    lab = Lab(PROMPT, echo, on_overflow="truncate")
    assert lab.act("complete", model="some-new-model", prompt=words(1000)).status_code == 200
    assert lab.calls == 2
    assert len(lab.bodies[1]["prompt"]) < len(words(1000)) * 0.8
    lab = Lab(EMBEDDING, echo, on_overflow="truncate")
    assert lab.act("embed", model="some-new-model", input=["short", words(1000)]).status_code == 200
    assert lab.bodies[1]["input"][0] == "short"
    assert len(lab.bodies[1]["input"][1]) < len(words(1000)) * 0.85


def test_too_many_texts_at_once_cannot_be_shortened() -> None:
    lab = Lab(TOO_MANY, on_overflow="truncate")
    reply = lab.act("embed", model="some-new-model", input=[words(100)] * 5)
    assert (reply.status_code, lab.calls) == (400, 1)
    assert reply.json["error"]["code"] == "max_tokens_per_request"


def in_stream(request: UpstreamRequest) -> UpstreamResponse:
    error = (
        b'data: {"error": {"message": "Your input exceeds the context window of this model.", '
        b'"type": "invalid_request_error", "code": "context_length_exceeded", "param": "input"}}\n\n'
    )
    return streamed(Body([error]))


def fine_stream(request: UpstreamRequest) -> UpstreamResponse:
    chunk = (
        b'data: {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": '
        b'[{"index": 0, "delta": {"role": "assistant", "content": "Hi"}, "finish_reason": "stop"}]}\n\n'
    )
    return streamed(Body([chunk, b"data: [DONE]\n\n"]))


def test_a_refusal_inside_a_stream_that_has_not_begun_is_acted_on_too() -> None:
    lab = Lab(in_stream, fine_stream, on_overflow="truncate")
    reply = lab.wire("/chat/completions", model="some-new-model", messages=talk(), stream=True)
    assert b'"content"' in reply.data
    assert b"[DONE]" in reply.data
    assert lab.calls == 2
    assert len(lab.bodies[1]["messages"]) < 20


# ---------------------------------------------------------------- chunk


def test_a_refused_text_is_run_in_parts() -> None:
    def answer(request: UpstreamRequest) -> UpstreamResponse:
        body: dict[str, Any] = request.body or {}
        return MESSAGES(request) if len(body["messages"][-1]["content"]) > 3000 else echo(request)

    lab = Lab(answer, on_overflow="chunk")
    text = "A sentence. " * 300
    reply = lab.act("chat", model="some-new-model", prompt=text)
    assert reply.status_code == 200
    assert lab.calls == 3
    sent = [body["messages"][-1]["content"] for body in lab.bodies[1:]]
    sent.sort(key=lambda part: not part.startswith(text[:2000]))  # they run at the same time
    assert [part["characters"] for part in reply.json["parts"]] == [len(part) for part in sent]
    assert " ".join(sent) == text.strip()


def test_too_many_texts_at_once_are_sent_in_several_requests() -> None:
    def answer(request: UpstreamRequest) -> UpstreamResponse:
        body: dict[str, Any] = request.body or {}
        return TOO_MANY(request) if len(body["input"]) > 4 else echo(request)

    lab = Lab(answer, on_overflow="chunk")
    reply = lab.act("embed", model="some-new-model", input=[words(100)] * 5)
    assert reply.status_code == 200
    assert len(reply.json["embeddings"]) == 5
    assert sorted(len(body["input"]) for body in lab.bodies) == [1, 4, 5]


def test_what_cannot_be_split_is_told_with_the_reason() -> None:
    lab = Lab(MESSAGES, on_overflow="chunk")
    reply = lab.wire("/chat/completions", model="some-new-model", messages=[user(words(1000))])
    assert (reply.status_code, lab.calls) == (400, 1)
    reply = lab.act("chat", model="some-new-model", prompt=words(1000), json_schema={"type": "object"})
    assert "data cannot be put together" in reply.json["hint"]
    assert lab.calls == 2


def test_a_failure_of_another_kind_is_left_to_others() -> None:
    lab = Lab(lambda request: whole({"error": {"message": "Busy."}}, status=503), on_overflow="truncate")
    assert lab.act("chat", model="some-new-model", messages=talk()).status_code == 502
    assert lab.calls == 1
