"""`on_overflow = "chunk"`: a long text is run in parts, and their answers are put together."""

from __future__ import annotations

import threading
from itertools import pairwise
from typing import Any

import pytest

from context_lab import Lab, echo, refusal, user, words
from hookline import Call, Response, UpstreamRequest, UpstreamResponse, hookimpl
from hookline.errors import UpstreamUnavailableError
from hookline_context.text_counter import counter_for
from small_service import whole

OLDER = counter_for("cl100k_base", "auto")
PARAGRAPH = "The first sentence is here. The second one follows! Is this the third? It is.\n\n"
LONG = PARAGRAPH * 1200  # about 22,000 tokens


def last_text(request: UpstreamRequest) -> str:
    body: dict[str, Any] = request.body or {}
    return str(body["messages"][-1]["content"] if "messages" in body else body["prompt"])


def answered(text: str, *, reason: str = "stop", number: int = 1, **message: object) -> UpstreamResponse:
    choices = [
        {
            "index": index,
            "message": {"role": "assistant", "content": f"{text}{index or ''}", "refusal": None, **message},
            "finish_reason": reason,
        }
        for index in range(number)
    ]
    usage = {
        "prompt_tokens": 100,
        "completion_tokens": 7,
        "total_tokens": 107,
        "prompt_tokens_details": {"cached_tokens": 3},
        "completion_tokens_details": {"reasoning_tokens": 2},
    }
    return whole({"id": "chatcmpl-1", "model": "gpt-4-0613", "choices": choices, "usage": usage})


def in_order(lab: Lab, text: str) -> list[str]:
    """Return the texts that were sent, in the order of the whole text."""
    sent = [last_text(request) for request in lab.upstream.sent]
    return sorted(sent, key=text.index)


# ---------------------------------------------------------------- what is sent


def test_each_part_fits_and_nothing_is_lost() -> None:
    lab = Lab(on_overflow="chunk")
    text = "".join(f"Sentence {number} stands here. " for number in range(4000))
    reply = lab.act("chat", model="gpt-4", system="Be brief.", prompt=text)
    assert reply.status_code == 200
    parts = in_order(lab, text)
    assert lab.calls == len(parts) == len(reply.json["parts"]) == 5
    assert " ".join(parts) == text.strip()
    assert all(part.startswith("Sentence") and part.endswith(".") for part in parts)
    for body in lab.bodies:
        assert body["messages"][0] == {"role": "system", "content": "Be brief."}
        assert OLDER.count(body["messages"][1]["content"]).tokens <= 8192 - 2048


def test_parts_end_with_paragraphs() -> None:
    lab = Lab(on_overflow="chunk")
    assert lab.act("chat", model="gpt-4", prompt=LONG).status_code == 200
    assert all(last_text(request).endswith("It is.") for request in lab.upstream.sent)


def test_a_limit_for_the_answer_replaces_the_quarter_kept_free() -> None:
    lab = Lab(on_overflow="chunk")
    assert lab.act("chat", model="gpt-4", prompt=LONG, max_tokens=100).status_code == 200
    assert lab.calls == 3
    assert {body["max_tokens"] for body in lab.bodies} == {100}


def test_parts_can_be_made_smaller() -> None:
    lab = Lab(on_overflow="chunk", chunk_tokens=2000)
    assert lab.act("chat", model="gpt-4", prompt=LONG).status_code == 200
    assert lab.calls in (11, 12)
    assert all(OLDER.count(last_text(request)).tokens <= 2000 for request in lab.upstream.sent)


def test_a_part_can_begin_with_the_end_of_the_one_before() -> None:
    lab = Lab(on_overflow="chunk", chunk_overlap_tokens=100, parallel_parts=1)
    text = "".join(f"Sentence {number} stands here. " for number in range(3000))
    reply = lab.act("chat", model="gpt-4", prompt=text)
    sent = [last_text(request) for request in lab.upstream.sent]
    assert lab.calls > 2
    for before, after in pairwise(sent):
        shared = after[:200]
        assert shared in before
    assert sum(part["characters"] for part in reply.json["parts"]) + lab.calls == len(text)


