"""Streams that did not tell what they took are booked so high that no limit is escaped by leaving them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import orjson
import pytest

import hookline_openai
from fake_clock import FakeClock
from hookline import Call, UpstreamRequest, UpstreamResponse, WireEndpoint, hookimpl
from hookline.errors import (
    BudgetExhaustedError,
    HooklineError,
    RateLimitedError,
    RequestRejectedError,
    StreamInterruptedError,
    UpstreamTimeoutError,
)
from hookline.gateway import Gateway
from hookline.order import Order
from hookline.plugins import PluginHost
from hookline.settings import Settings
from hookline.streaming import StreamTransform
from hookline_limits import LimitsPlugin
from hookline_openai.stream_parts import HIDDEN_TOKENS_PER_S
from hookline_openai.wire import OpenAIWire
from hookline_streams import StreamsPlugin
from small_service import CALLER, Allow, Body, Upstream, streamed, whole
from streams_lab import DONE, END, ROLE, TOP, delta, encode, say, usage

if TYPE_CHECKING:
    from hookline.usage import Usage

CUT = StreamInterruptedError("The upstream broke the connection in the middle of its answer.")
WORD = say("a")  # at the action door a role alone is nothing to send
SILENT = UpstreamTimeoutError("The upstream fell silent.")
PROMPT = "word " * 80
O3, GPT_4O = (2_000, 8_000), (2_500, 10_000)  # nano-dollars for a token of the prompt and of the answer
DOORS = pytest.mark.parametrize("door", ["action", "wire"])
WATCHED = pytest.mark.parametrize("is_watched", [True, False], ids=["streams plugin", "without it"])

Step = bytes | Exception | float
"""What an upstream does: it sends bytes, fails, or takes so many seconds."""


@dataclass
class Books:
    """Remembers what was set aside for calls, and what was booked."""

    estimates: list[Usage] = field(default_factory=list)
    booked: list[Usage | None] = field(default_factory=list)

    @hookimpl
    def hookline_admit(self, estimate: Usage) -> None:
        self.estimates.append(estimate)

    @hookimpl
    def hookline_record_usage(self, call: Call, usage: Usage | None) -> None:
        self.booked.append(usage)


class Lab:
    """A gateway over an upstream that takes its time."""

    def __init__(
        self,
        *answers: list[Step] | Callable[[], UpstreamResponse],
        is_watched: bool = True,
        limits: tuple[str, ...] = (),
        plugin: object = None,
        **streams: object,
    ) -> None:
        self.clock, self.books = FakeClock(), Books()
        self.answers = answers
        self.upstream = Upstream(self._answer)
        host = PluginHost()
        host.register(hookline_openai, name="openai")
        host.register(Allow(), name="allow")
        host.register(self.books, name="books")
        if limits:
            host.register(LimitsPlugin(), name="limits")
        if is_watched:
            host.register(StreamsPlugin(random=lambda: 0.0), name="streams")
        if plugin is not None:
            host.register(plugin, name="plugin")
        options: dict[str, Any] = {"limits": {"limits": list(limits)}} if limits else {}
        if is_watched and streams:
            options["streams"] = streams
        self.gateway = Gateway(
            Settings(plugins=options), host=host, transport=self.upstream, environ={}, clock=self.clock
        )

    def _answer(self, request: UpstreamRequest) -> UpstreamResponse:
        answer = self.answers[min(len(self.upstream.sent), len(self.answers)) - 1]
        return answer() if callable(answer) else streamed(Body(self._play(answer)))

    def _play(self, steps: list[Step]) -> Iterator[bytes | Exception]:
        for step in steps:
            if isinstance(step, float):
                self.clock.advance(step)
            else:
                yield step

    def open(
        self, model: str = "o3", door: str = "wire", *, verb: str = "chat", **fields: Any
    ) -> Iterator[bytes]:
        asked: dict[str, object] = {"model": model, "stream": True}
        if door == "action" or verb == "complete":
            asked["prompt"] = PROMPT
        else:
            asked["messages"] = [{"role": "user", "content": PROMPT}]
        asked |= fields
        endpoint = WireEndpoint(action=f"openai.{verb}", format=OpenAIWire()) if door == "wire" else None
        order = Order(
            action_id=f"openai.{verb}",
            fields=asked,
            content=orjson.dumps(asked) if endpoint else None,
            endpoint=endpoint,
        )
        pipeline = self.gateway.pipeline
        content = pipeline.perform(pipeline.prepare(CALLER, order)).content
        return iter([content]) if isinstance(content, bytes) else content

    def leave(self, after_s: float = 0.0, model: str = "o3", door: str = "wire", **fields: Any) -> Usage:
        """Open a stream, read what comes first, and leave."""
        pieces = self.open(model, door, **fields)
        next(pieces)
        self.clock.advance(after_s)
        pieces.close()  # type: ignore[attr-defined]  # as a server does when its client leaves
        return self.usage

    def read(self, model: str = "o3", door: str = "wire", **fields: Any) -> Usage:
        """Read a stream to its end, whatever that is."""
        try:
            for _ in self.open(model, door, **fields):
                pass
        except HooklineError:
            pass
        return self.usage

    @property
    def usage(self) -> Usage:
        booked = self.books.booked[-1]
        assert booked is not None
        return booked

    @property
    def estimate(self) -> Usage:
        """What was set aside for the last call."""
        return self.books.estimates[-1]


def counted(made: int, text: str) -> bytes:
    """Return a chunk of a service that counts in every chunk."""
    choice = {"index": 0, "delta": {"content": text}, "finish_reason": None}
    return encode({**TOP, "choices": [choice], "usage": {"prompt_tokens": 70, "completion_tokens": made}})


# ---------------------------------------------------------------- limits


@WATCHED
@DOORS
@pytest.mark.parametrize(("open_s", "admitted"), [(0.0, 2), (1.5, 1), (20.0, 1), (600.0, 1)])
def test_budget_is_not_escaped_by_leaving_while_a_model_thinks(
    open_s: float, admitted: int, door: str, is_watched: bool
) -> None:
    lab = Lab([WORD, CUT], limits=("0.25 usd / day",), is_watched=is_watched)

    for _ in range(admitted):
        lab.leave(open_s, door=door, max_tokens=30_000)
    with pytest.raises(BudgetExhaustedError):
        lab.leave(open_s, door=door, max_tokens=30_000)


@WATCHED
@pytest.mark.parametrize("model", ["o3", "unknown"])
def test_limit_on_tokens_is_not_escaped_by_leaving_while_a_model_thinks(model: str, is_watched: bool) -> None:
    lab = Lab([WORD, CUT], limits=("100000 tokens / day",), is_watched=is_watched)

    for _ in range(3):
        lab.leave(30.0, model, max_tokens=30_000)
    with pytest.raises(RateLimitedError):
        lab.leave(30.0, model, max_tokens=30_000)


# ---------------------------------------------------------------- hidden thinking


@WATCHED
@DOORS
@pytest.mark.parametrize(
    ("open_s", "seconds"), [(0.0, 1), (0.2, 1), (1.0, 1), (1.5, 2), (29.0, 29), (30.0, 30), (600.0, 30)]
)
def test_each_second_of_a_model_that_thinks_counts_up_to_what_was_set_aside(
    open_s: float, seconds: int, door: str, is_watched: bool
) -> None:
    lab = Lab([WORD, CUT], is_watched=is_watched)

    found = lab.leave(open_s, door=door, max_completion_tokens=30_000)

    made = min(30_000, seconds * HIDDEN_TOKENS_PER_S + 1)
    assert (found.input_tokens, found.output_tokens) == (lab.estimate.input_tokens, made)
    assert lab.estimate.cost_nano_usd is not None
    assert found.cost_nano_usd == lab.estimate.cost_nano_usd - (30_000 - made) * O3[1]
    assert found.is_estimated


@WATCHED
def test_what_was_seen_counts_besides(is_watched: bool) -> None:
    lab = Lab([ROLE, say("a" * 400), 2.0, CUT], is_watched=is_watched)

    found = lab.read(max_completion_tokens=30_000)

    assert found.output_tokens == 2_100
    assert lab.estimate.cost_nano_usd is not None
    assert found.cost_nano_usd == lab.estimate.cost_nano_usd - (30_000 - 2_400) * O3[1]


def test_each_of_several_answers_is_thought_about() -> None:
    lab = Lab([WORD, CUT])

    assert lab.leave(2.5, n=4, max_completion_tokens=30_000).output_tokens == 4 * 3_000 + 1
    assert lab.leave(60.0, n=4, max_completion_tokens=30_000).output_tokens == 4 * 30_000
    many = lab.leave(2.0, "unknown", verb="complete", prompt=["a", "b", "c"], max_tokens=30_000)
    assert many.output_tokens == 3 * 2_000 + 1


@WATCHED
@DOORS
def test_model_that_is_not_known_may_think_and_has_no_price(door: str, is_watched: bool) -> None:
    lab = Lab([ROLE, say("Hello"), CUT], is_watched=is_watched)

    found = lab.leave(3.0, "unknown", door)
    most = lab.leave(600.0, "unknown", door)

    assert 3_000 < found.output_tokens < 3_010
    assert most.output_tokens == lab.estimate.output_tokens == 16_384
    assert found.cost_nano_usd is most.cost_nano_usd is None


@pytest.mark.parametrize(
    "fields",
    [
        {"modalities": ["text", "audio"], "audio": {"voice": "alloy", "format": "pcm16"}},
        {"prediction": {"type": "content", "content": "Hello"}},
    ],
    ids=["sound", "prediction"],
)
def test_sound_and_failed_predictions_are_not_seen_either(fields: dict[str, Any]) -> None:
    lab = Lab([WORD, CUT])

    assert lab.leave(2.0, "gpt-4o-audio-preview", **fields).output_tokens == 2_001


# ---------------------------------------------------------------- models that show all they make


@WATCHED
@DOORS
@pytest.mark.parametrize("open_s", [0.0, 60.0])
def test_text_of_a_model_that_does_not_reason_counts_its_bytes_for_the_cost(
    open_s: float, door: str, is_watched: bool
) -> None:
    lab = Lab([ROLE, say("a" * 30), say("b" * 11), open_s, CUT], is_watched=is_watched)

    found = lab.read("gpt-4o", door)

    assert (found.input_tokens, found.output_tokens) == (lab.estimate.input_tokens, 11)
    assert lab.estimate.cost_nano_usd is not None
    prompt_cost = lab.estimate.cost_nano_usd - lab.estimate.output_tokens * GPT_4O[1]
    assert found.cost_nano_usd == prompt_cost + 41 * GPT_4O[1]
    assert prompt_cost >= 400 * GPT_4O[0]


def test_each_event_counts_for_one_token_at_least() -> None:
    lab = Lab([ROLE, *[say("")] * 20, b"data: garbage\n\n", CUT], is_watched=False)

    assert lab.read("gpt-4o").output_tokens == 22


@WATCHED
@pytest.mark.parametrize("model", ["o3", "gpt-4o", "unknown", "gpt-3.5-turbo-instruct"])
@pytest.mark.parametrize("open_s", [0.0, 3600.0])
def test_never_more_is_booked_than_was_set_aside(model: str, open_s: float, is_watched: bool) -> None:
    verb = "complete" if model.endswith("instruct") else "chat"
    lab = Lab([say("a" * 4_000), CUT], is_watched=is_watched)

    found = lab.leave(open_s, model, verb=verb, max_tokens=50)

    assert found.tokens <= lab.estimate.tokens
    assert found.output_tokens == 50
    assert found.cost_nano_usd == lab.estimate.cost_nano_usd


def test_all_that_a_choice_says_counts() -> None:
    tool = {
        "index": 0,
        "id": "c" * 8,
        "type": "function",
        "function": {"name": "f" * 4, "arguments": "a" * 12},
    }
    pieces: list[Step] = [
        delta({"tool_calls": [tool]}),
        delta({"refusal": "日本語の"}),
        delta({"content": "日本語の"}),
        delta({"reasoning_content": "a" * 20}),
        delta({"audio": {"transcript": "a" * 4, "data": "AAAA" * 1000}}),
        encode({**TOP, "choices": [{"index": 0, "text": "a" * 12, "logprobs": {"tokens": ["a" * 99]}}]}),
        encode({**TOP, "choices": [7, {"index": 0, "delta": None}]}),
    ]

    found = Lab([*pieces, CUT], is_watched=False).read("gpt-4o")

    assert found.output_tokens == (24 + 12 + 12 + 20 + 4 + 12) // 4


# ---------------------------------------------------------------- how it ended


@WATCHED
@DOORS
@pytest.mark.parametrize(
    "end", [CUT, SILENT, b"data: garbage\n\n", encode({"error": {"message": "Failed."}})]
)
def test_every_end_but_the_proper_one_is_booked_alike(
    end: bytes | Exception, door: str, is_watched: bool
) -> None:
    found = Lab([ROLE, 5.0, end], is_watched=is_watched).read(door=door)

    assert (found.output_tokens - 5_000 in (1, 2), found.is_estimated) == (True, True)


class Refuse(StreamTransform):
    """Stops a stream at once."""

    def feed(self, event: object) -> list[Any]:
        raise RequestRejectedError("No.")


class Refuser:
    """A plugin that does."""

    @hookimpl
    def hookline_open_stream(self) -> StreamTransform:
        return Refuse()


@WATCHED
def test_stream_that_another_plugin_stops_is_booked_too(is_watched: bool) -> None:
    lab = Lab([2.5, ROLE, END, usage(7, 5), DONE], is_watched=is_watched, plugin=Refuser())

    assert lab.read().output_tokens == 3_001


@DOORS
def test_complete_stream_that_does_not_tell_may_have_thought_as_well(door: str) -> None:
    found = Lab([ROLE, 5.0, say("a" * 40), END, DONE]).read(door=door)

    assert (found.output_tokens, found.is_estimated) == (5_010, True)


def test_answer_that_the_gateway_put_together_until_time_was_up_is_booked() -> None:
    lab = Lab([ROLE, 5.0, say("a" * 40), SILENT], internal=True)

    assert lab.read(stream=False).output_tokens == 5_010


# ---------------------------------------------------------------- what was told


@WATCHED
@DOORS
@pytest.mark.parametrize("end", [CUT, DONE])
@pytest.mark.parametrize("model", ["o3", "gpt-4o", "unknown"])
def test_what_was_told_at_the_end_holds(
    model: str, end: bytes | Exception, door: str, is_watched: bool
) -> None:
    lab = Lab([ROLE, say("Hello"), 60.0, END, usage(70, 50), 60.0, end], is_watched=is_watched)

    found = lab.read(model, door)

    assert (found.input_tokens, found.output_tokens, found.is_estimated) == (70, 50, False)
    cost = {"o3": 70 * O3[0] + 50 * O3[1], "gpt-4o": 70 * GPT_4O[0] + 50 * GPT_4O[1]}
    assert found.cost_nano_usd == cost.get(model)


@WATCHED
@pytest.mark.parametrize(("model", "made", "most"), [("o3", 3_005, 3_020), ("gpt-4o", 1_005, 1_020)])
def test_what_came_after_the_last_count_is_added(model: str, made: int, most: int, is_watched: bool) -> None:
    steps: list[Step] = [ROLE, 60.0, counted(1_000, "Hello"), 2.0, *[say("a" * 5)] * 4, CUT]
    lab = Lab(steps, is_watched=is_watched)

    found = lab.read(model)

    assert (found.input_tokens, found.output_tokens, found.is_estimated) == (70, made, True)
    rates = O3 if model == "o3" else GPT_4O
    assert found.cost_nano_usd == 70 * rates[0] + most * rates[1]


def test_what_is_added_to_a_count_stays_within_what_was_asked_for() -> None:
    found = Lab([ROLE, counted(100, "Hello"), 60.0, CUT]).read(max_completion_tokens=300)

    assert found.output_tokens == 300


def test_last_count_of_a_complete_stream_that_counts_in_every_chunk_holds() -> None:
    found = Lab([ROLE, counted(3, "Hel"), 60.0, counted(5, "lo"), END, DONE]).read()

    assert (found.output_tokens, found.is_estimated) == (5, False)


# ---------------------------------------------------------------- several streams of one call


def test_each_part_of_a_continued_stream_counts_without_the_wait_between() -> None:
    steps: list[Step] = [ROLE, say("a" * 40), 1.5, CUT]
    second: list[Step] = [say("one two three four five six seven eight "), 1.5, CUT]
    lab = Lab(steps, second, [say("b" * 8), END, usage(70, 50), DONE], on_interrupt="continue", max_resumes=2)

    found = lab.read(max_completion_tokens=30_000)

    assert sum(lab.clock.waits) > 0.5
    assert found.output_tokens == (2_000 + 10) * 2 + 50
    assert found.input_tokens > 70 + 2 * lab.estimate.input_tokens  # the second one had the text besides
    assert found.cost_nano_usd is not None
    assert found.cost_nano_usd > found.input_tokens * O3[0] + found.output_tokens * O3[1]


def test_part_that_counted_is_continued_by_one_that_counts_on() -> None:
    steps: list[Step] = [ROLE, counted(3, "Hello"), 1.5, CUT]
    second: list[Step] = [counted(4, " you"), 0.5, CUT]
    lab = Lab(steps, second, on_interrupt="continue", max_resumes=1)

    found = lab.read(max_completion_tokens=5_000)

    assert (found.input_tokens, found.output_tokens) == (140, 3 + 2_000 + 4 + 1_000)


@DOORS
def test_stream_that_is_begun_anew_counts_with_the_one_that_broke(door: str) -> None:
    lab = Lab([ROLE, 2.5, CUT], [ROLE, say("Hi"), END, usage(70, 50), DONE], on_interrupt="restart")

    found = lab.read(door=door)

    assert (found.input_tokens, found.output_tokens) == (lab.estimate.input_tokens + 70, 3_001 + 50)
    assert found.is_estimated


def refuse() -> UpstreamResponse:
    return whole({"error": {"message": "Slow down."}}, status=429, retry_after="1")


def unreachable() -> UpstreamResponse:
    raise UpstreamTimeoutError("No connection.", reached_upstream=False)


def lost() -> UpstreamResponse:
    raise SILENT


def strange() -> UpstreamResponse:
    return whole({"id": "1"})


@pytest.mark.parametrize(("answer", "lost"), [(refuse, 0), (unreachable, 0), (lost, 1), (strange, 1)])
@pytest.mark.parametrize("mends", ["continue", "restart"])
def test_attempt_to_mend_that_opens_no_stream_counts_once_if_its_answer_was_lost(
    mends: str, answer: Callable[[], UpstreamResponse], lost: int
) -> None:
    first: list[Step] = [ROLE, CUT] if mends == "restart" else [ROLE, say("a" * 40), CUT]
    lab = Lab(first, answer, on_interrupt=mends, max_resumes=1)

    found = lab.read(max_completion_tokens=30_000)

    assert found.output_tokens == (1_001 if mends == "restart" else 1_010) + lost * 30_000


def test_answer_in_one_piece_in_place_of_a_stream_that_broke_is_counted_by_its_own_word() -> None:
    answer = {
        "id": "1",
        "object": "chat.completion",
        "created": 1,
        "model": "o3",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hi"}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 70, "completion_tokens": 50},
    }
    lab = Lab([ROLE, 1.5, CUT], lambda: whole(answer), internal=True, on_interrupt="restart")

    found = lab.read(stream=False)

    assert (found.input_tokens, found.output_tokens) == (lab.estimate.input_tokens + 70, 2_001 + 50)


# ---------------------------------------------------------------- prices


def test_request_with_a_price_of_its_own_has_none_that_is_known() -> None:
    lab = Lab([WORD, CUT])

    found = lab.leave(1.0, service_tier="priority")

    assert lab.estimate.cost_nano_usd is None
    assert (found.output_tokens, found.cost_nano_usd) == (1_001, None)


def test_long_prompt_has_its_price_by_the_bytes_as_before_the_call() -> None:
    lab = Lab([WORD, CUT])
    text = (
        "word " * 60_000
    )  # 300,000 bytes, and so perhaps more tokens than the price of short ones holds for

    found = lab.leave(
        1.0, "gpt-5.4", messages=[{"role": "user", "content": text}], max_completion_tokens=9_000
    )

    assert lab.estimate.cost_nano_usd is not None
    assert found.cost_nano_usd == lab.estimate.cost_nano_usd - (9_000 - 1_001) * 22_500
