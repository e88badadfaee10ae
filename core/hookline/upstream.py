"""What goes to the upstream and what comes back, free of any HTTP library's types."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import orjson

from hookline.encodings import JSON_BODY, BodyEncoding
from hookline.errors import InvalidUpstreamAnswerError, UpstreamTimeoutError
from hookline.making import maker_of

if TYPE_CHECKING:
    from hookline.call import Call


@dataclass(kw_only=True, slots=True, repr=False)
class UpstreamRequest:
    """A request that will be sent to the upstream; hooks change it in place.

    Its ``repr`` shows neither values of headers nor the query, which may hold a credential.

    Attributes:
        method: HTTP method.
        base_url: Base URL of the connection; changing it changes nothing for the secret's origin check.
        path: Path below ``base_url``, starting with a slash, already quoted.
        headers: Header values by lower-case name.
        body: The body as JSON, whatever it is written as; None for no body, or one without fields.
        content: The bytes that will be sent; worked out from ``body`` after the last hook changed it.
            Without a ``body`` they are the body itself: a text, a list, a file.
        encoding: How ``body`` is written; JSON unless the action says otherwise.
        media_type: What ``content`` is; None for JSON.
        is_stream: Whether ``body`` asks for a stream. Set it together with the body to serve a caller from a
            stream who did not ask for one: what arrives is then put together again.
        stall_timeout_s: Longest silence between two pieces of the answer's body; None for the gateway's
            ``read_timeout_s``.
    """

    method: str
    base_url: str
    path: str
    headers: dict[str, str] = field(default_factory=dict)
    body: dict[str, object] | None = None
    content: bytes | None = None
    encoding: BodyEncoding = JSON_BODY
    media_type: str | None = None
    is_stream: bool = False
    stall_timeout_s: float | None = None

    @property
    def url(self) -> str:
        """Absolute URL of the request."""
        return self.base_url + self.path

    def __repr__(self) -> str:
        path = self.path.partition("?")[0]
        return f"UpstreamRequest({self.method} {self.base_url}{path}, headers={sorted(self.headers)})"

    def with_own_headers(self) -> UpstreamRequest:
        """Return a request whose headers can be changed without changing this one's."""
        made = object.__new__(UpstreamRequest)  # `replace` would take six times as long
        made.method = self.method
        made.base_url = self.base_url
        made.path = self.path
        made.headers = dict(self.headers)
        made.body = self.body
        made.content = self.content
        made.encoding = self.encoding
        made.media_type = self.media_type
        made.is_stream = self.is_stream
        made.stall_timeout_s = self.stall_timeout_s
        return made

    def copy(self) -> UpstreamRequest:
        """Return a request that can be changed without changing this one.

        The bytes are left out where they are worked out from the body.
        """
        copy = self.with_own_headers()
        if self.body is not None:
            copy.body, copy.content = orjson.loads(orjson.dumps(self.body)), None
        return copy


make_upstream_request = maker_of(UpstreamRequest)
"""Make a request; what every call needs."""


