"""A prompt that does not fit is refused before it is sent, and its caller told by how much it is too long."""

from __future__ import annotations

from typing import Any

import pytest

from context_lab import Lab, echo, user, words
from hookline_context.text_counter import EstimatingCounter

SYSTEM = {"role": "system", "content": "Be brief."}


def error_of(response: Any, status: int = 422) -> dict[str, Any]:
    assert response.status_code == status
    body: dict[str, Any] = response.json
    return body


def no_tokenizer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "hookline_context.fitting.counter_for", lambda encoding, mode: EstimatingCounter(encoding)
    )


# ---------------------------------------------------------------- what fits


@pytest.mark.parametrize("tokens", [1, 8192 - 7])
def test_a_prompt_up_to_the_very_window_is_sent_unchanged(tokens: int) -> None:
    lab = Lab()
    assert lab.act("chat", model="gpt-4", prompt=words(tokens)).status_code == 200
    assert lab.wire("/chat/completions", model="gpt-4", messages=[user(words(tokens))]).status_code == 200
    assert lab.calls == 2
    assert lab.bodies[0]["messages"] == lab.bodies[1]["messages"] == [user(words(tokens))]


def test_one_token_more_is_refused_at_both_doors() -> None:
    lab = Lab()
    assert lab.act("chat", model="gpt-4", prompt=words(8192 - 6)).status_code == 422
    assert lab.wire("/chat/completions", model="gpt-4", messages=[user(words(8192 - 6))]).status_code == 400
    assert lab.calls == 0


@pytest.mark.parametrize("model", ["some-new-model", "codex-mini-latest", "gpt-4:tuned"])
def test_models_whose_window_is_not_known_pass(model: str) -> None:
    lab = Lab()
    assert lab.act("chat", model=model, prompt=words(300_000)).status_code == 200
    assert lab.calls == 1


def test_a_tuned_model_has_the_window_of_its_base() -> None:
    lab = Lab()
    assert lab.act("chat", model="ft:gpt-4-0613:acme::abc", prompt=words(9000)).status_code == 422
    assert lab.calls == 0


def test_a_model_with_a_limit_of_its_own_for_prompts_keeps_it() -> None:
    lab = Lab()
    assert lab.act("chat", model="gpt-5", prompt=words(272_001)).status_code == 422
    assert (
        lab.act("chat", model="gpt-5", prompt=words(271_000), max_completion_tokens=128_000).status_code
        == 200
    )
    assert lab.calls == 1


def test_nothing_is_counted_when_that_is_switched_off() -> None:
    lab = Lab(count="off")
    assert lab.act("chat", model="gpt-4", prompt=words(9000)).status_code == 200
    assert lab.calls == 1


@pytest.mark.parametrize("verb", ["moderate", "list_models"])
def test_actions_without_a_prompt_are_left_alone(verb: str) -> None:
    lab = Lab()
    fields = {"input": words(50_000)} if verb == "moderate" else {}
    lab.act(verb, **fields)
    assert lab.calls == 1


def test_a_picture_is_not_taken_for_text() -> None:
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64," + "A" * 600_000}}
    lab = Lab()
    assert lab.act("chat", model="gpt-4o", messages=[user([image])]).status_code == 200
    assert lab.calls == 1


# ---------------------------------------------------------------- the answer's share


@pytest.mark.parametrize("field", ["max_tokens", "max_completion_tokens"])
def test_the_answer_that_is_asked_for_needs_room(field: str) -> None:
    lab = Lab()
    fields: dict[str, Any] = {"model": "gpt-4", "prompt": words(7000), field: 1500}
    body = error_of(lab.act("chat", **fields))
    assert (body["output_tokens"], body["limit"], body["over_by"]) == (1500, 6692, 315)
    assert "1,500 of its 8,192 are for the answer" in body["detail"]
    assert lab.calls == 0