def test_the_last_message_of_the_user_is_split_and_its_longest_text() -> None:
    lab = Lab(on_overflow="chunk")
    content = [{"type": "text", "text": "Translate:"}, {"type": "text", "text": LONG}]
    messages = [user("Hi"), {"role": "assistant", "content": "Hello"}, user(content)]
    assert lab.act("chat", model="gpt-4", messages=messages).status_code == 200
    assert lab.calls == 4
    for body in lab.bodies:
        assert body["messages"][:2] == messages[:2]
        assert body["messages"][2]["content"][0] == content[0]
        assert body["messages"][2]["content"][1]["text"].endswith("It is.")
    lab = Lab(on_overflow="chunk")
    assert lab.act("chat", model="gpt-4", messages=[*messages[:2], user(LONG, name="ada")]).status_code == 200
    assert [body["messages"][2]["name"] for body in lab.bodies] == ["ada"] * 4


def test_what_fits_is_sent_whole() -> None:
    lab = Lab(on_overflow="chunk")
    reply = lab.act("chat", model="gpt-4", prompt=words(8000))
    assert (reply.status_code, lab.calls) == (200, 1)
    assert "parts" not in reply.json


# ---------------------------------------------------------------- what comes back


def test_answers_and_usage_are_put_together() -> None:
    lab = Lab(lambda request: answered(f"[{last_text(request)[:18]}]"), on_overflow="chunk")
    text = "".join(f"Sentence {number:04} is here. " for number in range(2500))
    reply = lab.act("chat", model="gpt-4", prompt=text, raw=True)
    body = reply.json
    number = lab.calls
    assert number == len(body["parts"]) > 2
    texts = body["text"].split("\n\n")
    assert texts == sorted(texts)
    assert len(texts) == number
    assert body["usage"] == {
        "input_tokens": 100 * number,
        "output_tokens": 7 * number,
        "total_tokens": 107 * number,
        "cached_tokens": 3 * number,
        "reasoning_tokens": 2 * number,
    }
    assert (body["finish_reason"], body["model"], body["id"]) == ("stop", "gpt-4-0613", "chatcmpl-1")
    assert body["parts"][1] == {
        "index": 1,
        "characters": body["parts"][0]["characters"],
        "finish_reason": "stop",
        "usage": {
            "input_tokens": 100,
            "output_tokens": 7,
            "total_tokens": 107,
            "cached_tokens": 3,
            "reasoning_tokens": 2,
        },
    }
    assert body["raw"]["object"] == "chat.completion"
    assert "raw" not in lab.bodies[0]


def test_an_edit_comes_back_with_the_white_space_of_the_text() -> None:
    def shout(request: UpstreamRequest) -> UpstreamResponse:
        return answered(last_text(request).upper())

    lab = Lab(shout, on_overflow="chunk")
    text = "\n\n" + "".join(f"Line {number}.  Another sentence.\n\n\n" for number in range(2500)) + "  "
    reply = lab.act("edit", model="gpt-4", input=text, instruction="Shout.")
    assert reply.status_code == 200
    assert reply.json["text"] == text.upper()
    assert lab.calls == len(reply.json["parts"]) > 4
    assert all("Shout." in body["messages"][0]["content"] for body in lab.bodies)
    for body in lab.bodies:  # the answer is as long as the part, and needs as much room
        assert OLDER.count(body["messages"][1]["content"]).tokens * 2 <= 8192


def test_a_completion_is_put_together_too() -> None:
    lab = Lab(on_overflow="chunk")
    reply = lab.act("complete", model="gpt-3.5-turbo-instruct", prompt=LONG, max_tokens=500)
    assert reply.status_code == 200
    assert lab.calls == len(reply.json["parts"]) == 7
    assert reply.json["usage"]["input_tokens"] == 70


