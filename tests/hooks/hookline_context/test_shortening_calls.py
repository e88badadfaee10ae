"""`on_overflow = "truncate"`: what reaches the service, and what the caller is told, at both doors."""

from __future__ import annotations

from typing import Any

import pytest

from context_lab import Lab, user, words
from hookline_context.request_count import count_request
from hookline_context.text_counter import counter_for

OLDER = counter_for("cl100k_base", "auto")
SYSTEM: dict[str, object] = {"role": "system", "content": "Be brief."}
CALL = {"id": "call_1", "type": "function", "function": {"name": "look", "arguments": "{}"}}


def conversation() -> list[dict[str, object]]:
    """Return a conversation of about 10,000 tokens."""
    return [
        SYSTEM,
        user(words(2500)),
        {"role": "assistant", "content": None, "tool_calls": [CALL]},
        {"role": "tool", "tool_call_id": "call_1", "content": words(2500)},
        user(words(2500)),
        {"role": "assistant", "content": words(2500)},
        user("And now?"),
    ]


def test_the_oldest_messages_are_left_out_at_the_wire_door() -> None:
    lab = Lab(on_overflow="truncate")
    messages = conversation()
    reply = lab.wire("/chat/completions", model="gpt-4", messages=messages, max_tokens=1000)
    assert reply.status_code == 200
    assert lab.calls == 1
    assert lab.bodies[0] == {"model": "gpt-4", "messages": [SYSTEM, *messages[4:]], "max_tokens": 1000}
    assert reply.headers["x-hookline-warnings"].startswith(
        "context_truncated: Left out, the oldest first: 3 of 7 messages, 5,0"
    )
    assert reply.json["choices"][0]["message"]["content"] == "And now?"


def test_the_oldest_messages_are_left_out_at_the_action_door() -> None:
    lab = Lab(on_overflow="truncate")
    messages = conversation()
    reply = lab.act("chat", model="gpt-4", messages=messages, max_tokens=1000)
    assert reply.status_code == 200
    assert lab.calls == 1
    assert lab.bodies[0]["messages"] == [SYSTEM, *messages[4:]]
    (warning,) = reply.json["warnings"]
    assert warning["code"] == "context_truncated"
    assert warning["message"].endswith("`gpt-4` has no room for more.")
    assert "3 of 7 messages" in warning["message"]


def test_a_quarter_of_the_window_is_kept_free_for_an_answer_of_unknown_length() -> None:
    lab = Lab(on_overflow="truncate")
    messages = [user(words(96)) for _ in range(100)]
    assert lab.act("chat", model="gpt-4", messages=messages).status_code == 200
    sent = count_request(lab.bodies[0], "chat", OLDER).total.tokens
    assert 6044 - 100 < sent <= 6144
    lab = Lab(on_overflow="truncate", reserve_output_tokens=1000)
    assert lab.act("chat", model="gpt-4", messages=messages).status_code == 200
    assert 7192 - 100 < count_request(lab.bodies[0], "chat", OLDER).total.tokens <= 7192


def test_less_is_kept_free_where_what_has_to_stay_takes_more() -> None:
    lab = Lab(on_overflow="truncate")
    reply = lab.act("chat", model="gpt-4", messages=[user(words(5000)), user(words(7000))])
    assert reply.status_code == 200
    assert lab.bodies[0]["messages"] == [user(words(7000))]


def test_what_fits_is_not_touched() -> None:
    lab = Lab(on_overflow="truncate")
    messages = [user(words(2000)), user(words(6000))]
    reply = lab.act("chat", model="gpt-4", messages=messages)
    assert (reply.json["warnings"], lab.bodies[0]["messages"]) == ([], messages)


def test_a_conversation_that_cannot_be_shortened_enough_is_refused() -> None:
    lab = Lab(on_overflow="truncate")
    reply = lab.act("chat", model="gpt-4", messages=[user(words(5000)), user(words(9000))])
    assert reply.status_code == 422
    assert reply.json["error"]["code"] == "context_length_exceeded"
    assert "not enough" in reply.json["hint"]
    assert lab.calls == 0


def test_an_edit_cannot_be_shortened() -> None:
    lab = Lab(on_overflow="truncate")
    assert lab.act("edit", model="gpt-4", input=words(9000), instruction="Correct it.").status_code == 422
    assert lab.calls == 0


@pytest.mark.parametrize("door", ["action", "wire"])
def test_a_prompt_loses_its_beginning(door: str) -> None:
    lab = Lab(on_overflow="truncate")
    text = "".join(f"This is sentence {number}. " for number in range(2000))
    fields: dict[str, Any] = {"model": "gpt-3.5-turbo-instruct", "prompt": text, "max_tokens": 100}
    reply = lab.act("complete", **fields) if door == "action" else lab.wire("/completions", **fields)
    assert reply.status_code == 200
    sent = lab.bodies[0]["prompt"]
    assert text.endswith(sent)
    assert sent.startswith("This is sentence ")
    assert 3500 < OLDER.count(sent).tokens <= 4096 - 100
    assert lab.calls == 1
    assert "the beginning of the text" in reply.headers["x-hookline-warnings"]


def test_a_text_to_embed_loses_its_end() -> None:
    lab = Lab(on_overflow="truncate")
    reply = lab.act("embed", model="text-embedding-3-small", input=["short", words(9000)])
    assert reply.status_code == 200
    first, second = lab.bodies[0]["input"]
    assert first == "short"
    assert words(9000).startswith(second)
    assert 8000 < OLDER.count(second).tokens <= 8192
    assert "the end of 1 of 2 texts" in reply.json["warnings"][0]["message"]


def test_too_many_texts_to_embed_cannot_be_shortened() -> None:
    lab = Lab(on_overflow="truncate")
    for texts in ([words(8000)] * 38, [words(8193)] * 38):
        reply = lab.act("embed", model="text-embedding-3-small", input=texts)
        assert reply.status_code == 422
    assert lab.calls == 0


def test_options_differ_per_action() -> None:
    lab = Lab(actions={"openai.chat": {"on_overflow": "truncate"}})
    messages = conversation()
    assert lab.act("chat", model="gpt-4", messages=messages, max_tokens=1000).status_code == 200
    assert lab.act("complete", model="gpt-3.5-turbo-instruct", prompt=words(9000)).status_code == 422
    assert lab.calls == 1


def test_an_estimate_is_acted_on_when_it_is_far_over() -> None:
    lab = Lab(on_overflow="truncate", count="estimate")
    messages = [user(words(500)) for _ in range(100)]
    assert lab.act("chat", model="gpt-4", messages=messages).status_code == 200
    assert count_request(lab.bodies[0], "chat", OLDER).total.tokens < 6144