def test_an_answer_longer_than_the_model_gives_is_left_to_the_service_to_refuse() -> None:
    lab = Lab()
    assert lab.act("chat", model="gpt-4", prompt=words(4000), max_tokens=1_000_000).status_code == 200
    assert lab.calls == 1


def test_a_completion_keeps_sixteen_tokens_unless_it_is_told_otherwise() -> None:
    lab = Lab()
    complete = {"model": "gpt-3.5-turbo-instruct"}
    assert lab.act("complete", **complete, prompt=words(4096 - 16)).status_code == 200
    assert lab.act("complete", **complete, prompt=words(4096 - 15)).status_code == 422
    assert lab.act("complete", **complete, prompt=words(4096), max_tokens=0).status_code == 200
    assert lab.calls == 2


def test_a_reserve_and_a_margin_can_be_set() -> None:
    for option in ("reserve_output_tokens", "margin_tokens"):
        lab = Lab(plugins=(), **{option: 500})
        assert lab.act("chat", model="gpt-4", prompt=words(8192 - 500 - 7)).status_code == 200
        assert lab.act("chat", model="gpt-4", prompt=words(8192 - 500 - 6)).status_code == 422
        assert lab.calls == 1


@pytest.mark.parametrize("value", [True, -5, 1.5, "many", None, []])
def test_an_odd_limit_for_the_answer_is_the_service_s_to_judge(value: object) -> None:
    lab = Lab()
    reply = lab.wire("/chat/completions", model="gpt-4", messages=[user(words(100))], max_tokens=value)
    assert reply.status_code == 200
    assert lab.calls == 1


# ---------------------------------------------------------------- what the caller is told


def test_the_error_names_the_heaviest_messages() -> None:
    lab = Lab()
    messages = [
        SYSTEM,
        user(words(3000)),
        {"role": "assistant", "content": words(10)},
        user(words(6000), name="ada"),
    ]
    body = error_of(lab.act("chat", model="gpt-4", messages=messages))
    assert lab.calls == 0
    assert body["error"] == {
        "message": body["message"],
        "type": "invalid_request_error",
        "code": "context_length_exceeded",
        "param": "messages",
    }
    assert body["field"] == "messages"
    assert (body["tokens"], body["limit"], body["over_by"]) == (9034, 8192, 842)
    assert body["is_estimate"] is False
    assert body["weights"][0] == {
        "index": 3,
        "field": "messages[3]",
        "role": "user",
        "tokens": 6006,
        "preview": "word word word word word word word word…",
    }
    assert [weight["index"] for weight in body["weights"]] == [3, 1, 2, 0]
    assert "The heaviest: `messages[3]` (user, 6,006), `messages[1]` (user, 3,004)" in body["detail"]


def test_five_messages_are_named_and_previews_are_short() -> None:
    lab = Lab()
    messages = [user(f"{number}\n\x00\u2028 {words(1000)}") for number in range(20)]
    weights = error_of(lab.act("chat", model="gpt-4", messages=messages))["weights"]
    assert len(weights) == 5
    assert all(len(weight["preview"]) <= 40 and weight["preview"].isprintable() for weight in weights)


def test_fields_are_those_of_the_caller() -> None:
    lab = Lab()
    body = error_of(lab.act("chat", model="gpt-4", prompt=words(9000), system="Be brief."))
    assert (body["field"], [weight["field"] for weight in body["weights"]]) == (
        "prompt",
        ["prompt", "system"],
    )
    body = error_of(
        lab.act("chat", model="gpt-4", messages=[user(words(9000))], prompt="And what now?", system="Hm.")
    )
    assert (body["field"], [weight["field"] for weight in body["weights"]]) == (
        "messages",
        ["messages[0]", "prompt", "system"],
    )
    body = error_of(lab.act("edit", model="gpt-4", input=words(9000), instruction="Correct it."))
    assert (body["field"], [weight["field"] for weight in body["weights"]]) == (
        "input",
        ["input", "instruction"],
    )
    body = error_of(lab.act("complete", model="gpt-3.5-turbo-instruct", prompt=["a", words(5000)]))
    assert (body["field"], [weight["field"] for weight in body["weights"]]) == (
        "prompt",
        ["prompt[1]", "prompt[0]"],
    )
    body = error_of(lab.act("embed", model="text-embedding-3-small", input=words(9000)))
    assert (body["field"], [weight["field"] for weight in body["weights"]]) == ("input", ["input"])
    assert lab.calls == 0


