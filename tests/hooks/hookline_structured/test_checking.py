"""Answers that have to fit a schema: data, one repair, or a plain no with the text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from forms_lab import FormsLab, chat_answer, chat_stream, events
from hookline import Call, hookimpl
from hookline.errors import BudgetExhaustedError
from hookline_retry import RetryPlugin
from small_service import Body, streamed, whole

if TYPE_CHECKING:
    from collections.abc import Callable

    from hookline import UpstreamRequest, UpstreamResponse

CITY: dict[str, Any] = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "people": {"type": "integer"}},
    "required": ["city", "people"],
    "additionalProperties": False,
}
GOOD = '{"city": "Graz", "people": 300000}'
BAD = '{"city": "Graz", "people": "many"}'
ASKED: dict[str, Any] = {
    "model": "gpt-5.4-mini",
    "system": "Be exact.",
    "prompt": "Graz?",
    "json_schema": CITY,
}


def in_turn(*texts: str, **more: Any) -> Callable[[UpstreamRequest], UpstreamResponse]:
    answers = iter([chat_answer(text, **more) for text in texts])
    return lambda request: whole(next(answers))


def ask(lab: FormsLab, **changes: Any) -> Any:
    return lab.post("/actions/openai.chat", {**ASKED, **changes})


@pytest.mark.parametrize("text", [GOOD, f"```json\n{GOOD}\n```", f"\n```\n{GOOD}\n```  "])
def test_an_answer_that_fits_is_parsed_and_asked_for_once(text: str) -> None:
    lab = FormsLab(in_turn(text))

    body = ask(lab).json

    assert (body["parsed"], body["text"], body["warnings"]) == ({"city": "Graz", "people": 300000}, text, [])
    assert len(lab.sent) == 1


def test_an_answer_that_does_not_fit_is_repaired_once() -> None:
    lab = FormsLab(in_turn(BAD, GOOD))

    body = ask(lab, n=1, max_completion_tokens=200).json

    assert body["parsed"] == {"city": "Graz", "people": 300000}
    assert body["text"] == GOOD
    assert [one["code"] for one in body["warnings"]] == ["structured_repaired"]
    assert body["usage"]["total_tokens"] == 30
    first, second = lab.bodies
    assert second["messages"][:2] == first["messages"]
    assert second["messages"][2] == {"role": "assistant", "content": BAD}
    assert "`people` must be a whole number" in second["messages"][3]["content"]
    assert second["response_format"] == first["response_format"]
    assert (second["max_completion_tokens"], "n" in second) == (200, False)
    inner, outer = lab.door.calls
    assert (inner.parent is outer, outer.parent) == (True, None)
    assert [usage and usage.tokens for usage in lab.door.usages] == [15, 15]


def test_an_answer_that_is_no_json_is_repaired_too() -> None:
    assert ask(FormsLab(in_turn("Graz has many people.", GOOD))).json["parsed"]["city"] == "Graz"


def test_what_still_does_not_fit_is_refused_with_its_text() -> None:
    lab = FormsLab(in_turn(BAD, '{"city": "Graz"}'))

    answer = ask(lab)

    assert (answer.status_code, answer.json["error"]["code"]) == (422, "answer_mismatch")
    assert answer.json["text"] == '{"city": "Graz"}'
    assert answer.json["problems"] == [{"field": "people", "message": "is required"}]
    assert "asked once more" in answer.json["detail"]
    assert answer.json["retryable"] is False
    assert len(lab.sent) == 2


def test_without_repair_the_first_answer_is_refused() -> None:
    lab = FormsLab(in_turn(BAD), options={"structured": {"repair": False}})

    answer = ask(lab)

    assert (answer.status_code, answer.json["text"], len(lab.sent)) == (422, BAD, 1)
    assert answer.json["message"].startswith(
        "The model's answer does not fit the schema: `people` must be a whole number"
    )


def test_the_check_can_be_switched_off() -> None:
    lab = FormsLab(in_turn(BAD), options={"structured": {"check": False}})

    assert ask(lab).json["parsed"] == {"city": "Graz", "people": "many"}


def test_a_schema_in_the_service_s_own_notation_is_checked_too() -> None:
    wanted = {"type": "json_schema", "json_schema": {"name": "city", "schema": CITY}}
    lab = FormsLab(in_turn(BAD, GOOD))

    assert ask(lab, json_schema=None, response_format=wanted).json["parsed"]["people"] == 300000


def test_json_without_a_schema_is_parsed_and_not_judged() -> None:
    lab = FormsLab(in_turn("no json"))

    body = ask(lab, json_schema=None, response_format={"type": "json_object"}).json

    assert (body["parsed"], len(lab.sent)) == (None, 1)


def test_a_cut_answer_is_not_repaired_because_the_next_would_be_cut_too() -> None:
    lab = FormsLab(in_turn('{"city": "Gr', finish_reason="length"))

    answer = ask(lab)

    assert (answer.status_code, len(lab.sent)) == (422, 1)
    assert "more output tokens" in answer.json["hint"]


@pytest.mark.parametrize(
    "message",
    [
        {"content": None, "refusal": "I cannot help with that."},
        {
            "content": None,
            "tool_calls": [{"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}],
        },
    ],
)
def test_a_refusal_or_a_tool_call_is_no_answer_to_judge(message: dict[str, Any]) -> None:
    lab = FormsLab(chat_answer(None, message=message))

    answer = ask(lab)

    assert (answer.status_code, answer.json["parsed"], len(lab.sent)) == (200, None, 1)


def test_a_budget_that_allows_no_repair_still_gives_the_text_back() -> None:
    class Poor:
        @hookimpl
        def hookline_admit(self, call: Call) -> None:
            if call.parent is not None:
                raise BudgetExhaustedError("Nothing is left.")

    lab = FormsLab(in_turn(BAD), plugins=[("poor", Poor())])

    answer = ask(lab)

    assert (answer.status_code, answer.json["text"]) == (422, BAD)
    assert "could not be asked once more: Nothing is left." in answer.json["detail"]


def test_no_repair_begins_without_time_for_it() -> None:
    lab: FormsLab

    def slow(request: UpstreamRequest) -> UpstreamResponse:
        lab.clock.advance(lab.gateway.settings.limits.timeout_s - 0.5)
        return whole(chat_answer(BAD))

    lab = FormsLab(slow)

    assert (ask(lab).status_code, len(lab.sent)) == (422, 1)


def test_the_plugin_for_retries_does_not_pay_for_another() -> None:
    lab = FormsLab(in_turn(BAD, BAD, GOOD), plugins=[("retry", RetryPlugin())])

    assert (ask(lab).status_code, len(lab.sent)) == (422, 2)


def test_a_stream_that_fits_ends_with_its_data() -> None:
    lab = FormsLab(lambda request: streamed(Body([chat_stream(GOOD)])))

    last = events(ask(lab, stream=True).get_data())[-1]

    assert (last["type"], last["output"]["parsed"]["city"]) == ("output", "Graz")


def test_a_stream_that_does_not_fit_ends_with_an_error_and_is_not_repaired() -> None:
    lab = FormsLab(lambda request: streamed(Body([chat_stream(BAD)])))

    answer = ask(lab, stream=True)

    last = events(answer.get_data())[-1]
    assert (last["type"], last["problem"], last["text"]) == ("error", "/problems/answer_mismatch", BAD)
    assert len(lab.sent) == 1


def test_the_wire_door_is_never_touched() -> None:
    lab = FormsLab(in_turn(BAD))
    wanted = {"type": "json_schema", "json_schema": {"name": "city", "schema": {"$ref": "http://elsewhere"}}}

    answer = lab.post(
        "/v1/chat/completions",
        {"model": "gpt-5.4-mini", "messages": [{"role": "user", "content": "hi"}], "response_format": wanted},
    )

    assert answer.json["choices"][0]["message"]["content"] == BAD
    assert len(lab.sent) == 1
