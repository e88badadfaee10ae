"""Telling a complete stream from a cut one, at both doors."""

from __future__ import annotations

from typing import Any

import pytest

from hookline.errors import StreamInterruptedError, UpstreamTimeoutError
from hookline.usage import Usage
from streams_lab import DONE, END, ROLE, TOP, Chunks, Lab, delta, encode, say, usage

DOORS = pytest.mark.parametrize("door", ["action", "wire"])
CUT = StreamInterruptedError("The upstream broke the connection in the middle of its answer.")
GOOD = [ROLE, say("Hel"), say("lo"), END, usage(7, 5), DONE]


def one(index: int, reason: str | None = None) -> bytes:
    return delta({"content": "x"}, reason, index=index)


@DOORS
@pytest.mark.parametrize("options", [{}, {"on_interrupt": "restart"}, {"on_interrupt": "continue"}])
def test_complete_stream_passes(door: str, options: dict[str, Any]) -> None:
    lab = Lab(GOOD, **options)

    result = lab.run(door)

    assert (result.text, result.is_done, lab.attempts) == ("Hello", True, 1)
    assert lab.record.usage == Usage(input_tokens=7, output_tokens=5)
    if door == "wire":
        assert result.content == b"".join(GOOD)


@DOORS
@pytest.mark.parametrize("rest", [[], [CUT]], ids=["ends", "breaks"])
def test_cut_at_any_byte_ends_with_an_error_and_loses_nothing_that_was_whole(
    door: str, rest: list[bytes | Exception]
) -> None:
    stream = b"".join(GOOD)
    lab = Lab()
    for position in range(len(stream) + 1):
        received = stream[:position]

        result = lab.follow([received, *rest]).run(door)

        arrived = "".join(text for text in ("Hel", "lo") if say(text) in received)
        assert (result.text, lab.attempts) == (arrived, 1)
        assert result.is_done is (position == len(stream))
        if not result.is_done:
            assert result.error["code"] == "stream_interrupted"


@DOORS
@pytest.mark.parametrize(
    ("chunks", "code"),
    [
        ([ROLE, say("Hel"), UpstreamTimeoutError("Silent.")], "upstream_timeout"),
        ([ROLE, say("Hel"), b"data: {no json}\n\n", say("lo"), END, DONE], "invalid_upstream_answer"),
        ([ROLE, say("Hel"), b"data: [1, 2]\n\n", END, DONE], "invalid_upstream_answer"),
        ([ROLE, say("Hel"), b"data: \xff\xfe\n\n", END, DONE], "invalid_upstream_answer"),
        ([ROLE, say("Hel"), b'data: {"a": "half\n\n', END, DONE], "invalid_upstream_answer"),
        ([ROLE, say("Hel"), END], "stream_interrupted"),
        ([ROLE, say("Hel"), usage(7, 5), DONE], "stream_interrupted"),
        ([ROLE, say("Hel"), DONE], "stream_interrupted"),
    ],
    ids=[
        "stall",
        "garbage",
        "a list",
        "no UTF-8",
        "half",
        "no mark of the end",
        "no end but usage",
        "no end",
    ],
)
def test_stream_that_is_not_complete_ends_with_an_error(door: str, chunks: Chunks, code: str) -> None:
    lab = Lab(chunks)

    result = lab.run(door)

    assert (result.text, result.is_done) == ("Hel", False)
    assert result.error["code"] == code
    assert lab.attempts == 1
    assert lab.bodies[0].is_closed_soon()


@DOORS
@pytest.mark.parametrize("chunks", [[DONE], [usage(1, 1), DONE], [encode({"a": 1}), DONE]])
def test_stream_without_any_choice_is_no_answer(door: str, chunks: Chunks) -> None:
    result = Lab(chunks).run(door)

    assert result.error["code"] == "invalid_upstream_answer"


@DOORS
@pytest.mark.parametrize(
    ("chunks", "is_complete"),
    [
        ([one(0), one(1), one(1, "stop"), one(0, "length")], True),
        ([one(0), one(1), one(0, "stop")], False),
        ([one(0, "stop"), one(1)], False),
        ([one(0, "stop"), one(0), one(1, "stop")], True),  # what comes behind an end opens nothing
    ],
)
def test_every_choice_has_to_end(door: str, chunks: list[bytes], is_complete: bool) -> None:
    result = Lab([*chunks, DONE]).run(door, n=2)

    assert result.is_done is is_complete
    if not is_complete:
        assert "choice" in str(result.error["message"])


