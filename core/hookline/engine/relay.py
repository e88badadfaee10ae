"""Relaying an upstream's event stream to the caller: past the plugins, event by event.

Only whole events leave: when the upstream breaks off in the middle of one, its half is dropped. Then the
plugins are asked whether to go on with another attempt. If not, an event that carries an error is the last,
because nothing else makes an SDK notice.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, TypeVar

import orjson

from hookline.action import JoiningPresenter
from hookline.code_action import CodeStream
from hookline.engine.http1_pacing import PacedChunks
from hookline.engine.outgoing import EVENT_STREAM
from hookline.engine.settlement import client_gone
from hookline.engine.stream_reading import read_to_end, upstream_events
from hookline.errors import (
    HooklineError,
    PluginError,
    UpstreamTimeoutError,
    raise_from,
)
from hookline.failure_log import log_failure_of_code
from hookline.interrupts import is_ctrl_c
from hookline.streaming import OutcomeKind, StreamEvent, StreamOutcome, StreamTransform
from hookline.upstream import UpstreamResponse

if TYPE_CHECKING:
    from hookline.action import JsonObject, StreamPresenter
    from hookline.attempt import RetryDecision
    from hookline.call import Call
    from hookline.engine.attempts import Attempts
    from hookline.engine.settlement import Settlement
    from hookline.engine.sse import Event

OpenTransforms = Callable[["Call"], list[StreamTransform]]
Accept = Callable[[UpstreamResponse], UpstreamResponse]
Render = Callable[[list[StreamEvent]], bytes]
End = Callable[["Relay"], bytes]
E = TypeVar("E", bound=HooklineError | None)

_log = logging.getLogger("hookline.streams")
_PATIENCE_OF_A_STEP_S = 0.001


class Relay:
    """One stream to one caller. Iterate it once, then close it, whatever happened.

    What breaks is raised as the caller is to read it. The upstream is let go when nothing more is wanted.

    Args:
        attempts: The call's attempts; the last one was answered with ``response``.
        response: A stream that was opened well.
        accept: Checks the answer of another attempt.
        open_transforms: Asks the plugins for their transforms.
        presents: Whether the caller reads what the action's presenter makes.
        render: Makes bytes of events.
        end: Makes the last bytes of a complete stream.
        settlement: Is finished when the stream is over; not if nothing is sent before the end, because then
            there is an answer still to be made.
        keeps_partial: Whether nothing is sent before the end, so that a broken stream can still be
            answered with what has arrived.
        max_event_bytes: Most bytes that one event may take.

    Attributes:
        call: The call.
        response: The upstream's answer to the last attempt.
        presenter: The action's presenter; None while nobody needs it.
        is_incomplete: Whether the stream broke off and what has arrived is taken for the answer.
        is_replaced: Whether the stream broke off and ``response`` is a whole answer in its place, still
            unread; only where nothing is sent before the end.
        may_wait: Whether what comes next may take long; only where it is read in steps.
    """

    def __init__(
        self,
        attempts: Attempts,
        response: UpstreamResponse,
        *,
        accept: Accept,
        open_transforms: OpenTransforms | None,
        presents: bool,
        render: Render,
        end: End,
        settlement: Settlement,
        keeps_partial: bool = False,
        max_event_bytes: int,
    ) -> None:
        self._attempts = attempts
        self.call = attempts.call
        self.response = response
        self._accept = accept
        self._open_transforms = open_transforms
        self._presents = presents
        self._render = render
        self._end = end
        self._settlement = settlement
        self._keeps_partial = keeps_partial
        self._max_event_bytes = max_event_bytes
        self._transforms: list[StreamTransform] = []
        self._has_begun = False
        self._is_complete = False
        self._is_joined = False
        self._is_finishing = False
        self._is_stepped = False
        self._is_read = False
        self._end_mark: bytes | None = None
        self.presenter: StreamPresenter | None = None
        self.is_incomplete = False
        self.is_replaced = False
        self.may_wait = False
        try:
            self._begin()
        except BaseException:
            response.close()
            raise
        self._pieces = self._run()

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        piece = next(self._pieces)
        record = self.call.record
        if record.first_byte_at is None and piece:
            record.first_byte_at = self.call.clock.monotonic()
        return piece

    @property
    def end_mark(self) -> bytes:
        """The event with which the upstream ended its stream, as it arrived."""
        return self._end_mark or b""

    def step(self, every_s: float) -> bool:
        """Yield after each read from here on, an empty piece where there is nothing to send.

        What may take long is told by ``may_wait`` before it is done, and `run_on` goes on with it.

        Args:
            every_s: Longest wait of one step, in seconds.

        Returns:
            False if that cannot be, because somebody between the service and the caller may wait.
        """
        chunks = self.response.chunks
        if not isinstance(chunks, PacedChunks) or any(one.may_wait for one in self._transforms):
            return False
        chunks.beat(every_s)
        self._is_stepped = True
        return True

    def run_on(self) -> None:
        """Wait as long as it takes from here on, as before `step`."""
        self._is_stepped = self.may_wait = False
        if isinstance(self.response.chunks, PacedChunks):
            self.response.chunks.beat(None)

    def close_at_once(self) -> bool:
        """Let the upstream go as `close` does, unless that would have to wait for the end of its body."""
        chunks = self.response.chunks
        if self._is_complete and not self._is_read and isinstance(chunks, PacedChunks):
            chunks.beat(_PATIENCE_OF_A_STEP_S)
            with suppress(HooklineError):
                if next(chunks, None) == b"":
                    chunks.beat(None)
                    return False
            self._is_read = True
        self.close()
        return True

    def close(self) -> None:
        """Let the upstream go: its connection is kept if the body ends now, and cut if not."""
        try:
            self._finish("client_gone")
            self._settle(None if self._is_complete else client_gone())
            if self._is_complete and not self._is_read:
                read_to_end(self.response)
        finally:
            self.response.close()

    # ------------------------------------------------------------ from end to end

    def _run(self) -> Iterator[bytes]:
        while True:
            try:
                yield from self._relay()
                break
            except Exception as exc:
                self.response.close()
                yield from self._before_a_wait()
                if not self._go_on(exc):
                    break
        if self._presents:  # plugins look at the whole answer
            yield from self._before_a_wait()
        try:
            last = self._end(self)
        except Exception as exc:
            raise_from(self._settle(self._attempts.to_error(exc)), exc)
        self._settle(None)  # before the end goes out: whoever calls again at once finds its place free
        if last:
            yield last

    def _before_a_wait(self) -> Iterator[bytes]:
        if self._is_stepped:
            self.may_wait = True
            yield b""

    def _relay(self) -> Iterator[bytes]:
        for events in upstream_events(self.call, self.response, max_event_bytes=self._max_event_bytes):
            if not events:
                piece = b""
            elif self._is_plain:
                piece = self._raw(events)
                self._has_begun = self._has_begun or bool(piece)
            else:
                yield from self._pass_on(partial(self._look_at, events))
                continue
            if piece or self._is_stepped:
                yield piece
        for transform in self._transforms:
            transform.check()
        self._is_finishing = True
        yield from self._pass_on(lambda ready: ready.extend(self._finish("complete")))
        self._is_complete = True

    def _pass_on(self, gather: Callable[[list[StreamEvent]], None]) -> Iterator[bytes]:
        """Yield the bytes of the events that are gathered, also of those before one that raised."""
        ready: list[StreamEvent] = []
        failure: Exception | None = None
        try:
            gather(ready)
        except Exception as exc:
            failure = exc
        except BaseException as exc:  # of whoever reads the events; nobody closes this stream in here
            if is_ctrl_c(exc):
                raise
            failure = self._attempts.to_error(exc)
        try:
            piece = self._render(ready) if ready else b""
            if piece:
                self._has_begun = True
            if piece or self._is_stepped:
                yield piece
            if failure is not None:
                raise failure
        finally:
            del failure  # or its traceback, which holds this frame, would keep it alive

    def _go_on(self, exc: Exception) -> bool:
        """Open another stream in place of the one that broke; False if there is an answer without one.

        Raises:
            HooklineError: If there is no other.
        """
        try:
            if self._is_finishing:  # whoever looked at the events has gone: another stream would pass unseen
                raise_from(self._attempts.to_error(exc), exc)
            decision = self._reopen(exc)
            if not decision.again:
                self.is_incomplete = True
                self._finish(_kind_of(exc), exc)
                return False
            if decision.resumes:
                self._is_joined = True
            else:
                self._finish("restarted")
                if self.is_replaced:
                    return False
                self._begin()
            return True
        except Exception as final:
            self._finish(_kind_of(final), final)
            self._settle(self._attempts.to_error(final))
            raise
        finally:
            del exc

    def _reopen(self, exc: Exception) -> RetryDecision:
        was_open = True
        try:
            while True:
                decision = self._attempts.again(
                    exc,
                    has_begun=self._has_begun,
                    partial=self._partial,
                    keeps_partial=self._keeps_partial,
                    was_open=was_open,
                )
                if not decision.again:
                    return decision
                try:
                    response = self._attempts.send()
                    is_whole = response.content_type != EVENT_STREAM
                    self.is_replaced = is_whole and self._keeps_partial and not decision.resumes
                    self.response = response if self.is_replaced else self._accept(response)
                    return decision
                except Exception as failure:
                    exc, was_open = failure, False
        finally:
            del exc  # or its traceback, which holds this frame, would keep it alive

    def _settle(self, error: E) -> E:
        """Finish the call's settlement, and return what was handed in."""
        if not self._keeps_partial:
            if error is not None and self.call.record.usage is None:
                self._settlement.doubt()
            self._settlement.finish(error)
        return error

    # ------------------------------------------------------------ the parts

    @property
    def _is_plain(self) -> bool:
        return not self._transforms and self.presenter is None and not self._is_joined

    def _begin(self) -> None:
        self._transforms = [] if self._open_transforms is None else self._open_transforms(self.call)
        self._is_joined = False
        new_presenter = CodeStream if self.response.is_output else self.call.action.stream
        needed = self._presents or any(transform.reads_pieces for transform in self._transforms)
        self.presenter = new_presenter(self.call) if needed and new_presenter is not None else None

    def _raw(self, events: list[Event]) -> bytes:
        if events[-1].data is not None and events[-1].data == self.call.action.stream_end:
            self._end_mark = events.pop().raw
        return events[0].raw if len(events) == 1 else b"".join([event.raw for event in events])

    def _look_at(self, events: list[Event], ready: list[StreamEvent]) -> None:
        """Add what comes out behind the transforms; what came before a failure is kept."""
        end = self.call.action.stream_end
        feeds = [transform.feed for transform in self._transforms]
        position = 0
        try:
            for found in events:
                data = found.data
                if data is None:
                    continue
                if data == end:
                    self._end_mark = found.raw
                    return
                event = StreamEvent(data, name=found.name, raw=found.raw)
                if self._is_joined:
                    joined = self._join(event)
                    if joined is None:
                        continue
                    event = joined
                if self.presenter is not None:
                    event.pieces = list(self.presenter.feed(event.json))
                for position, feed in enumerate(feeds):
                    out = feed(event)
                    if type(out) is tuple and len(out) == 1:
                        event = out[0]
                        continue
                    ready.extend(self._chain(out, position + 1))
                    break
                else:
                    ready.append(event)
        except Exception:
            raise
        except BaseException as exc:
            if is_ctrl_c(exc) or not self._transforms:
                raise
            raise _ended_the_process(self._transforms[position], exc) from exc

    def _join(self, event: StreamEvent) -> StreamEvent | None:
        if not isinstance(self.presenter, JoiningPresenter):
            return event
        adapted = self.presenter.adapt(event.json)
        return None if adapted is None else StreamEvent(orjson.dumps(adapted))

    def _chain(self, events: Iterable[StreamEvent], position: int) -> Iterable[StreamEvent]:
        """Return what comes out behind the last transform for events that go in at a position."""
        for transform in self._transforms[position:]:
            try:
                events = [out for item in events for out in transform.feed(item)]
            except Exception:
                raise
            except BaseException as exc:
                if is_ctrl_c(exc):
                    raise
                raise _ended_the_process(transform, exc) from exc
        return events

    def _partial(self) -> JsonObject | None:
        if self.presenter is None or not isinstance(self.presenter, JoiningPresenter):
            return None
        try:
            return self.presenter.answer(is_partial=True)
        except HooklineError:
            return None  # nothing has arrived that could be used
        except Exception as exc:  # what broke the stream must not be hidden
            log_failure_of_code(_log, "%s: what has arrived cannot be put together", self.call.id, exc=exc)
            return None

    def _finish(self, kind: OutcomeKind, exc: BaseException | None = None) -> list[StreamEvent]:
        """Tell the transforms, once, how the stream ended, and return what they still send."""
        transforms, self._transforms = self._transforms, []
        if not transforms:
            return []
        error = exc if isinstance(exc, HooklineError) else None
        outcome = StreamOutcome(kind=kind, error=error, answer=self._partial())
        if kind != "complete":
            for transform in transforms:
                try:
                    transform.finish(outcome)
                except BaseException as failure:  # the stream is over; nothing that one does may hide why
                    if is_ctrl_c(failure):
                        raise
                    log_failure_of_code(
                        _log, "%s: a stream transform failed at its end", self.call.id, exc=failure
                    )
            return []
        events: list[StreamEvent] = []
        for position, transform in enumerate(transforms):
            try:
                events = [out for item in events for out in transform.feed(item)]
                events += transform.finish(outcome)
            except BaseException as failure:
                self._transforms = transforms[position + 1 :]
                self._finish("rejected", failure)
                if isinstance(failure, Exception) or is_ctrl_c(failure):
                    raise
                raise _ended_the_process(transform, failure) from failure
        return events


def _ended_the_process(transform: StreamTransform, exc: BaseException) -> PluginError:
    plugin = type(transform).__module__.partition(".")[0]
    return PluginError(
        f"A stream transform of {plugin!r} wanted to end the process ({type(exc).__name__}); "
        "that was not done.",
        plugin=plugin,
    )


def _kind_of(exc: BaseException) -> OutcomeKind:
    if isinstance(exc, UpstreamTimeoutError):
        return "timeout"
    return "interrupted" if isinstance(exc, HooklineError) and exc.retryable else "rejected"
