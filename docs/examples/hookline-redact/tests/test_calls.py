"""Whole answers: nothing personal goes out, and all of it comes back, through both doors."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson
import pytest

if TYPE_CHECKING:
    from conftest import Lab, Model

MAIL = "ada@example.com"
PROMPT = f"Write to {MAIL} and to bob@example.org, then call {MAIL} again: +49 30 1234567."
REDACTED = "Write to [EMAIL_1] and to [EMAIL_2], then call [EMAIL_1] again: [PHONE_1]."


def test_a_prompt_goes_out_redacted_and_the_answer_comes_back_whole(lab: Lab) -> None:
    output = lab.chat(PROMPT)

    assert lab.model.sent[-1]["messages"] == [{"role": "user", "content": REDACTED}]
    assert output["text"] == PROMPT
    assert output["warnings"] == []


def test_the_caller_is_told_how_much_was_hidden_and_not_what(lab: Lab) -> None:
    answer = lab.post("/actions/openai.chat", {"model": "m", "prompt": PROMPT})

    assert answer.headers["x-redacted"] == "email=2, phone=1"


def test_a_call_without_personal_data_is_left_alone(lab: Lab) -> None:
    answer = lab.post("/actions/openai.chat", {"model": "m", "prompt": "Say [hello] to version 1.2.3."})

    assert lab.model.sent[-1]["messages"][-1]["content"] == "Say [hello] to version 1.2.3."
    assert "x-redacted" not in answer.headers


def test_each_call_counts_from_one(lab: Lab) -> None:
    assert lab.chat("To ada@example.com.")["text"] == "To ada@example.com."
    assert lab.chat("To bob@example.org.")["text"] == "To bob@example.org."

    assert [body["messages"][-1]["content"] for body in lab.model.sent] == ["To [EMAIL_1].", "To [EMAIL_1]."]


def test_the_wire_door_is_redacted_in_every_message_and_part(lab: Lab) -> None:
    messages = [
        {"role": "system", "content": f"Help {MAIL}.", "name": "bob"},
        {"role": "user", "content": [{"type": "text", "text": f"I am {MAIL}"}]},
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [
                {
                    "id": "call_1",
                    "type": "function",
                    "function": {"name": "find", "arguments": orjson.dumps({"who": {"mail": MAIL}}).decode()},
                }
            ],
        },
        {"role": "tool", "tool_call_id": "call_1", "content": f"Her address is {MAIL}."},
    ]

    answer = lab.wire(messages)

    assert MAIL not in lab.last_sent()
    sent = lab.model.sent[-1]["messages"]
    assert sent[0] == {"role": "system", "content": "Help [EMAIL_1].", "name": "bob"}
    assert sent[2]["tool_calls"][0]["function"]["arguments"] == '{"who":{"mail":"[EMAIL_1]"}}'
    assert answer.json["choices"][0]["message"]["content"] == f"Her address is {MAIL}."


@pytest.mark.parametrize("door", ["action", "wire"])
def test_what_a_tool_is_called_with_is_restored_as_json(
    door: str, make_lab: Callable[..., Lab], model: Model
) -> None:
    lab = make_lab(names=['Ada "Lady" Lovelace'])
    prompt = f'Mail {MAIL}, that is Ada "Lady" Lovelace.'
    model.tool = lambda text: '{"to": [{"mail": "[EMAIL_1]", "name": "[NAME_1]"}], "copies": 2}'

    if door == "action":
        call = lab.chat(prompt)["tool_calls"][0]
        arguments: Any = call["arguments"]
    else:
        message = lab.wire([{"role": "user", "content": prompt}]).json["choices"][0]["message"]
        arguments = orjson.loads(message["tool_calls"][0]["function"]["arguments"])

    assert arguments == {"to": [{"mail": MAIL, "name": 'Ada "Lady" Lovelace'}], "copies": 2}
    assert "Lovelace" not in lab.last_sent()


def test_an_answer_that_is_json_stays_json(make_lab: Callable[..., Lab], model: Model) -> None:
    lab = make_lab(names=['Ada "Lady" Lovelace'])
    model.say = lambda text: '{"name": "[NAME_1]", "mail": "[EMAIL_1]"}'
    schema = {
        "type": "object",
        "properties": {"name": {"type": "string"}, "mail": {"type": "string"}},
        "required": ["name", "mail"],
        "additionalProperties": False,
    }

    output = lab.chat(f'Ada "Lady" Lovelace has {MAIL}', json_schema=schema)

    assert output["parsed"] == {"name": 'Ada "Lady" Lovelace', "mail": MAIL}


def test_several_choices_and_lower_case_are_restored(lab: Lab, model: Model) -> None:
    model.say = lambda text: "It is [email_1]."

    assert lab.chat(f"What is {MAIL}?")["text"] == f"It is {MAIL}."


def test_names_of_models_ids_and_labels_are_never_touched(lab: Lab) -> None:
    ids = {"user": MAIL, "metadata": {"id": "10.20.30.40"}}
    lab.wire([{"role": "user", "content": "10.20.30.40", "name": "10.20.30.40"}], **ids)

    sent = lab.model.sent[-1]
    assert (sent["model"], sent["user"], sent["metadata"]) == ("m", MAIL, {"id": "10.20.30.40"})
    assert sent["messages"] == [{"role": "user", "content": "[IP_1]", "name": "10.20.30.40"}]


def test_a_placeholder_that_the_caller_wrote_is_not_taken_for_ours(lab: Lab) -> None:
    prompt = f"Explain [EMAIL_1] to {MAIL}."

    output = lab.chat(prompt)

    assert lab.model.sent[-1]["messages"][-1]["content"] == "Explain [EMAIL_1] to [EMAIL_2]."
    assert (output["text"], output["warnings"]) == (prompt, [])


def test_an_invented_placeholder_is_told(lab: Lab, model: Model) -> None:
    model.say = lambda text: "Ask [EMAIL_9]."

    output = lab.chat(f"Who is {MAIL}?")

    assert output["text"] == "Ask [EMAIL_9]."
    assert [warning["code"] for warning in output["warnings"]] == ["unknown_placeholder"]


def test_an_invented_placeholder_fails_the_call_where_the_options_say_so(
    make_lab: Callable[..., Lab], model: Model
) -> None:
    lab = make_lab(on_unknown="fail")
    model.say = lambda text: "Ask [EMAIL_9]."

    answer = lab.post("/actions/openai.chat", {"model": "m", "prompt": f"Who is {MAIL}?"})

    assert (answer.status_code, answer.json["error"]["code"]) == (422, "unknown_placeholder")
    assert MAIL not in answer.text


def test_only_the_kinds_and_actions_of_the_options_are_redacted(make_lab: Callable[..., Lab]) -> None:
    lab = make_lab(kinds=["phone"], actions={"openai.embed": {"applies_to": []}})

    lab.chat(PROMPT)
    assert lab.model.sent[-1]["messages"][-1]["content"].endswith(f"{MAIL} again: [PHONE_1].")
    lab.post("/actions/openai.embed", {"model": "m", "input": ["+49 30 1234567"]})
    assert lab.model.sent[-1]["input"] == ["+49 30 1234567"]


def test_a_value_to_keep_is_kept(make_lab: Callable[..., Lab]) -> None:
    lab = make_lab(keep=["Support@Example.com"])

    lab.chat(f"Mail support@example.com about {MAIL}")

    assert lab.model.sent[-1]["messages"][-1]["content"] == "Mail support@example.com about [EMAIL_1]"


def test_more_values_than_allowed_are_refused_before_anything_is_sent(make_lab: Callable[..., Lab]) -> None:
    lab = make_lab(max_values=1)

    answer = lab.post("/actions/openai.chat", {"model": "m", "prompt": PROMPT})

    assert (answer.status_code, answer.json["error"]["code"]) == (422, "too_much_personal_data")
    assert lab.model.sent == []
    assert MAIL not in answer.text


def test_every_attempt_is_redacted_alike(lab: Lab, model: Model) -> None:
    model.failures = [429]

    assert lab.chat(PROMPT)["text"] == PROMPT
    assert [body["messages"][-1]["content"] for body in model.sent] == [REDACTED, REDACTED]


def test_every_item_of_a_bulk_call_gets_its_own_data_back(lab: Lab) -> None:
    prompts = ["To ada@example.com", "To bob@example.org", "To nobody"]
    items = [{"model": "m", "prompt": prompt} for prompt in prompts]

    answer = lab.post("/actions/openai.chat", {"items": items})

    assert [row["output"]["text"] for row in answer.json["items"]] == prompts
    assert all("example" not in orjson.dumps(body).decode() for body in lab.model.sent)


def test_a_job_hides_and_restores_like_any_call(lab: Lab) -> None:
    result = lab.call.job("openai.chat", model="m", prompt=PROMPT)

    assert result.output["text"] == PROMPT
    assert [body["messages"][-1]["content"] for body in lab.model.sent] == [REDACTED]


def test_several_texts_in_one_request_share_their_placeholders(lab: Lab) -> None:
    texts = [f"From {MAIL}", f"To {MAIL}", "To bob@example.org"]

    lab.call("openai.embed", model="m", input=texts)

    assert lab.model.sent[-1]["input"] == ["From [EMAIL_1]", "To [EMAIL_1]", "To [EMAIL_2]"]


def test_a_repeated_request_gets_the_restored_answer_again(lab: Lab) -> None:
    headers = {"idempotency-key": "invoice-17"}

    first, second = (lab.chat(PROMPT, headers=headers) for _ in range(2))

    assert (first["text"], second["text"], len(lab.model.sent)) == (PROMPT, PROMPT, 1)


def test_nothing_personal_is_kept_in_files_records_or_logs(
    lab: Lab, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        lab.chat(PROMPT)
        lab.chat(PROMPT, headers={"idempotency-key": "invoice-17"})
        lab.post("/actions/openai.chat", {"items": [{"model": "m", "prompt": PROMPT}]})
    lab.gateway.close()

    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert files
    assert [path.name for path in files if MAIL.encode() in path.read_bytes()] == []
    assert MAIL not in caplog.text
