"""Streams event by event: what waits, what goes, and in which order."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Any, cast

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hookline.errors import ContentBlockedError, StreamInterruptedError
from hookline.streaming import OutcomeKind, StreamEvent, StreamOutcome
from hookline_moderation.options import ModerationOptions
from hookline_moderation.stream import StreamCheck

if TYPE_CHECKING:
    from hookline_moderation.checker import Checker
    from hookline_moderation.content import Content

PHRASE = "forbidden"


@dataclass
class Counter:
    """Blocks the phrase, and counts how often and about how much it is asked."""

    checks: int = 0
    chars: int = 0
    longest: int = 0
    seen: list[list[str]] = field(default_factory=list)

    def check(self, content: Content) -> None:
        texts = list(content.texts)
        if not texts:
            return
        self.checks += 1
        self.chars += sum(map(len, texts))
        self.longest = max(self.longest, *map(len, texts))
        self.seen.append(texts)
        if any(PHRASE in text for text in texts):
            raise ContentBlockedError("No.")


@dataclass
class Run:
    """What came of a stream."""

    sent: list[StreamEvent]
    delivered: list[StreamEvent]
    is_blocked: bool
    counter: Counter


def run(
    events: list[StreamEvent], *, kind: OutcomeKind = "complete", wire: bool = True, **options: Any
) -> Run:
    counter = Counter()
    transform = StreamCheck(
        cast("Checker", counter),
        ModerationOptions(check_output=True, **options),
        is_wire=wire,
        stops_at_refusals=False,
        checked=None,
    )
    delivered: list[StreamEvent] = []
    try:
        for event in events:
            delivered += transform.feed(event)
        delivered += transform.finish(StreamOutcome(kind=kind))
    except ContentBlockedError:
        assert list(transform.finish(StreamOutcome(kind="rejected"))) == []
        return Run(events, delivered, True, counter)
    return Run(events, delivered, False, counter)


def event(delta: dict[str, Any], *, index: int = 0, finish: str | None = None, **more: Any) -> StreamEvent:
    choice = {"index": index, "delta": delta, "finish_reason": finish, **more}
    return StreamEvent(orjson.dumps({"id": "chatcmpl-1", "model": "m", "choices": [choice]}))


def texts(*pieces: str, index: int = 0, name: str = "content") -> list[StreamEvent]:
    return [event({name: piece}, index=index) for piece in pieces]


def end(index: int = 0) -> StreamEvent:
    return event({}, index=index, finish="stop")


USAGE = StreamEvent(b'{"choices":[],"usage":{"total_tokens":3}}')


@pytest.mark.parametrize("at", range(1, len(PHRASE)))
@pytest.mark.parametrize("hold_chars", [1, 7, 400])
@pytest.mark.parametrize("before", ["", "Some words come first, and then a few more. "])
def test_a_phrase_is_found_wherever_it_is_split(at: int, hold_chars: int, before: str) -> None:
    events = [*texts(*before.split(" "), PHRASE[:at], PHRASE[at:], " and so on"), end(), USAGE]

    result = run(events, hold_chars=hold_chars, overlap_chars=20)

    assert result.is_blocked
    delivered = b"".join(one.data for one in result.delivered)
    assert PHRASE[:at].encode() + b'"' not in delivered


@pytest.mark.parametrize("mode", ["hold", "inspect"])
def test_a_phrase_of_single_characters_is_found(mode: str) -> None:
    result = run([*texts(*("x" * 500 + PHRASE)), end()], stream_mode=mode, hold_chars=10, overlap_chars=10)

    assert result.is_blocked


@pytest.mark.parametrize("mode", ["hold", "inspect"])
@pytest.mark.parametrize(
    "events",
    [
        texts("for", "bidden", name="refusal"),
        texts("for", "bidden", index=1),
        [event({"tool_calls": [{"index": 0, "function": {"name": PHRASE, "arguments": ""}}]}), end()],
        [
            event({"tool_calls": [{"index": 0, "id": "c", "function": {"arguments": '{"a":"forb'}}]}),
            event({"tool_calls": [{"index": 1, "id": "d", "function": {"arguments": "other"}}]}),
            event({"tool_calls": [{"index": 0, "function": {"arguments": 'idden"}'}}]}),
            end(),
        ],
        [
            end(),
            event({"tool_calls": [{"index": 0, "function": {"arguments": PHRASE}}]}),
        ],
        [
            event({"function_call": {"name": "f", "arguments": "forb"}}),
            event({"function_call": {"arguments": "idden"}}),
        ],
        [event({"tool_calls": [{"index": 0, "custom": {"input": PHRASE}}]})],
        [event({"audio": {"transcript": "forb"}}), event({"audio": {"transcript": "idden", "data": "AAAA"}})],
        texts("forb", "idden", name="reasoning_content"),
        [event({"annotations": [{"type": "url_citation", "url_citation": {"title": "a forbidden page"}}]})],
        [
            event({"content": ""}, logprobs={"content": [{"token": "forb"}]}),
            event({}, logprobs={"content": [{"token": "idden"}]}),
        ],
        [event({}, logprobs={"odd": {"er": "a forbidden word"}})],
        [event({}, message={"content": "a forbidden word"})],
        [StreamEvent(b'{"choices":[],"note":"a forbidden word"}')],
        [StreamEvent(b'{"choices":["a forbidden word"]}')],
        [
            StreamEvent(b'{"choices":[{"text":"forb","index":0}]}'),
            StreamEvent(b'{"choices":[{"text":"idden","index":0}]}'),
        ],
        [StreamEvent(b'{"text":"forb"}'), StreamEvent(b'{"text":"idden"}')],
        [StreamEvent(b'{"choices":{"0":"a forbidden word"}}')],
        [StreamEvent(b'{"deep":[{"er":["forb"]}]}'), StreamEvent(b'{"deep":[{"er":["idden"]}]}')],
        [event({"content": None, "a forbidden name": {"x": 1}}), event({"x": {"a forbidden name": 1}})],
    ],
)
def test_every_text_of_a_stream_is_looked_at(events: list[StreamEvent], mode: str) -> None:
    result = run(events, stream_mode=mode)

    assert result.is_blocked
    if mode == "hold":
        assert result.delivered == []


def test_escapes_in_what_a_tool_is_called_with_are_read() -> None:
    counter = run([event({"content": r"{\"a\": \"\u0066orbidden\"}"}), end()]).counter

    assert counter.seen == [
        [r"{\"a\": \"\u0066orbidden\"}"]
    ]  # the checker reads them; see the tests of batches


def test_tokens_that_are_the_text_are_not_checked_twice() -> None:
    tokens = {
        "content": [{"token": "Hel", "logprob": -0.1}, {"token": "lo", "logprob": -0.2}],
        "refusal": None,
    }

    result = run([event({"content": "Hello"}, logprobs=tokens), end()])

    assert result.counter.seen == [["Hello"]]
    assert result.delivered == result.sent


def test_events_without_text_keep_their_place() -> None:
    padding = StreamEvent(b'{"choices":[{"index":0,"delta":{}}],"obfuscation":"abc"}')
    events = [
        event({"role": "assistant"}),
        *texts("a" * 300),
        padding,
        *texts("b" * 300),
        padding,
        end(),
        USAGE,
    ]

    result = run(events, hold_chars=100, overlap_chars=50)

    assert result.delivered == events
    assert not result.is_blocked


def test_an_event_goes_when_what_follows_it_was_checked_too() -> None:
    counter = Counter()
    transform = StreamCheck(
        cast("Checker", counter),
        ModerationOptions(hold_chars=10, overlap_chars=5),
        is_wire=True,
        stops_at_refusals=False,
        checked=None,
    )
    steps = [len(list(transform.feed(one))) for one in texts(*["ab "] * 8)]

    assert counter.seen == [["ab ab ab ab "], ["ab ab ab ab ab ab "]]
    assert steps == [0, 0, 0, 2, 0, 0, 0, 4]


def test_inspected_events_pass_at_once_and_the_stream_is_stopped() -> None:
    events = [*texts(*["ab "] * 8), *texts(PHRASE, " x ", " y "), end()]

    result = run(events, stream_mode="inspect", hold_chars=10, overlap_chars=10)

    assert result.is_blocked
    assert result.delivered == events[:9]


def test_choices_do_not_wait_for_each_other_once_they_have_ended() -> None:
    events = [*texts("short"), end(0), *texts(*["long words "] * 100, index=1), end(1)]
    counter = Counter()
    transform = StreamCheck(
        cast("Checker", counter),
        ModerationOptions(hold_chars=50, overlap_chars=20),
        is_wire=True,
        stops_at_refusals=False,
        checked=None,
    )

    delivered = [one for given in events for one in transform.feed(given)]

    assert len(delivered) > 90
    assert [*delivered, *transform.finish(StreamOutcome(kind="complete"))] == events


def test_many_choices_share_their_checks() -> None:
    events = [event({"content": f"word {at} "}, index=index) for at in range(100) for index in range(50)]

    result = run([*events, *[end(index) for index in range(50)]], hold_chars=100, overlap_chars=20)

    assert not result.is_blocked
    assert result.delivered == result.sent
    assert result.counter.checks <= 12


def test_a_stream_that_broke_releases_nothing_more() -> None:
    result = run(texts("Hello"), kind="interrupted")

    assert (result.delivered, result.counter.checks) == ([], 0)


def test_an_error_of_the_upstream_is_not_swallowed() -> None:
    with pytest.raises(StreamInterruptedError):
        run([StreamEvent(b'{"error":{"message":"Broken."}}')])


@pytest.mark.parametrize("mode", ["hold", "inspect"])
@pytest.mark.parametrize("name", ["content", "refusal", "tool"])
def test_many_tiny_events_take_few_checks_and_little_time(mode: str, name: str) -> None:
    def tiny(letter: str) -> StreamEvent:
        delta = (
            {"tool_calls": [{"index": 0, "function": {"arguments": letter}}]}
            if name == "tool"
            else {name: letter}
        )
        return event(delta)

    began = time.perf_counter()
    result = run([tiny(letter) for letter in "ab " * 10_000] + [end()], stream_mode=mode)

    assert time.perf_counter() - began < 10
    assert result.delivered == result.sent
    assert result.counter.checks <= 30_000 / 350
    assert result.counter.chars <= 30_000 * 2


def test_many_events_without_text_are_not_kept_for_ever() -> None:
    result = run([*texts("Hello"), *[event({}) for _ in range(25_000)], end()])

    assert result.delivered == result.sent
    assert result.counter.checks == 1


def test_many_running_texts_are_all_checked() -> None:
    events = [event({"content": f"number {index}"}, index=index) for index in range(3_000)]

    clean = run([*events, end()])
    harmful = run(
        [*events, event({"content": "forb"}, index=9_000), event({"content": "idden"}, index=9_000)]
    )

    assert (clean.is_blocked, clean.delivered) == (False, clean.sent)
    assert harmful.is_blocked


def test_a_huge_event_is_checked_and_let_go() -> None:
    result = run([*texts("word " * 2_000_000), end()])

    assert result.delivered == result.sent
    assert result.counter.checks == 1


def test_a_check_does_not_begin_or_end_in_the_middle_of_a_word() -> None:
    result = run([*texts(*["extraordinary words "] * 40), end()], hold_chars=33, overlap_chars=17)

    words = {word for seen in result.counter.seen for text in seen for word in text.split()}
    assert words == {"extraordinary", "words"}


WORDS = st.text(alphabet="ab \n", max_size=12)


@st.composite
def streams(draw: st.DrawFn) -> list[StreamEvent]:
    """Draw streams of up to three choices, whose texts are cut anywhere and may hold the phrase."""
    lines: list[list[StreamEvent]] = []
    for index in range(draw(st.integers(1, 3))):
        name = draw(st.sampled_from(["content", "refusal", "tool"]))
        whole = "".join(draw(st.lists(WORDS, max_size=8)))
        if draw(st.booleans()):
            at = draw(st.integers(0, len(whole)))
            whole = whole[:at] + PHRASE + whole[at:]
        cuts = sorted({0, len(whole), *draw(st.lists(st.integers(0, len(whole)), max_size=20))})
        line = [event({"role": "assistant", "content": ""}, index=index)]
        for start, stop in pairwise(cuts):
            piece = whole[start:stop]
            if name == "tool":
                line.append(
                    event({"tool_calls": [{"index": 0, "function": {"arguments": piece}}]}, index=index)
                )
            else:
                line.append(event({name: piece}, index=index))
            if draw(st.integers(0, 5)) == 0:
                line.append(event({}, index=index))
        lines.append([*line, end(index)])
    events: list[StreamEvent] = []
    while lines:
        line = draw(st.sampled_from(lines))
        events.append(line.pop(0))
        lines = [one for one in lines if one]
    return [*events, USAGE]


def running_texts(events: list[StreamEvent]) -> dict[int, list[str]]:
    """Return the pieces of each choice."""
    found: dict[int, list[str]] = {}
    for one in events:
        for choice in cast("list[dict[str, Any]]", one.json["choices"]):
            delta = choice["delta"]
            calls = delta.get("tool_calls")
            piece = (
                calls[0]["function"]["arguments"] if calls else delta.get("content") or delta.get("refusal")
            )
            found.setdefault(choice["index"], []).append(piece or "")
    return found


@settings(max_examples=400, deadline=None)
@given(events=streams(), hold_chars=st.integers(1, 60), overlap_chars=st.integers(len(PHRASE) - 1, 40))
def test_what_is_held_goes_complete_or_not_beyond_the_phrase(
    events: list[StreamEvent], hold_chars: int, overlap_chars: int
) -> None:
    result = run(events, hold_chars=hold_chars, overlap_chars=overlap_chars)

    begins = {index: "".join(pieces).find(PHRASE) for index, pieces in running_texts(events).items()}
    assert result.is_blocked is any(at >= 0 for at in begins.values())
    assert result.delivered == events[: len(result.delivered)]
    if not result.is_blocked:
        assert len(result.delivered) == len(events)
        return
    for index, pieces in running_texts(result.delivered).items():
        if begins[index] >= 0:
            assert len("".join(pieces)) <= begins[index]


@settings(max_examples=200, deadline=None)
@given(events=streams(), hold_chars=st.integers(1, 60), overlap_chars=st.integers(len(PHRASE) - 1, 40))
def test_what_is_inspected_is_stopped_at_the_latest_before_the_end(
    events: list[StreamEvent], hold_chars: int, overlap_chars: int
) -> None:
    result = run(events, stream_mode="inspect", hold_chars=hold_chars, overlap_chars=overlap_chars)

    assert result.is_blocked is any(PHRASE in "".join(pieces) for pieces in running_texts(events).values())
    assert result.delivered == events[: len(result.delivered)]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.text(max_size=6),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "choices",
                    "delta",
                    "index",
                    "content",
                    "text",
                    "logprobs",
                    "tokens",
                    "token",
                    "audio",
                    "data",
                    "id",
                    "finish_reason",
                ]
            )
            | st.text(max_size=4),
            inner,
            max_size=4,
        )
    ),
    max_leaves=20,
)


@settings(max_examples=300, deadline=None)
@given(
    bodies=st.lists(st.dictionaries(st.sampled_from(["choices", "delta", "x"]), JSON, max_size=3), max_size=6)
)
def test_no_event_makes_the_check_fall_over(bodies: list[dict[str, Any]]) -> None:
    events = [StreamEvent(orjson.dumps(body)) for body in bodies]

    result = run(events, hold_chars=3, overlap_chars=2)

    assert result.delivered == events