def test_several_answers_are_put_together_one_by_one() -> None:
    lab = Lab(lambda request: answered("a", number=2), on_overflow="chunk")
    body = lab.act("chat", model="gpt-4", prompt=LONG, n=2).json
    assert [choice["text"] for choice in body["choices"]] == ["\n\n".join("aaaa"), "\n\n".join(["a1"] * 4)]


@pytest.mark.parametrize(
    ("reasons", "whole_reason"),
    [
        (["stop"] * 4, "stop"),
        (["stop", "length", "stop", "stop"], "length"),
        (["length", "stop", "content_filter", "stop"], "content_filter"),
    ],
)
def test_the_worst_reason_to_end_is_told(reasons: list[str], whole_reason: str) -> None:
    answers = [lambda request, reason=reason: answered("a", reason=reason) for reason in reasons]
    lab = Lab(*answers, on_overflow="chunk", parallel_parts=1)
    body = lab.act("chat", model="gpt-4", prompt=LONG).json
    assert body["finish_reason"] == whole_reason
    assert [part["finish_reason"] for part in body["parts"]] == reasons


def test_a_refusal_in_one_part_is_told() -> None:
    refused = answered("", refusal="I cannot.")
    lab = Lab(
        lambda request: refused, lambda request: answered("Fine."), on_overflow="chunk", parallel_parts=1
    )
    body = lab.act("chat", model="gpt-4", prompt=LONG).json
    assert (body["text"], body["refusal"]) == ("I cannot.\n\nFine.\n\nFine.\n\nFine.", "I cannot.")


def test_warnings_of_parts_are_handed_on_once() -> None:
    class Warns:
        @hookimpl
        def hookline_shape_request(self, call: Call) -> None:
            if call.parent is not None:
                call.record.warn("old_model", "It ends soon.")

    lab = Lab(plugins=(Warns(),), on_overflow="chunk")
    body = lab.act("chat", model="gpt-4", prompt=LONG).json
    assert body["warnings"] == [{"code": "old_model", "message": "It ends soon."}]


def test_other_plugins_see_every_part_and_the_whole() -> None:
    seen: list[bool] = []

    class Watches:
        @hookimpl
        def hookline_process_response(self, call: Call, response: Response) -> None:
            seen.append(call.parent is not None)

    lab = Lab(plugins=(Watches(),), on_overflow="chunk")
    assert lab.act("chat", model="gpt-4", prompt=LONG).status_code == 200
    assert seen == [True] * lab.calls + [False]


# ---------------------------------------------------------------- concurrency


