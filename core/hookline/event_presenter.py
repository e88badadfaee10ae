"""Reading a stream of events as its connector declares it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from hookline.errors import InvalidUpstreamAnswerError
from hookline.picking import PickError, compile_pick, find

if TYPE_CHECKING:
    from hookline.action import JsonObject, Present
    from hookline.call import Call
    from hookline.event_stream import EventStream
    from hookline.picking import Pick


class JoinedAnswer(dict[str, object]):
    """An action's output that was put together from a stream; it is nothing that the service said so."""


class EventPresenter:
    """Turns one stream into pieces of text and at last the whole output.

    Args:
        stream: What is declared.
        where: Which action it is of, for messages.
        max_bytes: Most bytes that are kept of a stream; None for no bound.
    """

    def __init__(self, stream: EventStream, *, where: str, max_bytes: int | None = None) -> None:
        self._stream = stream
        self._text = compile_pick(stream.text, where=f"{where}: stream.text")
        self._output = (
            None if stream.output is None else compile_pick(stream.output, where=f"{where}: stream.output")
        )
        self._texts: list[str] = []
        self._members: JsonObject = {}
        self._member_bytes: dict[str, int] = {}
        self._max_bytes = max_bytes
        self._size_bytes = 0

    def feed(self, event: JsonObject) -> Iterable[JsonObject]:
        """Return the piece of text that an event adds, if it adds one.

        Raises:
            InvalidUpstreamAnswerError: If it cannot be read, or all of them together are too much.
        """
        if self._output is not None:
            found = _find(self._output, event)
            if isinstance(found, dict):
                self._take_members(found)
        text = _find(self._text, event)
        if not isinstance(text, str) or not text:
            return ()
        self._grow(len(text) if text.isascii() else len(text.encode(errors="surrogatepass")))
        self._texts.append(text)
        return ({"type": "text", "text": text},)

    def finish(self) -> JsonObject:
        """Return the whole output."""
        return {**self._members, self._stream.into: "".join(self._texts)}

    def answer(self, *, is_partial: bool = False) -> JsonObject:
        """Return what has arrived, as the output it makes.

        Raises:
            InvalidUpstreamAnswerError: If nothing has.
        """
        if is_partial and not self._texts:
            raise InvalidUpstreamAnswerError("Nothing of the stream has arrived.")
        return JoinedAnswer(self.finish())

    def adapt(self, event: JsonObject) -> JsonObject | None:
        """Return an event of a stream that goes on where the first broke, as it is."""
        return event

    def _take_members(self, found: JsonObject) -> None:
        import orjson  # here, because every plugin with a connector imports this module, also for `--help`

        for name, value in found.items():
            if value is None:
                continue
            size_bytes = len(name) + len(orjson.dumps(value))
            self._grow(size_bytes - self._member_bytes.get(name, 0))
            self._member_bytes[name] = size_bytes
            self._members[name] = value

    def _grow(self, by_bytes: int) -> None:
        self._size_bytes += by_bytes
        if self._max_bytes is not None and self._size_bytes > self._max_bytes:
            raise InvalidUpstreamAnswerError(
                f"The service's answer is larger than {self._max_bytes:,} bytes.",
                code="upstream_answer_too_large",
            )


def presents_joined(present: Present) -> Present:
    """Return a ``present`` that also takes what was put together from a stream."""

    def present_either(call: Call, raw: object) -> JsonObject:
        return dict(raw) if isinstance(raw, JoinedAnswer) else present(call, raw)

    return present_either


def _find(pick: Pick, event: JsonObject) -> object:
    try:
        return find(pick, event)
    except PickError as exc:
        raise InvalidUpstreamAnswerError(f"An event of the stream cannot be read: {exc}.") from exc
