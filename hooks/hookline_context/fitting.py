"""Check that requests fit, and act on those that do not: before they are sent, or once they were refused."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import orjson

from hookline.attempt import RetryDecision
from hookline_context.chunk_plan import UnsplittableError, check_splittable, plan_text
from hookline_context.embedding_chunks import EmbeddingPlan, plan_embedding
from hookline_context.json_text import size_of
from hookline_context.overflow_errors import explain_refusal, overflow_error
from hookline_context.refusal_numbers import is_overflow, read_numbers
from hookline_context.request_count import ITEMS, KINDS, count_request
from hookline_context.rooms import Overflow, Room, find_overflow, least_room, room_of, with_room_for_answer
from hookline_context.shortening import shorten
from hookline_context.text_counter import BYTES, counter_for
from hookline_openai.model_table import row_of

if TYPE_CHECKING:
    from hookline.action import JsonObject
    from hookline.attempt import Attempt
    from hookline.call import Call
    from hookline.errors import HooklineError
    from hookline.options import LayeredOptions
    from hookline.streaming import StreamTransform
    from hookline.upstream import UpstreamRequest
    from hookline_context.chunk_plan import TextPlan
    from hookline_context.options import ContextOptions
    from hookline_context.request_count import Kind, Tally
    from hookline_context.text_counter import TextCounter
    from hookline_openai.model_table import ModelInfo

KEY = "context"
"""Where a call keeps its state."""

# A prompt has fewer tokens than bytes; this is for the few tokens that no byte of the body stands for.
_FRAME_TOKENS = 64
_FRAME_BYTES = 32  # of what stands around the texts of one message, or is a field's number
_SHORT = frozenset({int, float, bool, type(None)})
_MEDIA = (b'"image_url"', b'"file"', b'"input_audio"', b'"audio"')
_MAX_SHORTENINGS = 3
_BLIND_SHARE = 0.75
_SAFE_SHARE = 0.98
_MIN_LIMIT = 16


@dataclass(kw_only=True, slots=True)
class CallState:
    """What is known of a call that did not fit.

    Attributes:
        shortenings: How often it was shortened after the service had refused it.
        plan: How it is run in parts.
        has_run: Whether the parts have been begun.
        options: What is set for it.
    """

    options: ContextOptions
    shortenings: int = 0
    plan: TextPlan | EmbeddingPlan | None = None
    has_run: bool = False


class Fitting:
    """Makes requests fit.

    Args:
        options: What is set.
    """

    def __init__(self, options: LayeredOptions[ContextOptions]) -> None:
        self._options = options

    def check(self, call: Call, request: UpstreamRequest) -> None:
        """Check a request before it is sent; shorten it or plan its parts, as is set.

        Raises:
            HooklineError: If it does not fit and nothing is to be done about it.
        """
        options = self._options.for_call(call)
        body, kind = request.body, KINDS.get(request.path)
        if options.count == "off" or body is None or kind is None:
            return
        model = body.get("model")
        info = row_of(call.connection, model) if isinstance(model, str) else None
        least = None if info is None else least_room(info, kind, options)
        if info is None or least is None:
            return
        most = most_tokens(body, kind)
        if most <= least:
            return
        room = room_of(info, kind, body, options)
        if room is None or most <= min(room.item, room.request):
            return
        counter = counter_for(info.encoding, options.count)
        overflow = find_overflow(count_request(body, kind, counter), room)
        if overflow is not None:
            self._act(call, request, overflow, counter, options)

    def watch(self, call: Call) -> StreamTransform | None:
        """Return what looks at a stream whose refusal would be acted on."""
        if self._options.for_call(call).on_overflow != "truncate":
            return None  # it is only told, and that it is anyway
        from hookline_context.stream_watch import FirstEventWatch

        return FirstEventWatch()

    def decide(self, call: Call, attempt: Attempt) -> RetryDecision | None:
        """Decide about a refusal of the service that has to do with too many tokens."""
        state = call.state.get(KEY)
        if isinstance(state, CallState) and state.has_run:
            return RetryDecision(again=False, error=attempt.error)
        request, error = attempt.request, attempt.error
        kind = KINDS.get(request.path)
        if request.body is None or kind is None or attempt.has_begun or not is_overflow(error):
            return None
        if attempt.answer is not None and attempt.answer.get("choices"):
            return None  # it was to go on where a stream broke: a shorter one would be another answer
        options = self._options.for_call(call)
        if not isinstance(state, CallState):
            state = CallState(options=options)
            call.state[KEY] = state
        learned = _learn(call, request.body, kind, error, options)
        hint = ""
        if options.on_overflow == "truncate" and state.shortenings < _MAX_SHORTENINGS:
            shortened = _shorten(request.body, learned.overflow, learned.counter)
            if shortened is not None:
                state.shortenings += 1
                changed = request.copy()
                changed.body = shortened[0]
                _tell(call, shortened[1], "The service had refused the prompt as too long.")
                return RetryDecision(again=True, request=changed)
        if options.on_overflow == "chunk":
            try:
                state.plan = _plan(call, request.body, learned.overflow, learned.counter, options)
                return RetryDecision(again=True)
            except UnsplittableError as exc:
                hint = exc.reason
        explain_refusal(call, request.body, learned.overflow.tally, error, hint=hint)
        return RetryDecision(again=False, error=error)

    def _act(
        self,
        call: Call,
        request: UpstreamRequest,
        overflow: Overflow,
        counter: TextCounter,
        options: ContextOptions,
    ) -> None:
        body = request.body or {}
        hint = ""
        if options.on_overflow == "truncate":
            shortened = _shorten(body, overflow, counter)
            if shortened is not None:
                request.body = shortened[0]
                _tell(call, shortened[1], f"`{overflow.room.model}` has no room for more.")
                return
            hint = "Leaving out what may be left out is not enough."
        elif options.on_overflow == "chunk":
            try:
                call.state[KEY] = CallState(
                    options=options, plan=_plan(call, body, overflow, counter, options)
                )
                call.record.is_composed = True
                return
            except UnsplittableError as exc:
                hint = exc.reason
        raise overflow_error(call, body, overflow, hint=hint)


def _tell(call: Call, what: str, why: str) -> None:
    call.record.warn("context_truncated", f"{what} {why}")


@dataclass(frozen=True, kw_only=True, slots=True)
class _Learned:
    overflow: Overflow
    counter: TextCounter


def most_tokens(body: JsonObject, kind: Kind) -> int:
    """Return, as cheaply as can be, what a request cannot exceed however its texts are counted."""
    try:
        size = _bytes_of_texts(body) if kind == "chat" else None
        if size is None:
            raw = orjson.dumps(body)
            if kind == "chat" and any(mark in raw for mark in _MEDIA):
                return count_request(body, kind, BYTES).total.tokens
            size = len(raw)
    except TypeError:  # nested very deeply
        size = size_of(body)
    return size + _FRAME_TOKENS


def _bytes_of_texts(body: JsonObject) -> int | None:
    """Return the most bytes of a chat that can be tokens; None if a message has parts and not just texts."""
    messages = body.get("messages")
    if not isinstance(messages, list):
        return None
    size = 0
    for message in messages:
        if not isinstance(message, dict):
            return None
        size += _FRAME_BYTES
        for name, value in message.items():
            if type(value) is not str:
                return None
            size += len(name) + (len(value) if value.isascii() else len(value.encode(errors="replace")))
    for name, value in body.items():
        size += len(name) + _FRAME_BYTES
        if value is not messages and type(value) not in _SHORT:
            size += len(orjson.dumps(value))
    return size


def _with_room(overflow: Overflow, body: JsonObject) -> Overflow:
    """Return the overflow with a room that leaves the model something to answer with."""
    return replace(overflow, room=with_room_for_answer(overflow.room, body, overflow.tally.kind))


def _shorten(body: JsonObject, overflow: Overflow, counter: TextCounter) -> tuple[JsonObject, str] | None:
    """Return a shorter body and what to tell of it; one that leaves room for an answer, if there is one."""
    kind, strict = overflow.tally.kind, overflow.room.item
    if kind == "embedding" and overflow.index is None:
        return None  # one text less would be one vector less
    for limit in dict.fromkeys((_with_room(overflow, body).room.item, strict)):
        shortened = shorten(body, overflow.tally, limit, counter)
        if shortened is None:
            continue
        changed = {**body, ITEMS[kind]: shortened.items}
        if kind == "chat" or find_overflow(count_request(changed, kind, counter), overflow.room) is None:
            return changed, shortened.told
    return None


def _plan(
    call: Call, body: JsonObject, overflow: Overflow, counter: TextCounter, options: ContextOptions
) -> TextPlan | EmbeddingPlan:
    check_splittable(call)
    above = call.parent
    while above is not None:
        state = above.state.get(KEY)
        if isinstance(state, CallState) and state.has_run:
            raise UnsplittableError("It is a part already.")
        above = above.parent
    overflow = _with_room(overflow, body)
    if overflow.tally.kind == "embedding":
        return plan_embedding(body, overflow, counter, options)
    return plan_text(call, overflow, counter, options)


def _learn(
    call: Call, body: JsonObject, kind: Kind, error: HooklineError, options: ContextOptions
) -> _Learned:
    """Return what does not fit according to the service, in our own count."""
    model = body.get("model")
    info: ModelInfo | None = row_of(call.connection, model) if isinstance(model, str) else None
    encoding = "o200k_base" if info is None else info.encoding  # an unknown model is likely a new one
    counter = counter_for(encoding, "estimate" if options.count == "estimate" else "auto")
    tally = count_request(body, kind, counter)
    numbers = read_numbers(error)
    index = None if kind == "chat" or numbers.is_request else _heaviest(tally)
    amount = tally.total if index is None else tally.items[index] + tally.fixed
    limit = int(amount.tokens * _BLIND_SHARE)
    if numbers.limit is not None and numbers.sent is not None:
        # The service's count and ours may differ; what counts is by which share it has to be less.
        limit = int(amount.tokens * numbers.limit / numbers.sent * _SAFE_SHARE)
    limit = max(_MIN_LIMIT, limit - options.margin_tokens)
    known = None if info is None else room_of(info, kind, body, options)
    room = known or Room(model=str(model)[:200], window=None, output=0, item=limit)
    if numbers.window is not None and numbers.sent is not None:
        room = replace(room, window=int(amount.tokens * numbers.window / numbers.sent))
    if numbers.is_request:
        room = replace(room, request=min(limit, room.request), item=min(limit, room.item))
    else:
        room = replace(room, item=min(limit, room.item))
    overflow = Overflow(room=room, tally=tally, amount=amount, limit=limit, index=index)
    return _Learned(overflow=overflow, counter=counter)


def _heaviest(tally: Tally) -> int | None:
    return max(range(len(tally.items)), key=lambda index: tally.items[index].tokens, default=None)