@DOORS
def test_completion_is_judged_alike(door: str) -> None:
    def piece(text: str, reason: str | None = None) -> bytes:
        choice = {"index": 0, "text": text, "finish_reason": reason, "logprobs": None}
        return encode({**TOP, "object": "text_completion", "choices": [choice]})

    good = Lab([piece("a"), piece("", "stop"), DONE]).run(door, verb="complete")
    cut = Lab([piece("a"), DONE]).run(door, verb="complete")

    assert (good.text, good.is_done) == ("a", True)
    assert (cut.text, cut.error["code"]) == ("a", "stream_interrupted")


@DOORS
@pytest.mark.parametrize(
    "event",
    [
        encode({"error": {"message": "Overloaded.", "type": "server_error", "code": "server_is_overloaded"}}),
        b'data: { "error" : {"message": "Overloaded.", "code": "server_is_overloaded"}}\n\n',
        b'event: error\ndata: {"message": "Overloaded.", "code": "server_is_overloaded"}\n\n',
    ],
    ids=["as OpenAI writes it", "with spaces", "named"],
)
@pytest.mark.parametrize("end", [[DONE], [], [CUT]], ids=["marked", "unmarked", "cut"])
def test_error_that_the_service_reports_inside_is_passed_on_once(
    door: str, event: bytes, end: list[bytes | Exception]
) -> None:
    lab = Lab([ROLE, say("Hel"), event, *end])

    result = lab.run(door)

    assert (result.text, lab.attempts) == ("Hel", 1)
    assert result.error["code"] == "server_is_overloaded"
    assert [bool(found.get("error")) for found in result.events].count(True) == 1


@DOORS
def test_event_beyond_the_bound_is_a_clear_error_and_is_not_asked_for_again(door: str) -> None:
    def huge() -> Chunks:
        yield ROLE
        yield b'data: {"choices": [{"index": 0, "delta": {"content": "'
        for _ in range(64):
            yield b"x" * 1024 * 1024
        yield b'"}}]}\n\n'

    lab = Lab(huge(), on_interrupt="continue", limits={"max_event_bytes": 16 * 1024 * 1024})

    result = lab.run(door)

    assert result.error["code"] == "stream_event_too_large"
    assert "16,777,216 bytes" in str(result.error["message"])
    assert lab.attempts == 1
    assert not lab.bodies[0].is_read


def test_answer_beyond_the_bound_is_a_clear_error_where_it_is_kept() -> None:
    lab = Lab([ROLE, *[say("x" * 500)] * 3, END, DONE], limits={"max_answer_bytes": 1024})

    kept = lab.run("action")
    passed_on = lab.run("wire")

    assert kept.error["code"] == "upstream_answer_too_large"
    assert passed_on.is_done


def test_more_choices_than_any_service_makes_are_refused() -> None:
    result = Lab([*[one(index) for index in range(10_001)], DONE]).run()

    assert result.error["code"] == "invalid_upstream_answer"
    assert "10,000" in str(result.error["message"])


@pytest.mark.parametrize(
    "odd",
    [
        encode({"choices": {}}),
        encode({"choices": [None]}),
        encode({"choices": [{"index": [1], "delta": 5}]}),
        encode({"choices": [{"index": 0, "delta": {"content": 5, "tool_calls": [None, {"function": 5}]}}]}),
        encode({"choices": [{"index": 0, "delta": {"audio": {"transcript": 5}}}], "usage": 5}),
        encode({"choices": [{"index": 0, "finish_reason": ""}]}),
    ],
)
def test_odd_chunk_passes_the_wire_unjudged(odd: bytes) -> None:
    result = Lab([ROLE, odd, say("a"), END, DONE]).run()

    assert (result.is_done, odd in result.content) == (True, True)


def test_without_the_check_a_stream_of_the_wire_passes_unread() -> None:
    stream = [ROLE, b"data: {no json}\n\n", say("a"), DONE]
    lab = Lab(stream, check=False)

    assert lab.run().content == b"".join(stream)


def test_without_the_check_an_end_that_is_missing_is_not_looked_for() -> None:
    lab = Lab([ROLE, say("a"), DONE], check=False, on_interrupt="restart")

    assert lab.run().is_done
