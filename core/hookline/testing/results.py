"""What came back from an action that a test called, through whichever door."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import orjson

if TYPE_CHECKING:
    from hookline.action import JsonObject


@dataclass(frozen=True, kw_only=True)
class CallFailure:
    """Why a call failed, as its caller reads it.

    Attributes:
        status: HTTP status.
        code: Machine-readable reason; empty if the body has none.
        message: What happened, without the hint.
        hint: What to do next.
        field: Path of the input field at fault.
        is_retryable: Whether the same call may succeed later.
        retry_after_s: Whole seconds to wait.
        body: The whole error body.
    """

    status: int
    code: str
    message: str
    body: Mapping[str, object] = field(default_factory=dict, repr=False)
    hint: str = ""
    field: str | None = None
    is_retryable: bool = False
    retry_after_s: int | None = None

    def __str__(self) -> str:
        where = f" (field `{self.field}`)" if self.field else ""
        return f"{self.status} {self.code}{where}: {self.message}"


@dataclass(frozen=True, kw_only=True)
class CallResult:
    """What came back.

    Attributes:
        action: The action that was called.
        status: HTTP status; for a stream that broke, the status of its error.
        headers: Values by lower-case name; empty where the door has none.
        content: The body as it arrived.
        error: Why it failed; None if it went well.
        events: What a stream brought, in order; ends with ``{"type": "output", …}``.
        items: One result for each item of a call with ``items``.
    """

    action: str
    status: int
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    content: bytes = field(default=b"", repr=False)
    error: CallFailure | None = None
    events: tuple[JsonObject, ...] = field(default=(), repr=False)
    items: tuple[CallResult, ...] = ()
    raw_output: JsonObject | None = field(default=None, repr=False)

    @property
    def is_ok(self) -> bool:
        """Whether it went well; for a call with ``items``, whether all of them did."""
        return self.error is None and self.status < 400 and all(item.is_ok for item in self.items)

    @property
    def output(self) -> JsonObject:
        """The action's output.

        Raises:
            AssertionError: If the call failed; tells why.
        """
        if self.raw_output is None or self.error is not None:
            reason = self.error or f"{self.status}, {self.content[:300]!r}"
            raise AssertionError(f"{self.action} has no output: it answered {reason}")
        return self.raw_output

    @property
    def text(self) -> str:
        """The texts of a stream put together; of any other answer, the member ``text`` of its output."""
        if self.events:
            return "".join(str(event["text"]) for event in self.events if event.get("type") == "text")
        return str(self.output.get("text", ""))


def read_failure(body: object, *, status: int) -> CallFailure:
    """Return the failure that an error body tells of; of any body, something."""
    if not isinstance(body, dict):
        return CallFailure(status=status, code=_text_of(None), message=f"no error body: {body!r:.300}")
    inner = body.get("error")
    named_code = inner.get("code") if isinstance(inner, dict) else None
    wait, named = body.get("retry_after"), body.get("field")
    return CallFailure(
        status=status,
        code=_text_of(named_code),
        message=str(body.get("detail") or body.get("message") or body),
        hint=str(body.get("hint") or ""),
        field=named if isinstance(named, str) else None,
        is_retryable=body.get("retryable") is True,
        retry_after_s=wait if isinstance(wait, int) else None,
        body=body,
    )


def _text_of(value: object) -> str:
    return value if isinstance(value, str) else ""


def read_result(action: str, status: int, headers: Mapping[str, str], content: bytes) -> CallResult:
    """Return the result that a whole reply holds."""
    try:
        body: object = orjson.loads(content)
    except orjson.JSONDecodeError:
        body = content.decode("utf-8", "replace")
    if status >= 400:
        failure = read_failure(body, status=status)
        return CallResult(action=action, status=status, headers=headers, content=content, error=failure)
    output = body if isinstance(body, dict) else None
    return CallResult(action=action, status=status, headers=headers, content=content, raw_output=output)


def read_stream(action: str, headers: Mapping[str, str], content: bytes) -> CallResult:
    """Return the result that the events of a stream hold."""
    from hookline.engine.sse import EventDecoder

    events: list[JsonObject] = []
    for event in EventDecoder(max_event_bytes=1 << 30).feed(content):
        if event.data is not None:
            events.append(orjson.loads(event.data))
    last = events[-1] if events else {}
    error: CallFailure | None = None
    status, output = 200, last.get("output")
    if last.get("type") == "error":
        told = last.get("status")
        status = told if isinstance(told, int) else 500
        error = read_failure(last, status=status)
    return CallResult(
        action=action,
        status=status,
        headers=headers,
        content=content,
        events=tuple(events),
        error=error,
        raw_output=output if isinstance(output, dict) and error is None else None,
    )


def read_items(result: CallResult) -> CallResult:
    """Return the result of a call with ``items``, with one result for each of them."""
    from dataclasses import replace

    listed = result.raw_output.get("items") if result.raw_output else None
    items = []
    for item in listed if isinstance(listed, list) else []:
        status, output = int(item["status"]), item.get("output")
        failure = None if status < 400 else read_failure(item.get("error"), status=status)
        items.append(
            CallResult(
                action=result.action,
                status=status,
                content=orjson.dumps(item),
                error=failure,
                raw_output=output if isinstance(output, dict) else None,
            )
        )
    return replace(result, items=tuple(items))
