"""Completions that run as chats: what is asked, and in which shape it is answered."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import date
from typing import TYPE_CHECKING, Any

import pytest

from hookline_lifecycle.options import COMPLETION_INSTRUCTION
from small_service import Body, whole

if TYPE_CHECKING:
    from tests.hooks.hookline_lifecycle.conftest import Serve
    from werkzeug.test import TestResponse

    from hookline.upstream import UpstreamRequest

ELSEWHERE = "http://127.0.0.1:9/v1"
SYSTEM = {"role": "system", "content": COMPLETION_INSTRUCTION}
PLAIN, ALWAYS, ON_REQUEST = "gpt-4o", "gpt-6.1-sol", "gpt-5.6-sol"
NOT_FOUND = {"detail": "Not Found"}
DONE = b"data: [DONE]\n\n"


def no_answer(request: UpstreamRequest) -> Any:
    raise AssertionError("the upstream was asked")


def chunk(
    content: str | None = None, reason: str | None = None, index: int = 0, **more: object
) -> dict[str, Any]:
    delta = {} if content is None else {"content": content}
    choice = {"index": index, "delta": delta, "finish_reason": reason, **more}
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": "served",
        "choices": [choice],
    }


def events_of(answer: TestResponse) -> list[Any]:
    """Return the events of a stream: JSON where it is JSON, else bytes."""
    events: list[Any] = []
    for block in re.split(rb"\r?\n\r?\n", answer.data):
        if block.startswith(b"data: "):
            data = block.removeprefix(b"data: ")
            try:
                events.append(json.loads(data))
            except ValueError:
                events.append(data)
    return events


def texts_of(events: list[Any]) -> dict[int, str]:
    texts: dict[int, str] = {}
    for event in events:
        for choice in event.get("choices", ()) if isinstance(event, dict) else ():
            texts[choice["index"]] = texts.get(choice["index"], "") + choice["text"]
    return texts


# ---------------------------------------------------------------- when


def test_a_completion_of_a_chat_model_runs_as_a_chat(serve: Serve) -> None:
    served = serve()
    answer = served.wire("/completions", model="gpt-5.4", prompt="Say hello", max_tokens=5)
    assert answer.status_code == 200
    assert served.sent == [
        (
            "/chat/completions",
            {
                "model": "gpt-5.4",
                "messages": [SYSTEM, {"role": "user", "content": "Say hello"}],
                "max_completion_tokens": 5,
            },
        )
    ]
    assert answer.json == {
        "id": "cmpl-1",
        "object": "text_completion",
        "created": 1,
        "model": "served",
        "usage": {"prompt_tokens": 3, "completion_tokens": 1, "total_tokens": 4},
        "choices": [{"text": "Hello", "index": 0, "logprobs": None, "finish_reason": "stop"}],
    }
    assert answer.headers["deprecation"] == "@1758844800"
    assert answer.headers["link"] == '</v1/chat/completions>; rel="successor-version"'
    assert answer.headers["x-hookline-warnings"] == (
        "endpoint_deprecated: /v1/completions is out of date. This call ran as a chat. "
        "Move to /v1/chat/completions."
    )


def test_the_action_answers_in_its_own_shape(serve: Serve) -> None:
    served = serve()
    answer = served.act("complete", model=PLAIN, prompt="Say hello", max_tokens=5)
    assert answer.status_code == 200, answer.json
    assert (answer.json["text"], answer.json["finish_reason"], answer.json["id"]) == (
        "Hello",
        "stop",
        "cmpl-1",
    )
    assert [one["code"] for one in answer.json["warnings"]] == ["model_deprecated", "endpoint_deprecated"]
    assert "Move to the action `openai.chat`." in answer.json["warnings"][1]["message"]
    assert "link" not in answer.headers
    assert [path for path, _ in served.sent] == ["/chat/completions"]


def test_a_retired_completion_model_goes_to_the_chat_that_replaces_it(serve: Serve) -> None:
    served = serve(on_retired="replace")
    answer = served.wire("/completions", model="text-davinci-003", prompt="hi", temperature=0, max_tokens=9)
    assert answer.status_code == 200, answer.json
    assert served.sent == [
        (
            "/chat/completions",
            {
                "model": "gpt-5.6-terra",
                "messages": [SYSTEM, {"role": "user", "content": "hi"}],
                "max_completion_tokens": 9,
                "reasoning_effort": "none",
                "temperature": 0,
            },
        )
    ]
    codes = [part.partition(":")[0] for part in answer.headers["x-hookline-warnings"].split("; ")]
    assert codes == ["model_replaced", "endpoint_deprecated"]
    assert answer.headers["sunset"] == "Thu, 04 Jan 2024 00:00:00 GMT"


def test_a_completion_model_that_is_served_is_asked_as_before(serve: Serve) -> None:
    native = {"id": "cmpl-9", "object": "text_completion", "choices": [{"text": "x", "index": 0}]}
    served = serve(lambda request: whole(native))
    body = {
        "model": "gpt-3.5-turbo-instruct-0914",
        "prompt": ["a", "b"],
        "echo": True,
        "best_of": 3,
        "suffix": "z",
    }
    answer = served.client.post("/v1/completions", json=body)
    assert answer.json == native
    assert served.sent == [("/completions", body)]
    assert answer.headers["x-hookline-warnings"] == (
        "endpoint_deprecated: /v1/completions is out of date. Move to /v1/chat/completions."
    )


def test_the_action_on_a_served_model_is_not_marked(serve: Serve) -> None:
    served = serve(sandbox=True)
    answer = served.act("complete", model="sandbox-completion", prompt="hi")
    assert (answer.status_code, answer.json["warnings"]) == (200, [])
    assert [path for path, _ in served.sent] == ["/v1/completions".removeprefix("/v1")]


def test_never_leaves_completions_to_the_service(serve: Serve) -> None:
    served = serve(lambda request: whole(NOT_FOUND, status=404), legacy_completions="never")
    assert served.wire("/completions", model=PLAIN, prompt="hi").status_code >= 400
    assert [path for path, _ in served.sent] == ["/completions"]
    refused = serve(no_answer, legacy_completions="never", on_retired="replace")
    assert (
        refused.wire("/completions", model="davinci-002", prompt="hi").json["error"]["code"]
        == "model_retired"
    )


def test_always_asks_for_chats_on_any_server(serve: Serve) -> None:
    served = serve(base_url=ELSEWHERE, legacy_completions="always")
    answer = served.wire("/completions", model="llama", prompt="hi", stop="x", max_tokens=5)
    assert answer.json["object"] == "text_completion"
    message = {"role": "user", "content": "hi"}
    assert served.sent == [
        ("/chat/completions", {"model": "llama", "messages": [SYSTEM, message], "max_tokens": 5, "stop": "x"})
    ]


@pytest.mark.parametrize("given", [{}, {"max_tokens": 5}])
def test_the_limit_has_the_name_that_the_model_knows_on_any_server(
    serve: Serve, given: dict[str, int]
) -> None:
    served = serve(base_url=ELSEWHERE, legacy_completions="always")
    assert served.wire("/completions", model="gpt-5.4", prompt="hi", **given).status_code == 200
    body = served.sent[0][1]
    assert body["max_completion_tokens"] == given.get("max_tokens", 16)
    assert "max_tokens" not in body


# ---------------------------------------------------------------- where the server has no completions


def without_completions(chat: object, refusal: object = NOT_FOUND) -> Callable[[UpstreamRequest], Any]:
    return lambda request: whole(refusal, status=404) if request.path == "/completions" else whole(chat)


@pytest.mark.parametrize(
    "refusal",
    [
        NOT_FOUND,
        b"<html>404</html>",
        {"error": {"message": "Invalid URL (POST /v1/completions)", "type": "invalid_request_error"}},
        {
            "error": {
                "message": "This is a chat model and not supported in the v1/completions endpoint.",
                "param": "model",
            }
        },
    ],
    ids=["json", "html", "openai", "chat model"],
)
def test_a_server_without_completions_is_asked_for_a_chat(
    serve: Serve, chat_answer: Any, refusal: object
) -> None:
    served = serve(without_completions(chat_answer, refusal), base_url=ELSEWHERE)
    answer = served.wire("/completions", model="llama", prompt="hi")
    assert (answer.status_code, answer.json["object"]) == (200, "text_completion")
    assert [path for path, _ in served.sent] == ["/completions", "/chat/completions"]
    assert served.sent[1][1] == {
        "model": "llama",
        "messages": [SYSTEM, {"role": "user", "content": "hi"}],
        "max_tokens": 16,
    }
    assert "endpoint_deprecated" in answer.headers["x-hookline-warnings"]


def test_what_a_server_lacks_is_remembered_for_an_hour_by_model(serve: Serve, chat_answer: Any) -> None:
    served = serve(without_completions(chat_answer), base_url=ELSEWHERE)

    def paths(model: str) -> list[str]:
        served.recorder.sent.clear()
        assert served.wire("/completions", model=model, prompt="hi").status_code == 200
        return [path for path, _ in served.sent]

    assert paths("llama") == ["/completions", "/chat/completions"]
    assert paths("llama") == ["/chat/completions"]
    assert paths("other") == ["/completions", "/chat/completions"]
    served.clock.advance(3601)
    assert paths("llama") == ["/completions", "/chat/completions"]


@pytest.mark.parametrize("door", ["action", "wire"])
def test_the_second_try_works_at_both_doors_and_for_streams(
    serve: Serve, stream_of: Callable[..., Body], door: str
) -> None:
    def answer(request: UpstreamRequest) -> Any:
        if request.path == "/completions":
            return whole(NOT_FOUND, status=404)
        return stream_of(chunk("Hel"), chunk("lo"), chunk(reason="stop"), DONE).response(
            content_type="text/event-stream"
        )

    served = serve(answer, base_url=ELSEWHERE)
    fields = {"model": "llama", "prompt": "hi", "stream": True}
    reply = served.act("complete", **fields) if door == "action" else served.wire("/completions", **fields)
    events = events_of(reply)
    if door == "wire":
        assert events[-1] == b"[DONE]"
        assert texts_of(events) == {0: "Hello"}
    else:
        assert events[-1]["output"]["text"] == "Hello"
    assert [path for path, _ in served.sent] == ["/completions", "/chat/completions"]
    assert served.sent[1][1]["stream"] is True


def test_a_model_that_does_not_exist_is_not_tried_twice(serve: Serve) -> None:
    refusal = {"error": {"message": "The model `x` does not exist", "code": "model_not_found"}}
    served = serve(lambda request: whole(refusal, status=404))
    answer = served.wire("/completions", model="gpt-nobody", prompt="hi")
    assert (answer.status_code, answer.json["error"]["code"]) == (404, "model_not_found")
    assert len(served.sent) == 1


@pytest.mark.parametrize("status", [400, 401, 405, 429, 500])
def test_other_refusals_are_not_taken_for_a_missing_endpoint(serve: Serve, status: int) -> None:
    served = serve(lambda request: whole({"error": {"message": "no"}}, status=status), base_url=ELSEWHERE)
    assert served.wire("/completions", model="llama", prompt="hi").status_code >= 400
    assert len(served.sent) == 1


def test_a_chat_that_is_missing_as_well_ends_the_call(serve: Serve) -> None:
    served = serve(lambda request: whole(NOT_FOUND, status=404), base_url=ELSEWHERE)
    assert served.wire("/completions", model="llama", prompt="hi").status_code == 502
    assert [path for path, _ in served.sent] == ["/completions", "/chat/completions"]


def test_what_cannot_be_asked_as_a_chat_is_said_after_the_first_try(serve: Serve, chat_answer: Any) -> None:
    served = serve(without_completions(chat_answer), base_url=ELSEWHERE)
    answer = served.wire("/completions", model="llama", prompt=["a", "b"])
    assert (answer.status_code, answer.json["error"]["param"]) == (400, "prompt")
    assert [path for path, _ in served.sent] == ["/completions"]


def test_an_unknown_chat_model_of_openai_keeps_to_its_own_rules(serve: Serve, chat_answer: Any) -> None:
    refusal = {"error": {"message": "This is a chat model.", "param": "model"}}
    models = {"models": [{"id": "gpt-3.5-turbo-instruct-0914", "reasoning": None}]}
    served = serve(without_completions(chat_answer, refusal), models=models)
    answer = served.wire("/completions", model="gpt-nobody-knows", prompt="hi", max_tokens=5)
    assert answer.status_code == 200
    assert served.sent[1][1]["max_tokens"] == 5


# ---------------------------------------------------------------- what is asked


@pytest.mark.parametrize(
    ("model", "given", "asked"),
    [
        (PLAIN, {}, {"max_tokens": 16}),
        (PLAIN, {"max_tokens": None}, {"max_tokens": 16}),
        (PLAIN, {"max_tokens": 7}, {"max_tokens": 7}),
        (ALWAYS, {}, {}),
        (ALWAYS, {"max_tokens": 7}, {"max_completion_tokens": 7}),
        (ON_REQUEST, {}, {"max_completion_tokens": 16, "reasoning_effort": "none"}),
        (PLAIN, {"logprobs": 3}, {"max_tokens": 16, "logprobs": True, "top_logprobs": 3}),
        (PLAIN, {"logprobs": 0}, {"max_tokens": 16, "logprobs": True, "top_logprobs": 0}),
        (PLAIN, {"echo": True, "best_of": 1, "suffix": ""}, {"max_tokens": 16}),
        (PLAIN, {"echo": False, "best_of": 2, "n": 2, "suffix": None}, {"max_tokens": 16, "n": 2}),
        (PLAIN, {"stop": ["a", "b"]}, {"max_tokens": 16, "stop": ["a", "b"]}),
        (ON_REQUEST, {"stop": ["a", "b"]}, {"max_completion_tokens": 16, "reasoning_effort": "none"}),
        (
            PLAIN,
            {
                "temperature": 0.1,
                "top_p": 0.2,
                "seed": 4,
                "user": "u",
                "presence_penalty": 1,
                "logit_bias": {"1": 1},
            },
            {
                "max_tokens": 16,
                "temperature": 0.1,
                "top_p": 0.2,
                "seed": 4,
                "user": "u",
                "presence_penalty": 1,
                "logit_bias": {"1": 1},
            },
        ),
    ],
)
@pytest.mark.parametrize("prompt", ["hi", ["hi"]], ids=["text", "list of one"])
def test_fields_become_those_of_a_chat(
    serve: Serve, model: str, given: dict[str, Any], asked: dict[str, Any], prompt: object
) -> None:
    served = serve()
    answer = served.client.post("/v1/completions", json={"model": model, "prompt": prompt, **given})
    assert answer.status_code == 200, answer.json
    messages = [SYSTEM, {"role": "user", "content": "hi"}]
    assert served.sent == [("/chat/completions", {"model": model, "messages": messages, **asked})]


def test_the_instruction_can_be_changed_and_left_out(serve: Serve) -> None:
    for instruction, messages in (("Go on.", [{"role": "system", "content": "Go on."}]), ("", [])):
        served = serve(completion_instruction=instruction)
        served.wire("/completions", model=PLAIN, prompt="hi")
        assert served.sent[0][1]["messages"] == [*messages, {"role": "user", "content": "hi"}]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("prompt", ["a", "b"]),
        ("prompt", [1, 2, 3]),
        ("prompt", [[1, 2]]),
        ("prompt", None),
        ("prompt", 5),
        ("prompt", []),
        ("prompt", {}),
        ("best_of", 2),
        ("suffix", "the end"),
        ("max_tokens", 0),
        ("echo", "yes"),
        ("echo", 1),
        ("logprobs", True),
        ("logprobs", "3"),
    ],
    ids=repr,
)
def test_what_a_chat_cannot_do_is_refused_by_name(serve: Serve, field: str, value: object) -> None:
    served = serve(no_answer)
    answer = served.client.post("/v1/completions", json={"model": PLAIN, "prompt": "hi", field: value})
    assert answer.status_code == 400
    error = answer.json["error"]
    assert (error["param"], error["code"]) == (field, "unsupported_parameter")
    assert f"`{field}`" in error["message"]
    assert served.sent == []


def test_echo_does_not_go_with_probabilities(serve: Serve) -> None:
    served = serve(no_answer)
    answer = served.wire("/completions", model=PLAIN, prompt="hi", echo=True, logprobs=1)
    assert answer.json["error"]["param"] == "echo"


def test_stop_texts_that_cannot_be_cut_at_are_judged_as_in_any_chat(serve: Serve) -> None:
    served = serve(no_answer)
    answer = served.wire("/completions", model=ON_REQUEST, prompt="hi", stop="x", logprobs=1)
    assert (answer.status_code, answer.json["error"]["param"]) == (400, "stop")


def test_the_action_refuses_with_the_field_of_its_form(serve: Serve) -> None:
    served = serve(no_answer)
    answer = served.act("complete", model=ALWAYS, prompt="hi", logprobs=2)
    assert (answer.status_code, answer.json["field"]) == (422, "logprobs")
    assert [one["field"] for one in answer.json["problems"]] == ["logprobs"]


# ---------------------------------------------------------------- whole answers


def choice(content: object = "Hello", reason: str = "stop", index: int = 0, **more: object) -> dict[str, Any]:
    message = {"role": "assistant", "content": content, **more.pop("message", {})}  # type: ignore[dict-item]
    return {"index": index, "message": message, "finish_reason": reason, **more}


def answered(
    serve: Serve, *choices: dict[str, Any], model: str = PLAIN, **fields: object
) -> list[dict[str, Any]]:
    """Return the choices of a completion whose chat answered with these."""
    served = serve(
        lambda request: whole({"id": "chatcmpl-1", "object": "chat.completion", "choices": list(choices)})
    )
    answer = served.wire("/completions", model=model, prompt="Say: ", **fields)
    assert answer.status_code == 200, answer.json
    found: list[dict[str, Any]] = answer.json["choices"]
    return found


def test_choices_keep_index_and_reason(serve: Serve) -> None:
    found = answered(
        serve, choice("a", "length", 0), choice("b", "content_filter", 1), choice("c", "tool_calls", 2), n=3
    )
    assert [(one["text"], one["index"], one["finish_reason"]) for one in found] == [
        ("a", 0, "length"),
        ("b", 1, "content_filter"),
        ("c", 2, "stop"),
    ]


def test_an_echo_stands_before_each_choice(serve: Serve) -> None:
    found = answered(serve, choice("a"), choice("b", index=1), n=2, echo=True)
    assert [one["text"] for one in found] == ["Say: a", "Say: b"]


def test_a_refusal_is_its_text_and_told_as_filtered(serve: Serve) -> None:
    (found,) = answered(serve, choice(None, message={"refusal": "I cannot."}))
    assert (found["text"], found["finish_reason"]) == ("I cannot.", "content_filter")
    (empty,) = answered(serve, choice(None))
    assert (empty["text"], empty["finish_reason"]) == ("", "stop")


def test_a_text_is_cut_where_the_model_could_not_be_told_to_stop(serve: Serve) -> None:
    cut = answered(
        serve,
        choice("one\nEND two", "length"),
        choice("none", "length", 1),
        model=ON_REQUEST,
        stop=["END", "\n"],
    )
    assert [(one["text"], one["finish_reason"]) for one in cut] == [("one", "stop"), ("none", "length")]
    (left,) = answered(serve, choice("one\ntwo"), stop="\n")
    assert left["text"] == "one\ntwo"


def test_probabilities_take_the_shape_of_completions(serve: Serve) -> None:
    def token(text: str, logprob: float) -> dict[str, Any]:
        return {"token": text, "logprob": logprob, "bytes": None}

    content = [
        {**token("Hel", -0.5), "top_logprobs": [token("Hel", -0.5), token("Ha", -1.5)]},
        {**token("lo", -0.25), "top_logprobs": []},
    ]
    (found,) = answered(serve, choice("Hello", logprobs={"content": content, "refusal": None}), logprobs=2)
    assert found["logprobs"] == {
        "tokens": ["Hel", "lo"],
        "token_logprobs": [-0.5, -0.25],
        "top_logprobs": [{"Hel": -0.5, "Ha": -1.5}, {}],
        "text_offset": [0, 3],
    }
    (unasked,) = answered(serve, choice("Hello", logprobs={"content": content}))
    assert unasked["logprobs"] is None


@pytest.mark.parametrize(
    "logprobs", [None, 1, "x", [], {}, {"content": None}, {"content": 1}, {"content": [1]}], ids=repr
)
def test_probabilities_that_cannot_be_read_are_none(serve: Serve, logprobs: object) -> None:
    (found,) = answered(serve, choice("Hello", logprobs=logprobs), logprobs=1)
    assert found["logprobs"] is None


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"choices": None},
        {"choices": {}},
        {"choices": [1]},
        {"choices": [{}]},
        {"choices": [{"message": 1}]},
        {"choices": [{"text": "as it should be", "index": 0, "finish_reason": "stop"}]},
        [],
        "text",
        None,
        1,
    ],
    ids=repr,
)
def test_what_is_no_chat_s_answer_is_passed_as_it_is(serve: Serve, answer: object) -> None:
    served = serve(lambda request: whole(answer))
    reply = served.wire("/completions", model=PLAIN, prompt="hi")
    assert reply.status_code == 200
    assert json.loads(reply.data) == answer
    refused = served.act("complete", model=PLAIN, prompt="hi")
    is_usable = isinstance(answer, dict) and "text" in json.dumps(answer)
    assert refused.status_code == (200 if is_usable else 502)
    assert len(served.sent) == 2


def test_an_answer_that_is_no_json_is_an_invalid_upstream_answer(serve: Serve) -> None:
    for content in (b"", b"<html>", b'{"choices": ['):
        served = serve(lambda request, content=content: whole(content))  # type: ignore[misc]
        reply = served.wire("/completions", model=PLAIN, prompt="hi")
        assert (reply.status_code, reply.json["error"]["code"]) == (502, "invalid_upstream_answer")
        assert len(served.sent) == 1


def test_refusals_of_the_chat_are_passed_as_they_are(serve: Serve) -> None:
    refusal = {
        "error": {"message": "Too long", "type": "invalid_request_error", "param": "messages", "code": "x"}
    }
    served = serve(lambda request: whole(refusal, status=400))
    reply = served.wire("/completions", model=PLAIN, prompt="hi")
    assert (reply.status_code, reply.json) == (400, refusal)
    assert "endpoint_deprecated" in reply.headers["x-hookline-warnings"]
    assert len(served.sent) == 1


def test_headers_of_the_upstream_stay_but_for_the_body_s(serve: Serve, chat_answer: Any) -> None:
    headers = {"x_request_id": "req_1", "openai_version": "2020-10-01", "content_length": "5"}
    served = serve(lambda request: whole(chat_answer, **headers))
    reply = served.wire("/completions", model=PLAIN, prompt="hi")
    assert (reply.headers["x-request-id"], reply.headers["openai-version"]) == ("req_1", "2020-10-01")
    assert int(reply.headers["content-length"]) == len(reply.data) > 5


def test_the_connection_is_given_back_after_a_whole_answer(serve: Serve, chat_answer: Any) -> None:
    body = Body([json.dumps(chat_answer).encode()])
    assert (
        serve(lambda request: body.response()).wire("/completions", model=PLAIN, prompt="hi").status_code
        == 200
    )
    assert body.is_read
    assert body.closed == 1


# ---------------------------------------------------------------- streams


def stream(
    serve: Serve, body: Body, *, model: str = PLAIN, door: str = "wire", **fields: object
) -> list[Any]:
    served = serve(lambda request: body.response(content_type="text/event-stream"))
    given = {"model": model, "prompt": "Say: ", "stream": True, **fields}
    reply = served.wire("/completions", **given) if door == "wire" else served.act("complete", **given)
    assert reply.status_code == 200
    events = events_of(reply)
    assert len(served.sent) == 1
    assert served.sent[0][0] == "/chat/completions"
    assert body.is_closed_soon()
    return events


def test_a_stream_is_rewritten_chunk_by_chunk(serve: Serve, stream_of: Callable[..., Body]) -> None:
    usage = {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}
    first = chunk("", role="x")
    events = stream(
        serve,
        stream_of(
            first,
            b": a comment\n\n",
            chunk("Hel"),
            chunk("lo"),
            chunk(reason="stop"),
            {**chunk(), "choices": [], "usage": usage},
            DONE,
        ),
        stream_options={"include_usage": True},
    )
    head = {"id": "cmpl-1", "object": "text_completion", "created": 1, "model": "served"}

    def piece(text: str, reason: str | None = None) -> dict[str, Any]:
        return {**head, "choices": [{"text": text, "index": 0, "logprobs": None, "finish_reason": reason}]}

    assert events == [
        piece(""),
        piece("Hel"),
        piece("lo"),
        piece("", "stop"),
        {**head, "choices": [], "usage": usage},
        b"[DONE]",
    ]


def test_the_action_s_stream_ends_with_the_whole_output(serve: Serve, stream_of: Callable[..., Body]) -> None:
    events = stream(
        serve, stream_of(chunk("Hel"), chunk("lo"), chunk(reason="stop"), DONE), door="action", echo=True
    )
    assert [event.get("text") for event in events[:-1]] == ["Say: Hel", "lo"]
    assert events[-1]["output"]["text"] == "Say: Hello"
    assert [one["code"] for one in events[-1]["output"]["warnings"]] == [
        "model_deprecated",
        "endpoint_deprecated",
    ]


def test_choices_of_a_stream_have_each_their_own_echo_and_stop(
    serve: Serve, stream_of: Callable[..., Body]
) -> None:
    events = stream(
        serve,
        stream_of(
            chunk("one E", index=0),
            chunk("two", index=1),
            chunk("ND more", index=0),
            chunk(" E", index=1),
            chunk(reason="length", index=0),
            chunk(reason="length", index=1),
            DONE,
        ),
        model=ON_REQUEST,
        n=2,
        echo=True,
        stop="END",
    )
    assert texts_of(events) == {0: "Say: one ", 1: "Say: two E"}
    ends = [one for event in events[:-1] for one in event["choices"] if one["finish_reason"]]
    assert [(one["index"], one["finish_reason"]) for one in ends] == [(0, "stop"), (1, "length")]


def test_a_refusal_in_a_stream_is_told_as_filtered(serve: Serve, stream_of: Callable[..., Body]) -> None:
    refused = [
        {**chunk(), "choices": [{"index": 0, "delta": {"refusal": text}, "finish_reason": None}]}
        for text in ("", "I ca", "nnot.")
    ]
    events = stream(serve, stream_of(*refused, chunk(reason="stop"), DONE))
    assert texts_of(events) == {0: "I cannot."}
    assert events[-2]["choices"][0]["finish_reason"] == "content_filter"


def test_probabilities_of_a_stream_count_on(serve: Serve, stream_of: Callable[..., Body]) -> None:
    def told(text: str) -> dict[str, Any]:
        return chunk(text, logprobs={"content": [{"token": text, "logprob": -1, "top_logprobs": []}]})

    events = stream(serve, stream_of(told("Hel"), told("lo"), chunk(reason="stop"), DONE), logprobs=0)
    offsets = [
        one["choices"][0]["logprobs"] and one["choices"][0]["logprobs"]["text_offset"] for one in events[:-1]
    ]
    assert offsets == [[0], [3], None]


def test_a_stream_is_the_same_however_the_network_cuts_it(
    serve: Serve, stream_of: Callable[..., Body]
) -> None:
    events = [chunk("Grüße "), chunk("日本"), chunk(reason="stop"), DONE]
    content = b"".join(stream_of(*events).chunks())
    expected = stream(serve, Body([content]))
    assert texts_of(expected) == {0: "Grüße 日本"}
    for size in (1, 2, 7, 64):
        parts = [content[at : at + size] for at in range(0, len(content), size)]
        assert stream(serve, Body(parts)) == expected
    assert stream(serve, Body([content.replace(b"\n", b"\r\n")])) == expected


def test_a_cut_stream_stays_cut(serve: Serve, stream_of: Callable[..., Body]) -> None:
    from hookline.errors import StreamInterruptedError

    for body in (
        stream_of(chunk("Hel")),
        stream_of(chunk("Hel"), StreamInterruptedError("gone")),
        stream_of(chunk("Hel"), b'data: {"id": "chat'),
        stream_of(chunk("Hel"), chunk(reason="stop")),
    ):
        events = stream(serve, body)
        assert texts_of(events) == {0: "Hel"}
        assert events[-1]["error"]["code"] == "stream_interrupted"
        assert b"[DONE]" not in events


def test_an_error_event_is_kept_as_it_is(serve: Serve, stream_of: Callable[..., Body]) -> None:
    error = {
        "error": {
            "message": "overloaded",
            "type": "server_error",
            "code": "server_is_overloaded",
            "param": None,
        }
    }
    events = stream(serve, stream_of(chunk("Hel"), error))
    assert events[-1] == error
    named = stream(serve, stream_of(chunk("Hel"), b'event: error\ndata: {"message": "no"}\n\n', chunk("x")))
    assert texts_of([event for event in named if "choices" in event])[0].startswith("Hel")


@pytest.mark.parametrize(
    "event",
    [
        b"data: not json\n\n",
        b"data: [1]\n\n",
        b"data: null\n\n",
        b'data: {"choices": 1}\n\n',
        b'data: {"choices": [1]}\n\n',
        b'data: {"choices": [{"delta": 1}]}\n\n',
        b"data:\n\n",
        b"data: \xff\xfe\n\n",
    ],
)
def test_events_that_make_no_sense_are_passed_as_they_are(
    serve: Serve, stream_of: Callable[..., Body], event: bytes
) -> None:
    served = serve(
        lambda request: stream_of(chunk("Hel"), event, chunk("lo", "stop"), DONE).response(
            content_type="text/event-stream"
        )
    )
    reply = served.wire("/completions", model=PLAIN, prompt="hi", stream=True)
    assert event in reply.data
    assert reply.data.endswith(DONE)


def test_a_stream_that_answers_as_a_completion_is_passed_as_it_is(
    serve: Serve, stream_of: Callable[..., Body]
) -> None:
    piece = {
        "id": "x",
        "object": "text_completion",
        "choices": [{"text": "hi", "index": 0, "finish_reason": "stop"}],
    }
    assert stream(serve, stream_of(piece, DONE)) == [piece, b"[DONE]"]


def test_more_choices_than_there_can_be_are_not_collected(
    serve: Serve, stream_of: Callable[..., Body]
) -> None:
    events = stream(serve, stream_of(*(chunk("x", index=number) for number in range(1100)), DONE))
    rewritten = [event for event in events[:-1] if event["object"] == "text_completion"]
    assert len(rewritten) == 1024


def test_a_caller_who_leaves_lets_the_upstream_go(serve: Serve, stream_of: Callable[..., Body]) -> None:
    body = stream_of(*(chunk("x") for _ in range(1000)), DONE)
    served = serve(lambda request: body.response(content_type="text/event-stream"))
    reply = served.client.post(
        "/v1/completions", json={"model": PLAIN, "prompt": "hi", "stream": True}, buffered=False
    )
    pieces = iter(reply.response)
    assert b"text_completion" in next(pieces)
    reply.close()
    assert body.is_closed_soon()


# ---------------------------------------------------------------- edits


def test_an_edit_on_the_wire_is_marked_and_the_action_is_not(serve: Serve) -> None:
    served = serve()
    wire = served.wire("/edits", model="gpt-5.4", input="x", instruction="y")
    assert (wire.status_code, wire.json["object"]) == (200, "edit")
    assert wire.headers["deprecation"] == "@1688601600"
    assert wire.headers["sunset"] == "Thu, 04 Jan 2024 00:00:00 GMT"
    assert wire.headers["link"] == '</v1/chat/completions>; rel="successor-version"'
    assert wire.headers["x-hookline-warnings"] == (
        "endpoint_deprecated: OpenAI closed /v1/edits on 2024-01-04. This call ran as a chat. "
        "Move to /v1/chat/completions."
    )
    action = served.act("edit", model="gpt-5.4", input="x", instruction="y")
    assert action.json["warnings"] == []
    assert "sunset" not in action.headers


def test_an_old_edit_model_is_replaced_by_policy(serve: Serve) -> None:
    served = serve(on_retired="replace")
    answer = served.wire("/edits", model="text-davinci-edit-001", input="x", instruction="y")
    assert answer.status_code == 200, answer.json
    assert served.sent[0][1]["model"] == "gpt-4o"
    later = serve(on_retired="replace", now=date(2027, 1, 14))
    later.wire("/edits", model="text-davinci-edit-001", input="x", instruction="y")
    assert later.sent[0][1]["model"] == "gpt-6-luna"
