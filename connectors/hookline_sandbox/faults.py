"""The faults that a caller can ask for, by a header ``x-sandbox-fault`` or a model ``sandbox-<fault>``."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace

from hookline_sandbox import fault_bodies as bodies
from hookline_sandbox.answer import SandboxAnswer, whole
from hookline_sandbox.errors import ApiError
from hookline_sandbox.fault_errors import (
    BILLING_CODES,
    billing_error,
    dated_rate_error,
    overload_error,
    rate_error,
    slow_down_error,
    status_error,
    too_large_error,
)

FAULT_HEADER = "x-sandbox-fault"
FAULT_MODEL_PREFIX = "sandbox-"

_HTML = b"<!doctype html><html><title>502 Bad Gateway</title><h1>502 Bad Gateway</h1></html>"
_SECONDS = r"(\d+(?:\.\d+)?)"
_TIMES = re.compile(r"(.+)-times-([1-9]\d{0,2})")


@dataclass(frozen=True, kw_only=True, slots=True)
class FaultKind:
    """One row of the table of faults.

    Attributes:
        name: How a caller writes it; what stands in angle brackets is a number.
        summary: What happens.
    """

    name: str
    summary: str


FAULTS = (
    FaultKind(name="status-<400..599>", summary="Refuses with that status and a body of OpenAI's shape."),
    FaultKind(name="429", summary="Rate limit, `retry-after: 1`."),
    FaultKind(
        name="429-retry-after-<seconds>", summary="Rate limit, `retry-after` as given; fractions are allowed."
    ),
    FaultKind(name="429-http-date", summary="Rate limit, `retry-after` is an HTTP date two seconds ahead."),
    FaultKind(name="429-ms", summary="Rate limit, `retry-after-ms: 50` and no `retry-after`."),
    FaultKind(name="429-text", summary="Rate limit, the wait of 250ms stands in the message only."),
    FaultKind(name="429-none", summary="Rate limit that does not say how long to wait."),
    FaultKind(
        name="429-too-large",
        summary="429 for a request that is larger than the limit itself; waiting is no use.",
    ),
    FaultKind(name="429-slow-down", summary="429 `slow_down`: traffic grew too fast."),
    FaultKind(name="billing", summary="429 `insufficient_quota`, the form used until 2026."),
    *(FaultKind(name=code, summary=f"429 `{code}`: {reason}.") for code, reason in BILLING_CODES.items()),
    FaultKind(name="billing_not_active", summary="429 `billing_not_active`, without x-ratelimit headers."),
    FaultKind(
        name="slow-first-byte-<seconds>", summary="Nothing at all comes for so long, not even headers."
    ),
    FaultKind(name="slow-first-event-<seconds>", summary="The headers come at once, the body after so long."),
    FaultKind(
        name="stall-<seconds>",
        summary="Silent for so long after 3 events, or half of a whole answer; then goes on.",
    ),
    FaultKind(
        name="slow-<ms>",
        summary="So many milliseconds between events; a whole answer waits once, before its body.",
    ),
    FaultKind(
        name="cut", summary="The connection breaks after 3 events, or in the middle of a whole answer."
    ),
    FaultKind(
        name="cut-event",
        summary="The connection breaks in the middle of the third event, or of a whole answer.",
    ),
    FaultKind(
        name="no-done", summary="A stream ends properly but without `[DONE]`; a whole answer is as usual."
    ),
    FaultKind(
        name="malformed", summary="One event of a stream is not JSON; a whole answer is half of its JSON."
    ),
    FaultKind(
        name="error-event", summary="An error event after 3 events, then the end; a whole answer is a 503."
    ),
    FaultKind(name="html", summary="502 with an HTML page, as an edge server answers."),
    FaultKind(name="html-200", summary="200 with an HTML page."),
    FaultKind(name="empty", summary="200 with an empty body."),
    FaultKind(name="empty-<400..599>", summary="That status with an empty body."),
    FaultKind(name="text", summary="200 with plain text."),
    FaultKind(name="gzip", summary="The answer is gzip-encoded, asked for or not."),
    FaultKind(name="big-<MB>", summary="The right answer with so many megabytes of padding, at most 1024."),
    FaultKind(name="redirect", summary="307 to another origin."),
    FaultKind(name="cookie", summary="The right answer with a `set-cookie` header."),
    FaultKind(
        name="invalid-utf8", summary="Two bytes of the third event, or of a whole answer, are not UTF-8."
    ),
    FaultKind(
        name="<fault>-times-<n>",
        summary="The fault meets a request the first so many times, 1 to 999; then it is answered properly.",
    ),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Fault:
    """A fault that was asked for.

    Attributes:
        name: As it was written.
        early: Makes the whole answer from the path and the time, or raises its refusal; None if the request
            is to be answered properly first.
        delay_s: How long to wait before answering at all.
        change: Spoils a proper answer.
        times: How often a request meets it before it passes; None if it never does.
    """

    name: str
    early: Callable[[str, float], SandboxAnswer] | None = None
    delay_s: float = 0
    change: Callable[[SandboxAnswer, bodies.Sleep], SandboxAnswer] = lambda answer, sleep: answer
    times: int | None = None


def parse_fault(name: str) -> Fault:
    """Return the fault of a name.

    Raises:
        ApiError: With a message that lists the faults if there is no such fault.
    """
    repeated = _TIMES.fullmatch(name)
    base = repeated[1] if repeated else name
    for pattern, make in _PATTERNS:
        if found := re.fullmatch(pattern, base):
            fault = make(name, found.group(1) if found.re.groups else "")
            return replace(fault, times=int(repeated[2])) if repeated else fault
    listed = ", ".join(kind.name for kind in FAULTS)
    raise ApiError(f"Unknown fault '{name[:80]}'. The sandbox has these: {listed}.", param=FAULT_HEADER)


def _refusal(make: Callable[[str, float], ApiError]) -> Callable[[str, str], Fault]:
    """Return a maker of faults that refuse every request; ``make`` takes the argument and the time."""

    def fault(name: str, argument: str) -> Fault:
        def early(path: str, now_s: float) -> SandboxAnswer:
            raise make(argument, now_s)

        return Fault(name=name, early=early)

    return fault


def _instead(make: Callable[[str, str], SandboxAnswer]) -> Callable[[str, str], Fault]:
    """Return a maker of faults that answer every request alike; ``make`` takes the argument and the path."""
    return lambda name, argument: Fault(name=name, early=lambda path, now_s: make(argument, path))


def _spoil(
    change: Callable[[SandboxAnswer, bodies.Sleep, float], SandboxAnswer],
) -> Callable[[str, str], Fault]:
    """Return a maker of faults that spoil proper answers; ``change`` takes the argument as a number."""
    return lambda name, argument: Fault(
        name=name, change=lambda answer, sleep: change(answer, sleep, float(argument or 0))
    )


def _cut(answer: SandboxAnswer, sleep: bodies.Sleep, _: float) -> SandboxAnswer:
    return replace(answer, chunks=bodies.cut(answer.chunks, is_stream=answer.is_stream), content_length=None)


def _malform(answer: SandboxAnswer, sleep: bodies.Sleep, _: float) -> SandboxAnswer:
    if answer.is_stream:
        return replace(answer, chunks=bodies.with_broken_event(answer.chunks))
    body = b"".join(answer.chunks)
    return replace(answer, chunks=iter([body[: len(body) // 2]]), content_length=len(body) // 2)


def _error_event(answer: SandboxAnswer, sleep: bodies.Sleep, _: float) -> SandboxAnswer:
    if not answer.is_stream:
        raise overload_error()
    return replace(answer, chunks=bodies.with_error_event(answer.chunks))


def _gzip(answer: SandboxAnswer, sleep: bodies.Sleep, _: float) -> SandboxAnswer:
    headers = [*answer.headers, ("content-encoding", "gzip")]
    return replace(answer, headers=headers, chunks=bodies.gzip(answer.chunks), content_length=None)


def _big(answer: SandboxAnswer, sleep: bodies.Sleep, megabytes: float) -> SandboxAnswer:
    chunks = bodies.big(answer.chunks, int(megabytes) * 1_000_000, is_stream=answer.is_stream)
    return replace(answer, chunks=chunks, content_length=None)


def _cookie(answer: SandboxAnswer, sleep: bodies.Sleep, _: float) -> SandboxAnswer:
    return replace(answer, headers=[*answer.headers, ("set-cookie", "sandbox_visit=simulated; Path=/")])


def _invalid_utf8(answer: SandboxAnswer, sleep: bodies.Sleep, _: float) -> SandboxAnswer:
    chunks = bodies.with_invalid_utf8(answer.chunks, is_stream=answer.is_stream)
    return replace(answer, chunks=chunks, content_length=None)


def _slow(answer: SandboxAnswer, sleep: bodies.Sleep, milliseconds: float) -> SandboxAnswer:
    delay = bodies.delay_each if answer.is_stream else bodies.delay_first
    return replace(answer, chunks=delay(answer.chunks, sleep, milliseconds / 1000))


def _html(status: int) -> SandboxAnswer:
    return whole(status, _HTML, content_type="text/html; charset=utf-8")


_PATTERNS: tuple[tuple[str, Callable[[str, str], Fault]], ...] = (
    (r"status-([45]\d\d)", _refusal(lambda status, now_s: status_error(int(status)))),
    (r"429", _refusal(lambda _, now_s: status_error(429))),
    (rf"429-retry-after-{_SECONDS}", _refusal(lambda wait, now_s: rate_error(headers={"retry-after": wait}))),
    (r"429-http-date", _refusal(lambda _, now_s: dated_rate_error(now_s))),
    (r"429-ms", _refusal(lambda _, now_s: rate_error(headers={"retry-after-ms": "50"}))),
    (r"429-text", _refusal(lambda _, now_s: rate_error(wait="250ms"))),
    (r"429-none", _refusal(lambda _, now_s: rate_error())),
    (r"429-too-large", _refusal(lambda _, now_s: too_large_error())),
    (r"429-slow-down", _refusal(lambda _, now_s: slow_down_error())),
    (r"billing", _refusal(lambda _, now_s: billing_error("insufficient_quota"))),
    (rf"({'|'.join(BILLING_CODES)}|billing_not_active)", _refusal(lambda code, now_s: billing_error(code))),
    (rf"slow-first-byte-{_SECONDS}", lambda name, argument: Fault(name=name, delay_s=float(argument))),
    (
        rf"slow-first-event-{_SECONDS}",
        _spoil(lambda answer, sleep, s: replace(answer, chunks=bodies.delay_first(answer.chunks, sleep, s))),
    ),
    (
        rf"stall-{_SECONDS}",
        _spoil(
            lambda answer, sleep, s: replace(
                answer, chunks=bodies.stall(answer.chunks, sleep, s, is_stream=answer.is_stream)
            )
        ),
    ),
    (r"slow-(\d+)", _spoil(_slow)),
    (r"cut", _spoil(_cut)),
    (
        r"cut-event",
        _spoil(
            lambda answer, sleep, _: replace(
                answer, chunks=bodies.cut_event(answer.chunks), content_length=None
            )
        ),
    ),
    (r"no-done", _spoil(lambda answer, sleep, _: replace(answer, chunks=bodies.without_done(answer.chunks)))),
    (r"malformed", _spoil(_malform)),
    (r"error-event", _spoil(_error_event)),
    (r"html", _instead(lambda _, path: _html(502))),
    (r"html-200", _instead(lambda _, path: _html(200))),
    (r"empty", _instead(lambda _, path: whole(200, b""))),
    (r"empty-([45]\d\d)", _instead(lambda status, path: whole(int(status), b""))),
    (r"text", _instead(lambda _, path: whole(200, b"Simulated plain text.\n", content_type="text/plain"))),
    (r"gzip", _spoil(_gzip)),
    (r"big-([1-9]\d{0,2}|10[01]\d|102[0-4])", _spoil(_big)),
    (
        r"redirect",
        _instead(lambda _, path: whole(307, b"", headers={"location": f"https://elsewhere.invalid{path}"})),
    ),
    (r"cookie", _spoil(_cookie)),
    (r"invalid-utf8", _spoil(_invalid_utf8)),
)
