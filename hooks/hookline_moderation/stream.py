"""Checking a stream while it runs: its events wait for that, or pass while it is watched."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import TYPE_CHECKING

from hookline.streaming import StreamEvent, StreamOutcome, StreamTransform
from hookline_moderation.content import Content
from hookline_moderation.fragments import fragments_of_event, fragments_of_pieces, is_tool
from hookline_moderation.refusals import stop_at_refusal_in_pieces
from hookline_moderation.windows import TextWindow

if TYPE_CHECKING:
    from hookline_moderation.checker import Checker
    from hookline_moderation.digests import CheckedTexts
    from hookline_moderation.fragments import Fragments, Key
    from hookline_moderation.options import ModerationOptions

# Bounds on memory; past them all is checked and let go, whatever is still to come.
_MAX_HELD_EVENTS = 10_000
_MAX_HELD_BYTES = 4 * 1024 * 1024
_MAX_WINDOWS = 500
_MAX_UNCHECKED_REQUESTS = 4

_Mark = tuple[TextWindow, int]


class RefusalWatch(StreamTransform):
    """Stops a stream in which the model refuses."""

    def feed(self, event: StreamEvent) -> Iterable[StreamEvent]:
        """Let an event pass.

        Raises:
            ContentBlockedError: If it brings a refusal.
        """
        if event.pieces:
            stop_at_refusal_in_pieces(event.pieces)
        return (event,)


class StreamCheck(StreamTransform):
    """Checks the texts of a stream, each choice's for itself.

    An event is let go when its text and the ``overlap_chars`` after it were checked together, so that no
    event leaves in which a phrase of that length begins that is found later. Events keep their order. Where
    the mode is ``inspect`` nothing waits.

    Args:
        checker: Checks.
        options: What holds for the call.
        is_wire: Whether the caller gets the service's events, and not the action's.
        stops_at_refusals: Whether a refusal of the model ends the stream.
        checked: Takes note of what was checked; None if nobody wants to know.
    """

    def __init__(
        self,
        checker: Checker,
        options: ModerationOptions,
        *,
        is_wire: bool,
        stops_at_refusals: bool,
        checked: CheckedTexts | None,
    ) -> None:
        self._checker = checker
        self._options = options
        self._is_wire = is_wire
        self._stops_at_refusals = stops_at_refusals
        self._checked = checked
        self._holds = options.stream_mode == "hold"
        self._max_held = max(_MAX_HELD_EVENTS, 4 * (options.hold_chars + options.overlap_chars))
        self._windows: dict[Key, TextWindow] = {}
        self._open: dict[int | str | None, dict[TextWindow, None]] = {}
        self._pending: dict[TextWindow, None] = {}
        self._pending_chars = 0
        self._held: deque[tuple[StreamEvent, list[_Mark]]] = deque()
        self._held_bytes = 0
        self._has_begun = False

    def feed(self, event: StreamEvent) -> Iterable[StreamEvent]:
        """Take an event, and return those that may go.

        Raises:
            ContentBlockedError: If something was found.
            HooklineError: If a check failed.
        """
        if self._stops_at_refusals and event.pieces:
            stop_at_refusal_in_pieces(event.pieces)
        if self._is_wire:
            found = fragments_of_event(event.json)
        else:
            found = fragments_of_pieces(event.pieces, event.json)
        marks = self._gather(found)
        is_due = any(window.is_due for window, _ in marks)
        is_much = self._pending_chars >= _MAX_UNCHECKED_REQUESTS * self._options.max_text_chars
        if not self._holds:
            if is_due or is_much:
                self._check(everything=is_much)
            return (event,)
        if not marks and not self._held and self._has_begun:
            return (event,)
        self._held.append((event, marks))
        self._held_bytes += len(event.data)
        if is_much or len(self._held) > self._max_held or self._held_bytes > _MAX_HELD_BYTES:
            self._check(everything=True)
            return self._let_go()
        if is_due:
            self._check(everything=False)
        return self._let_cleared_go()

    def finish(self, outcome: StreamOutcome) -> Iterable[StreamEvent]:
        """Check the rest of a complete stream and return what still waited for that.

        Raises:
            ContentBlockedError: If something was found.
            HooklineError: If the check failed.
        """
        if outcome.kind != "complete":
            self._held.clear()
            return ()
        self._check(everything=True)
        if self._checked is not None:
            self._checked.close()
        return self._let_go()

    def _gather(self, found: Fragments) -> list[_Mark]:
        marks = []
        for key, text in found.running:
            window = self._window(key)
            self._open.setdefault(key[0], {})[window] = None
            marks.append(self._add(window, text))
            if self._checked is not None:
                self._checked.add_piece(key, text)
        for text in found.whole:
            window = self._new_window(is_one=True)
            marks.append(self._add(window, text))
            window.is_closed = True
            if self._checked is not None:
                self._checked.add(text)
        for index in found.ended:
            for window in self._open.pop(index, ()):
                window.is_closed = True
        return marks

    def _add(self, window: TextWindow, text: str) -> _Mark:
        self._pending[window] = None
        self._pending_chars += len(text)
        return window, window.add(text)

    def _window(self, key: Key) -> TextWindow:
        window = self._windows.get(key)
        if window is None:
            if len(self._windows) >= _MAX_WINDOWS:
                key = ("rest",)
            window = self._windows.get(key) or self._new_window(is_one=is_tool(key))
            self._windows[key] = window
        return window

    def _new_window(self, *, is_one: bool) -> TextWindow:
        options = self._options
        return TextWindow(
            limit_chars=options.max_text_chars if is_one else options.hold_chars,
            overlap_chars=options.overlap_chars,
            is_one=is_one,
        )

    def _check(self, *, everything: bool) -> None:
        """Check what has gathered; calls of tools wait until they are whole, unless everything is checked."""
        windows = [window for window in self._pending if everything or window.is_ripe]
        content = Content()
        content.add_texts([window.take(everything=everything) for window in windows])
        self._checker.check(content)
        self._has_begun = True
        for window in windows:
            self._pending_chars -= window.settle()
            if not window.unchecked_chars:
                del self._pending[window]

    def _let_cleared_go(self) -> list[StreamEvent]:
        events: list[StreamEvent] = []
        if not self._has_begun:  # as long as nothing was delivered another attempt may take its place
            return events
        while self._held and all(window.cleared >= end for window, end in self._held[0][1]):
            event, _ = self._held.popleft()
            self._held_bytes -= len(event.data)
            events.append(event)
        return events

    def _let_go(self) -> list[StreamEvent]:
        events = [event for event, _ in self._held]
        self._held.clear()
        self._held_bytes = 0
        return events