class Crowd:
    """An upstream that notes how many requests are there at once."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.now = self.most = 0
        self.wait = threading.Barrier(3, timeout=20)

    def __call__(self, request: UpstreamRequest) -> UpstreamResponse:
        with self.lock:
            self.now += 1
            self.most = max(self.most, self.now)
        self.wait.wait()
        with self.lock:
            self.now -= 1
        return echo(request)


def test_no_more_parts_run_at_once_than_are_allowed() -> None:
    crowd = Crowd()
    lab = Lab(crowd, on_overflow="chunk", chunk_tokens=3500, parallel_parts=3)
    reply = lab.act("chat", model="gpt-4", prompt="\n\n".join([words(3000).strip()] * 6))
    assert reply.status_code == 200
    assert (lab.calls, crowd.most) == (6, 3)


# ---------------------------------------------------------------- failures


def test_the_first_failing_part_fails_the_call_and_names_itself() -> None:
    answers = [echo, refusal("No.", code="invalid_prompt"), echo]
    lab = Lab(*answers, on_overflow="chunk", parallel_parts=1)
    reply = lab.act("chat", model="gpt-4", prompt=LONG)
    assert reply.status_code == 400
    assert lab.calls == 2
    body = reply.json
    assert body["detail"].startswith("Part 2 of 4 failed: ")
    assert (body["part"], body["parts"], body["error"]["code"]) == (2, 4, "invalid_prompt")
    assert body["upstream"]["code"] == "invalid_prompt"


def test_parts_that_still_run_are_cancelled() -> None:
    started = threading.Barrier(2, timeout=20)
    outcomes: list[str] = []

    class Waits:
        """Stands in the way of each part: the second fails once the first has begun to wait."""

        @hookimpl(tryfirst=True)
        def hookline_execute(self, call: Call, request: UpstreamRequest) -> UpstreamResponse | None:
            if call.parent is None:
                return None
            started.wait()
            if last_text(request) != first_part:
                raise UpstreamUnavailableError("The service is down.")
            cancelled = threading.Event()
            call.cancellation.add(cancelled.set)
            outcomes.append("cancelled" if cancelled.wait(20) else "went on")
            raise UpstreamUnavailableError("The connection was cut.")

    probe = Lab(on_overflow="chunk", parallel_parts=1)
    assert probe.act("chat", model="gpt-4", prompt=LONG).status_code == 200
    first_part = last_text(probe.upstream.sent[0])
    lab = Lab(plugins=(Waits(),), on_overflow="chunk", parallel_parts=2)
    text = first_part + "\n\n" + first_part.replace("first", "other")
    reply = lab.act("chat", model="gpt-4", prompt=text)
    assert reply.status_code == 502
    assert "The service is down." in reply.json["detail"]
    assert outcomes == ["cancelled"]
    assert lab.calls == 0


def test_a_failed_part_is_not_tried_again_with_all_the_others() -> None:
    class TriesAgain:
        @hookimpl
        def hookline_retry(self, call: Call) -> object:
            from hookline.attempt import RetryDecision

            return RetryDecision(again=True) if call.parent is None else None

    down = refusal("Down.", code=None, status=503)
    lab = Lab(down, plugins=(TriesAgain(),), on_overflow="chunk", parallel_parts=1)
    reply = lab.act("chat", model="gpt-4", prompt=LONG)
    assert (reply.status_code, lab.calls) == (502, 1)


def test_a_part_that_the_service_still_finds_too_long_is_halved() -> None:
    def answer(request: UpstreamRequest) -> UpstreamResponse:
        if len(last_text(request)) > 17_000:
            return refusal("Your input exceeds the context window.", code="context_length_exceeded")(request)
        return echo(request)

    lab = Lab(answer, on_overflow="chunk")
    reply = lab.act("chat", model="gpt-4", prompt=LONG)
    assert reply.status_code == 200
    assert reply.json["text"] == LONG.strip()
    assert len(reply.json["parts"]) == 8
    assert lab.calls == 4 + 8


def test_halving_comes_to_an_end() -> None:
    lab = Lab(
        refusal("Your input exceeds the context window.", code="context_length_exceeded"),
        on_overflow="chunk",
        parallel_parts=1,
    )
    reply = lab.act("chat", model="gpt-4", prompt=LONG)
    assert (reply.status_code, lab.calls) == (400, 4)
    assert reply.json["detail"].startswith("Part 1 of 4 failed: ")


# ---------------------------------------------------------------- what is not split

SCHEMA = {"type": "object"}
TOOL = {"type": "function", "function": {"name": "look"}}


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"stream": True}, "A stream cannot be split"),
        ({"tools": [TOOL]}, "with tools"),
        ({"functions": [{"name": "look"}]}, "with tools"),
        ({"json_schema": SCHEMA}, "is data"),
        ({"response_format": {"type": "json_object"}}, "is data"),
        ({"modalities": ["text", "audio"], "audio": {"voice": "alloy", "format": "mp3"}}, "spoken"),
    ],
)
def test_what_cannot_be_put_together_is_refused_with_the_reason(fields: dict[str, Any], why: str) -> None:
    lab = Lab(on_overflow="chunk")
    reply = lab.act("chat", model="gpt-4", prompt=LONG, **fields)
    assert reply.status_code == 422
    assert reply.json["error"]["code"] == "context_length_exceeded"
    assert why in reply.json["hint"]
    assert lab.calls == 0


def test_the_wire_door_refuses_as_if_nothing_were_set() -> None:
    lab = Lab(on_overflow="chunk")
    reply = lab.wire("/chat/completions", model="gpt-4", messages=[user(LONG)])
    assert (reply.status_code, reply.json["error"]["code"]) == (400, "context_length_exceeded")
    assert "action door" in reply.json["error"]["message"]
    assert lab.calls == 0


def test_too_many_parts_are_refused_before_any_is_run() -> None:
    lab = Lab(on_overflow="chunk", max_parts=3)
    reply = lab.act("chat", model="gpt-4", prompt=LONG)
    assert reply.status_code == 422
    assert "takes 4 parts, and at most 3 are allowed" in reply.json["hint"]
    assert lab.calls == 0


@pytest.mark.parametrize(
    ("verb", "fields", "why"),
    [
        ("chat", {"model": "gpt-4", "messages": [user(LONG), user("And?")]}, "leaves no room"),
        (
            "chat",
            {"model": "gpt-4", "messages": [{"role": "system", "content": LONG}]},
            "no message of the user",
        ),
        ("chat", {"model": "gpt-4", "prompt": "Hi", "system": LONG}, "leaves no room"),
        ("chat", {"model": "gpt-4", "prompt": words(5000), "max_tokens": 4096}, ""),
        ("complete", {"model": "davinci-002", "prompt": [LONG, "b"]}, "one by one"),
        ("edit", {"model": "gpt-4", "input": "a", "instruction": LONG}, "leaves no room"),
    ],
)
def test_a_call_without_a_text_that_splitting_helps_is_refused(
    verb: str, fields: dict[str, Any], why: str
) -> None:
    lab = Lab(on_overflow="chunk")
    reply = lab.act(verb, **fields)
    if why:
        assert reply.status_code == 422
        assert why in reply.json["hint"]
        assert lab.calls == 0
    else:
        assert (reply.status_code, lab.calls) == (200, 2)


def test_a_part_is_never_split_again() -> None:
    class Grows:
        """Makes every part too long again, without end."""

        @hookimpl(tryfirst=True)
        def hookline_shape_request(self, call: Call, request: UpstreamRequest) -> None:
            if call.parent is not None and request.body is not None:
                request.body["messages"] = [user(LONG)]

    lab = Lab(plugins=(Grows(),), on_overflow="chunk")
    reply = lab.act("chat", model="gpt-4", prompt=LONG)
    assert reply.status_code == 422
    assert reply.json["detail"].startswith("Part ")
    assert lab.calls == 0


def test_an_action_that_runs_a_chat_may_have_it_split() -> None:
    class Asks:
        @hookimpl(tryfirst=True)
        def hookline_execute(self, call: Call, request: UpstreamRequest) -> UpstreamResponse | None:
            if call.action.id != "openai.moderate":
                return None
            text = call.run("openai.chat", {"model": "gpt-4", "prompt": LONG})["text"]
            return UpstreamResponse.of_json({"id": "m", "model": str(text)[:9], "results": []})

    lab = Lab(plugins=(Asks(),), on_overflow="chunk")
    lab.act("moderate", input="x")
    assert lab.calls == 4


def test_a_cancelled_call_starts_no_more_parts() -> None:
    class Leaves:
        @hookimpl(tryfirst=True)
        def hookline_execute(self, call: Call) -> None:
            if call.parent is None:
                call.cancellation.cancel()

    lab = Lab(plugins=(Leaves(),), on_overflow="chunk")
    assert lab.act("chat", model="gpt-4", prompt=LONG).status_code == 500
    assert lab.calls == 0


def test_parts_by_estimate_stay_well_within_the_window() -> None:
    lab = Lab(on_overflow="chunk", count="estimate")
    assert lab.act("chat", model="gpt-4", prompt=LONG * 2).status_code == 200
    assert all(OLDER.count(last_text(request)).tokens < 6144 for request in lab.upstream.sent)
    assert lab.calls > 8
