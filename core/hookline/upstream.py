"""What goes to the upstream and what comes back, free of any HTTP library's types."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

import orjson

from hookline.errors import InvalidUpstreamAnswerError, UpstreamTimeoutError


@dataclass(kw_only=True, slots=True)
class UpstreamRequest:
    """A request that will be sent to the upstream; hooks change it in place.

    Attributes:
        method: HTTP method.
        base_url: Base URL of the connection; changing it changes nothing for the secret's origin check.
        path: Path below ``base_url``, starting with a slash, already quoted.
        headers: Header values by lower-case name.
        body: JSON body, or None for no body.
        content: The bytes that will be sent; worked out from ``body`` after the last hook changed it.
    """

    method: str
    base_url: str
    path: str
    headers: dict[str, str] = field(default_factory=dict)
    body: dict[str, object] | None = field(default=None, repr=False)
    content: bytes | None = field(default=None, repr=False)

    @property
    def url(self) -> str:
        """Absolute URL of the request."""
        return self.base_url + self.path


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
    """

    status: int
    headers: list[tuple[str, str]]
    chunks: Iterator[bytes] = field(repr=False)
    close: Callable[[], None] = field(default=lambda: None, repr=False)

    def header(self, name: str) -> str | None:
        """Return the first value of a header by its lower-case name."""
        return next((value for key, value in self.headers if key == name), None)

    @property
    def content_type(self) -> str:
        """Media type in lower case without parameters; empty when there is none."""
        return (self.header("content-type") or "").partition(";")[0].strip().lower()

    def read(self, *, max_bytes: int, deadline: float = math.inf) -> bytes:
        """Return the whole body and close.

        Args:
            max_bytes: Most bytes that the body may have.
            deadline: Value of `time.monotonic` after which no more is waited for.

        Raises:
            InvalidUpstreamAnswerError: If the body is larger than ``max_bytes``.
            UpstreamTimeoutError: If the deadline passes.
        """
        try:
            return _join(self.chunks, max_bytes=max_bytes, deadline=deadline)
        finally:
            self.close()


def _join(chunks: Iterable[bytes], *, max_bytes: int, deadline: float) -> bytes:
    parts: list[bytes] = []
    size_bytes = 0
    for chunk in chunks:
        size_bytes += len(chunk)
        if size_bytes > max_bytes:
            raise InvalidUpstreamAnswerError(
                f"The upstream's answer is larger than {max_bytes:,} bytes.", code="upstream_answer_too_large"
            )
        parts.append(chunk)
        if time.monotonic() > deadline:
            raise UpstreamTimeoutError("The call took longer than `timeout_s` allows.")
    return parts[0] if len(parts) == 1 else b"".join(parts)


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
        self._make = output if callable(output) else None
        self._output = {} if callable(output) else output
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
