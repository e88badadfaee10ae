"""What streams of an action without a meter took, also those that broke."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

import hookline_openai
from hookline.errors import StreamInterruptedError, UpstreamTimeoutError
from hookline.usage import Usage
from hookline_openai.connector import connector
from hookline_openai.metering import TokenMeter
from hookline_streams.meter import estimate_prompt
from streams_lab import DONE, END, ROLE, TOP, Chunks, Lab, delta, encode, say, usage, whole_stream

DOORS = pytest.mark.parametrize("door", ["action", "wire"])
CUT = StreamInterruptedError("The upstream broke the connection in the middle of its answer.")
PROMPT = "p" * 400

pytestmark = pytest.mark.usefixtures("unmetered")


def counted(prompt: int, made: int, text: str) -> bytes:
    """Return a chunk of a service that counts in every chunk."""
    choice = {"index": 0, "delta": {"content": text}, "finish_reason": None}
    return encode({**TOP, "choices": [choice], "usage": {"prompt_tokens": prompt, "completion_tokens": made}})


@pytest.fixture
def unmetered(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Take the meter, and what reads its streams, away from the connector."""
    action = connector.actions["openai.chat"]
    meter = action.meter
    monkeypatch.setattr(hookline_openai, "hookline_open_stream", None)
    object.__setattr__(action, "meter", None)
    yield
    object.__setattr__(action, "meter", meter)


def ask(lab: Lab, door: str) -> Usage | None:
    prompt: dict[str, Any] = (
        {"prompt": PROMPT} if door == "action" else {"messages": [{"role": "user", "content": PROMPT}]}
    )
    lab.run(door, **prompt)
    return lab.record.usage


@DOORS
def test_complete_stream_has_the_service_s_own_count(door: str) -> None:
    assert ask(Lab(whole_stream("Hello")), door) == Usage(input_tokens=7, output_tokens=5)


def test_stream_of_an_action_with_a_meter_is_left_to_its_connector() -> None:
    object.__setattr__(connector.actions["openai.chat"], "meter", TokenMeter())

    assert ask(Lab([ROLE, say("a" * 30), CUT]), "wire") is None


@DOORS
def test_complete_stream_whose_service_does_not_count_is_estimated(door: str) -> None:
    found = ask(Lab([ROLE, say("a" * 30), END, DONE]), door)

    assert found == Usage(input_tokens=101, output_tokens=8, is_estimated=True)


def test_every_stream_counts_where_no_service_does() -> None:
    lab = Lab([ROLE, CUT], [ROLE, say("a" * 40), END, DONE], on_interrupt="restart")

    assert ask(lab, "wire") == Usage(input_tokens=101 + 101, output_tokens=10, is_estimated=True)


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        ([whole_stream("Hello")], Usage(input_tokens=7, output_tokens=5)),
        (
            [[ROLE, say("a" * 40), CUT], whole_stream(" upon")],
            Usage(input_tokens=108, output_tokens=15, is_estimated=True),
        ),
        (
            [[ROLE, counted(70, 3, "Hello"), CUT], whole_stream(" you")],
            Usage(input_tokens=77, output_tokens=8, is_estimated=True),
        ),
    ],
    ids=["complete", "estimated and told", "told twice"],
)
def test_streams_of_a_connector_without_a_meter_are_read_here(answers: list[Chunks], expected: Usage) -> None:
    assert ask(Lab(*answers, on_interrupt="continue"), "wire") == expected


def test_part_that_was_told_counts_with_one_that_was_not() -> None:
    lab = Lab([ROLE, counted(70, 3, "Hello"), CUT], [say(" you" * 4), END, DONE], on_interrupt="continue")

    found = ask(lab, "wire")

    sent = 70 + estimate_prompt(lab.sent[1])
    assert found == Usage(input_tokens=sent, output_tokens=3 + 4, is_estimated=True)


@DOORS
@pytest.mark.parametrize("failure", [CUT, UpstreamTimeoutError("Silent."), b"data: garbage\n\n", DONE])
def test_cut_stream_is_estimated_from_its_texts(door: str, failure: bytes | Exception) -> None:
    found = ask(Lab([ROLE, say("a" * 30), say("b" * 11), failure]), door)

    assert found == Usage(input_tokens=101, output_tokens=11, is_estimated=True)  # "user" is a token, too