def test_tools_that_weigh_much_are_named() -> None:
    tool = {"type": "function", "function": {"name": "look", "description": words(9000)}}
    body = error_of(Lab().act("chat", model="gpt-4", prompt="Hi", tools=[tool]))
    assert body["weights"][0]["field"] == "tools"
    assert body["field"] == "tools"


def test_the_wire_door_is_told_in_the_service_s_own_shape() -> None:
    lab = Lab()
    reply = lab.wire("/chat/completions", model="gpt-4", messages=[SYSTEM, user(words(9000))])
    assert reply.status_code == 400
    assert reply.headers["x-should-retry"] == "false"
    error = reply.json["error"]
    assert (error["code"], error["type"], error["param"]) == (
        "context_length_exceeded",
        "invalid_request_error",
        "messages",
    )
    assert (
        lab.wire("/completions", model="davinci-002", prompt=words(17_000)).json["error"]["param"] == "prompt"
    )
    assert lab.calls == 0


# ---------------------------------------------------------------- texts to embed


def test_texts_to_embed_have_a_limit_each_and_one_together() -> None:
    lab = Lab()
    embed = {"model": "text-embedding-3-small"}
    assert lab.act("embed", **embed, input=words(8192)).status_code == 200
    assert lab.act("embed", **embed, input=[words(8000)] * 37).status_code == 200
    assert lab.calls == 2
    body = error_of(lab.act("embed", **embed, input=["a", words(8193)]))
    assert (body["error"]["code"], body["over_by"]) == ("context_length_exceeded", 1)
    body = error_of(lab.act("embed", **embed, input=[words(8000)] * 38))
    assert (body["error"]["code"], body["limit"], body["tokens"]) == (
        "max_tokens_per_request",
        300_000,
        304_000,
    )
    assert lab.calls == 2


def test_numbers_of_tokens_are_counted_as_they_are() -> None:
    lab = Lab()
    reply = lab.wire("/embeddings", model="text-embedding-3-small", input=[7] * 8193)
    assert reply.json["error"]["code"] == "context_length_exceeded"
    assert lab.wire("/embeddings", model="text-embedding-3-small", input=[[7] * 8192, [1]]).status_code == 200
    assert lab.calls == 1


# ---------------------------------------------------------------- without the tokenizer


def test_an_estimate_refuses_only_what_is_surely_too_long(monkeypatch: pytest.MonkeyPatch) -> None:
    no_tokenizer(monkeypatch)
    lab = Lab()
    assert lab.act("chat", model="gpt-4", prompt=words(9000)).status_code == 200
    assert lab.calls == 1
    body = error_of(lab.act("chat", model="gpt-4", prompt=words(30_000)))
    assert lab.calls == 1
    assert body["is_estimate"] is True
    assert "about" in body["detail"]


def test_estimates_can_be_asked_for() -> None:
    lab = Lab(count="estimate")
    assert lab.act("chat", model="gpt-4", prompt=words(9000)).status_code == 200
    assert error_of(lab.act("chat", model="gpt-4", prompt=words(30_000)))["is_estimate"] is True
    assert lab.calls == 1


def test_small_calls_never_load_the_tokenizer(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(encoding: str | None, mode: str) -> EstimatingCounter:
        raise AssertionError("nothing had to be counted")

    monkeypatch.setattr("hookline_context.fitting.counter_for", fail)
    lab = Lab(echo)
    assert lab.act("chat", model="gpt-4", prompt="Hi", max_tokens=4000).status_code == 200
    assert lab.act("embed", model="text-embedding-3-small", input=["a", "b"]).status_code == 200
    assert lab.calls == 2