@dataclass(kw_only=True, slots=True)
class UpstreamResponse:
    """An answer whose body has not been read yet.

    Attributes:
        status: HTTP status.
        headers: Names and values in order; names in lower case.
        chunks: The body, decoded from any content encoding. Raises `StreamInterruptedError` or
            `UpstreamTimeoutError` when it breaks.
        close: Gives the connection back, or cuts it if the body was not read to its end. May be
            called from any thread and more than once.
        silence_s: Longest silence that the next read of the body allows; infinite if it is not known.
        bound_silence: Sets another, in seconds.
        is_output: Whether the body is the action's output itself and not the service's JSON, so that nothing
            is picked or made of it: for plugins that know the one and not the other. A stream holds the
            action's pieces, and at last ``{"type": "output", "output": {…}}``.
    """

    status: int
    headers: list[tuple[str, str]]
    chunks: Iterator[bytes] = field(repr=False)
    close: Callable[[], None] = field(default=lambda: None, repr=False)
    silence_s: float = math.inf
    bound_silence: Callable[[float], None] = field(default=lambda seconds: None, repr=False)
    is_output: bool = False

    def header(self, name: str) -> str | None:
        """Return the first value of a header by its lower-case name."""
        for key, value in self.headers:
            if key == name:
                return value
        return None

    @property
    def content_type(self) -> str:
        """Media type in lower case without parameters; empty when there is none."""
        return (self.header("content-type") or "").partition(";")[0].strip().lower()

    @classmethod
    def of_json(
        cls, body: object, *, status: int = 200, headers: Iterable[tuple[str, str]] = ()
    ) -> UpstreamResponse:
        """Return an answer that holds some JSON; for plugins that answer in the upstream's place."""
        return cls(
            status=status,
            headers=[*headers, ("content-type", "application/json")],
            chunks=WholeBody(orjson.dumps(body)),
        )

    @classmethod
    def of_output(cls, output: dict[str, object]) -> UpstreamResponse:
        """Return an answer that is the action's output; for plugins that answer without the service."""
        response = cls.of_json(output)
        response.is_output = True
        return response

    def read(self, *, max_bytes: int, call: Call | None = None) -> bytes:
        """Return the whole body and close.

        Args:
            max_bytes: Most bytes that the body may have.
            call: Nothing more is waited for once its deadline has passed.

        Raises:
            InvalidUpstreamAnswerError: If the body is larger than ``max_bytes``.
            UpstreamTimeoutError: If the deadline passes.
        """
        chunks = self.chunks
        try:
            if type(chunks) is WholeBody:
                if call is not None and call.clock.monotonic() >= call.deadline:
                    call.check_deadline()
                content = next(chunks, b"")
                if len(content) > max_bytes:
                    raise _too_large(max_bytes)
                return content
            return _join(chunks if call is None else self.chunks_within(call), max_bytes=max_bytes)
        finally:
            self.close()

    def chunks_within(self, call: Call) -> Iterator[bytes]:
        """Yield the body piece by piece, and wait for none of them beyond the call's deadline.

        Raises:
            UpstreamTimeoutError: If the deadline passes.
        """
        chunks, monotonic = self.chunks, call.clock.monotonic
        while True:
            remaining_s = call.deadline - monotonic()
            if remaining_s < self.silence_s:
                if remaining_s <= 0:
                    call.check_deadline()
                self.bound_silence(remaining_s)
            try:
                chunk = next(chunks)
            except StopIteration:
                return
            except UpstreamTimeoutError:
                call.check_deadline()  # it was the call's time that was over, not the upstream's
                raise
            if monotonic() >= call.deadline:
                call.check_deadline()
            yield chunk


make_upstream_response = maker_of(UpstreamResponse)
"""Make a response; what every call needs."""


class WholeBody:
    """The chunks of a body that is here already: there is one of them, and none if it is empty.

    Args:
        content: The body.
    """

    __slots__ = ("_content",)

    def __init__(self, content: bytes) -> None:
        self._content = content

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        content, self._content = self._content, b""
        if not content:
            raise StopIteration
        return content


def _join(chunks: Iterable[bytes], *, max_bytes: int) -> bytes:
    parts: list[bytes] = []
    size_bytes = 0
    for chunk in chunks:
        size_bytes += len(chunk)
        if size_bytes > max_bytes:
            raise _too_large(max_bytes)
        parts.append(chunk)
    return parts[0] if len(parts) == 1 else b"".join(parts)


def _too_large(max_bytes: int) -> InvalidUpstreamAnswerError:
    return InvalidUpstreamAnswerError(
        f"The upstream's answer is larger than {max_bytes:,} bytes.", code="upstream_answer_too_large"
    )


class Response:
    """An answer as hooks see it, the same through both doors.

    Args:
        output: The action's output, or what makes it when a hook first looks at it.
        raw: The upstream's own JSON.

    Attributes:
        raw: The upstream's own JSON, for reading; None for a stream.
        headers: Headers that will go to the caller, by lower-case name.
    """

    __slots__ = ("_before", "_make", "_output", "headers", "raw")

    def __init__(
        self, *, output: dict[str, object] | Callable[[], dict[str, object]], raw: object = None
    ) -> None:
        self.raw = raw
        self.headers: dict[str, str] = {}
        self._make: Callable[[], dict[str, object]] | None = None
        self._output: dict[str, object] = {}
        if callable(output):
            self._make = output
        else:
            self._output = output
        self._before: bytes | None = None

    @property
    def output(self) -> dict[str, object]:
        """The action's output; change it in place, or assign another."""
        if self._make is not None:
            self._output = self._make()
            self._make = None
            self._before = orjson.dumps(self._output)
        return self._output

    @output.setter
    def output(self, value: dict[str, object]) -> None:
        _ = self.output
        self._output = value

    @property
    def is_changed(self) -> bool:
        """Whether a hook changed an output that was made on demand."""
        return self._before is not None and orjson.dumps(self._output) != self._before


@dataclass(frozen=True, kw_only=True, slots=True)
class ErrorAnswer:
    """What the upstream answered when it refused; for error mapping only.

    Attributes:
        status: HTTP status.
        headers: Names and values; names in lower case.
        content: The body.
    """

    status: int
    headers: tuple[tuple[str, str], ...]
    content: bytes = field(repr=False)

    def header(self, name: str) -> str | None:
        """Return the first value of a header by its lower-case name."""
        return next((value for key, value in self.headers if key == name), None)

    def json(self) -> object:
        """Return the body as JSON, or None when it is not."""
        try:
            return orjson.loads(self.content)
        except orjson.JSONDecodeError:
            return None