def test_tool_calls_and_other_scripts_count() -> None:
    tool = {"index": 0, "function": {"name": "f" * 4, "arguments": "a" * 12}}
    custom = {"index": 1, "custom": {"name": "f" * 4, "input": "a" * 8}}
    pieces = [
        delta({"tool_calls": [tool, custom]}),
        delta({"function_call": {"arguments": "a" * 8}}),
        delta({"refusal": "日本語の"}),
        delta({"audio": {"transcript": "a" * 4, "data": "AAAA" * 1000}}),
    ]

    found = ask(Lab([ROLE, *pieces, CUT]), "wire")

    assert found is not None
    assert found.output_tokens == (16 + 12 + 8 + 12 + 4) // 4


@pytest.mark.parametrize(
    ("chunks", "expected"),
    [
        ([ROLE, say("Hello"), END, usage(70, 50), CUT], Usage(input_tokens=70, output_tokens=50)),
        (
            [ROLE, counted(70, 3, "Hello"), CUT],
            Usage(input_tokens=70, output_tokens=3, is_estimated=True),
        ),
        (
            [ROLE, encode({"choices": [], "usage": {"prompt_tokens": -1, "completion_tokens": 1}}), CUT],
            Usage(input_tokens=101, output_tokens=0, is_estimated=True),
        ),
    ],
    ids=["after the end", "in every chunk", "garbage"],
)
def test_what_the_service_counted_goes_before_an_estimate(chunks: Chunks, expected: Usage) -> None:
    assert ask(Lab(chunks), "wire") == expected


@DOORS
def test_restarted_stream_counts_with_the_one_that_took_its_place(door: str) -> None:
    lab = Lab([ROLE, CUT], whole_stream("Hello"), on_interrupt="restart")

    assert ask(lab, door) == Usage(input_tokens=101 + 7, output_tokens=5, is_estimated=True)


@DOORS
def test_continued_stream_counts_with_what_it_goes_on_from(door: str) -> None:
    lab = Lab([ROLE, say("a" * 40), CUT], whole_stream(" upon"), on_interrupt="continue")

    assert ask(lab, door) == Usage(input_tokens=101 + 7, output_tokens=10 + 5, is_estimated=True)


def test_numbers_that_were_joined_are_counted_once() -> None:
    lab = Lab([ROLE, counted(70, 3, "Hello"), CUT], whole_stream(" you"), on_interrupt="continue")

    assert ask(lab, "wire") == Usage(input_tokens=77, output_tokens=8, is_estimated=True)


def test_every_stream_of_a_call_that_fails_in_the_end_counts() -> None:
    answers: list[Chunks] = [[ROLE, say(letter * 40), CUT] for letter in "abc"]
    lab = Lab(*answers, on_interrupt="continue", max_resumes=2)

    found = ask(lab, "wire")

    assert lab.attempts == 3
    asked = [estimate_prompt(sent) for sent in lab.sent]
    assert found == Usage(input_tokens=sum(asked), output_tokens=30, is_estimated=True)
    assert asked == sorted(asked)


def test_request_to_go_on_that_was_never_answered_is_not_counted() -> None:
    lab = Lab(on_interrupt="continue")

    def refuse(request: object) -> None:
        raise UpstreamTimeoutError("No connection.", reached_upstream=False)

    lab.follow([ROLE, say("a" * 40), CUT], refuse)  # type: ignore[arg-type]  # it never answers

    assert ask(lab, "wire") == Usage(input_tokens=101, output_tokens=10, is_estimated=True)


def test_stream_whose_caller_left_is_estimated() -> None:
    lab = Lab([ROLE, say("a" * 40), *[say("b")] * 100_000])
    reply = lab.start(messages=[{"role": "user", "content": PROMPT}])
    assert not isinstance(reply.content, bytes)

    next(iter(reply.content))
    reply.content.close()  # type: ignore[attr-defined]  # as a server does when its client leaves

    assert lab.bodies[0].is_closed_soon()
    found = lab.record.usage
    assert found is not None
    assert (found.input_tokens, found.output_tokens >= 10, found.is_estimated) == (101, True, True)


@pytest.mark.parametrize(
    ("body", "tokens"),
    [
        (None, 0),
        ({}, 0),
        ({"model": "m" * 1000, "prompt": "abcde"}, 2),
        ({"prompt": [1, 2, 3]}, 3),
        ({"prompt": [[1, 2], [3]]}, 3),
        ({"prompt": ["abcd", "abcd"]}, 2),
        (
            {"messages": [{"content": [{"text": "abcd"}, {"image_url": {"url": "data:" + "A" * 9999}}]}]},
            1,
        ),
        ({"messages": [{"content": "日本語の"}]}, 3),
        ({"messages": [{"content": "\ud800"}], "tools": [{"type": "function"}]}, 3),
        ({"messages": True}, 0),
    ],
)
def test_prompt_is_estimated_from_its_texts(body: dict[str, object] | None, tokens: int) -> None:
    assert estimate_prompt(body) == tokens
