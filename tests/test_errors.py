"""The error tree: the drawing, the classes and what every reader of an error gets."""

from __future__ import annotations

import inspect
import re
from collections import Counter

import orjson
import pytest

from hookline import errors
from hookline.errors import (
    ConfigurationError,
    FatalError,
    HooklineError,
    InvalidInputError,
    MethodNotAllowedError,
    PluginError,
    RateLimitedError,
    RetryableError,
    UpstreamFault,
)
from hookline.problems import ProblemFormat, describe_error, known_errors, retry_after_of

CLASSES = [
    value for value in vars(errors).values() if isinstance(value, type) and issubclass(value, HooklineError)
]
GROUPS = {HooklineError, FatalError, RetryableError}
LEAVES = [kind for kind in CLASSES if kind not in GROUPS]
MEMBERS = {
    "type",
    "title",
    "status",
    "detail",
    "instance",
    "message",
    "error",
    "field",
    "retryable",
    "retry_after",
    "hint",
    "upstream",
}
EACH = pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)


def make(kind: type[HooklineError]) -> HooklineError:
    if issubclass(kind, PluginError):
        return kind("It broke.", plugin="acme")
    if issubclass(kind, MethodNotAllowedError):
        return kind("PUT is not taken here.", allowed=("GET", "POST"))
    return kind("It broke.")


def drawn() -> list[tuple[str, str, int | None]]:
    """Return class, parent and status of every line of the drawing at the top of the module."""
    found: list[tuple[str, str, int | None]] = []
    path: list[str] = []
    for line in (errors.__doc__ or "").splitlines():
        match = re.match(r"    ((?:[│ ]   )*)(?:[├└]── )?(\w+Error)\b\s*(\d{3})?", line)
        if match is None:
            continue
        depth = len(match[1]) // 4 + (1 if "── " in line else 0)
        path[depth:] = [match[2]]
        found.append(
            (match[2], path[depth - 1] if depth else "Exception", int(match[3]) if match[3] else None)
        )
    return found


def test_the_drawing_is_the_tree() -> None:
    classes = [(kind.__name__, kind.__bases__[0].__name__) for kind in CLASSES]

    assert sorted((name, parent) for name, parent, _ in drawn()) == sorted(classes)


def test_the_drawing_tells_the_status_of_every_error_that_a_caller_can_get() -> None:
    told = {name: status for name, _, status in drawn()}
    own = {kind.__name__: kind.status for kind in LEAVES if kind is not ConfigurationError}

    assert {name: status for name, status in told.items() if status is not None} == own


def test_every_class_derives_from_one_base_and_says_so_in_its_name() -> None:
    assert [kind.__name__ for kind in CLASSES if not kind.__name__.endswith("Error")] == []
    assert [kind.__name__ for kind in LEAVES if not inspect.getdoc(kind)] == []
    assert set(known_errors()) == set(CLASSES)


def test_every_code_is_the_code_of_one_class() -> None:
    codes = Counter(kind.code for kind in LEAVES)

    assert [code for code, times in codes.items() if times > 1] == []
    assert [code for code in codes if not re.fullmatch(r"[a-z]+(_[a-z]+)*", code)] == []
    assert HooklineError.code not in codes


def test_every_class_has_words_of_its_own_for_those_who_fill_in_forms() -> None:
    titles = Counter(kind.title for kind in LEAVES)
    hints = Counter(kind.hint for kind in LEAVES)

    assert [title for title, times in titles.items() if times > 1 or title.endswith(".")] == []
    assert [hint for hint in hints if not hint.endswith(".")] == []
    assert HooklineError.title not in titles
    assert HooklineError.hint not in hints


@EACH
def test_what_is_worth_trying_again_says_so_in_every_way(kind: type[HooklineError]) -> None:
    assert kind.retryable is issubclass(kind, RetryableError)
    assert kind.status in (409, 424, 429, 502, 503, 504) or not kind.retryable or kind in GROUPS


@EACH
def test_the_body_of_an_error_has_every_member(kind: type[HooklineError]) -> None:
    error = make(kind)

    body = describe_error(error, call_id="call_1")

    assert body == {
        "type": f"/problems/{kind.code}",
        "title": kind.title,
        "status": kind.status,
        "detail": error.message,
        "instance": "call_1",
        "message": f"{error.message} {kind.hint}",
        "error": {
            "message": f"{error.message} {kind.hint}",
            "type": kind.kind,
            "code": kind.code,
            "param": None,
        },
        "field": None,
        "retryable": kind.retryable,
        "retry_after": 1 if kind is RateLimitedError else None,
        "hint": kind.hint,
        "upstream": None,
    }
    assert body.keys() == MEMBERS


@EACH
def test_the_reply_of_an_error_has_its_status_and_headers(kind: type[HooklineError]) -> None:
    error = make(kind)

    reply = ProblemFormat().error_reply(error, call_id="call_1")

    expected = {"content-type": "application/problem+json", "cache-control": "no-store"}
    expected |= {"retry-after": "1"} if kind.status == 429 else {}
    expected |= {"www-authenticate": "Bearer"} if kind.status == 401 else {}
    expected |= {"allow": "GET, POST"} if kind.status == 405 else {}
    assert (reply.status, dict(reply.headers)) == (kind.status, expected)
    assert isinstance(reply.content, bytes)
    assert orjson.loads(reply.content) == describe_error(error, call_id="call_1")


@EACH
def test_the_event_of_an_error_is_one_event_with_the_same_members(kind: type[HooklineError]) -> None:
    error = make(kind)

    event = ProblemFormat().error_event(error, call_id="call_1")

    assert (event[:6], event[-2:], event.count(b"\n")) == (b"data: ", b"\n\n", 2)
    body = orjson.loads(event[6:])
    described = describe_error(error, call_id="call_1")
    assert body == {**described, "type": "error", "problem": described["type"]}


def test_what_an_error_carries_stands_in_its_body() -> None:
    error = InvalidInputError(
        "`n` must be at most 5, not 9.",
        code="too_many",
        status=400,
        field="n",
        hint="Ask for less.",
        retry_after_s=1.2,
        upstream=UpstreamFault(status=418, request_id="req_1", code="teapot"),
        details={"problems": [{"field": "n"}], "status": 200, "type": "x", "message": "no"},
    )

    body = describe_error(error, call_id="call_1")

    assert body == {
        "type": "/problems/invalid_input",
        "title": InvalidInputError.title,
        "status": 400,
        "detail": "`n` must be at most 5, not 9.",
        "instance": "call_1",
        "message": "`n` must be at most 5, not 9. Ask for less.",
        "error": {
            "message": "`n` must be at most 5, not 9. Ask for less.",
            "type": "invalid_request_error",
            "code": "too_many",
            "param": "n",
        },
        "field": "n",
        "retryable": False,
        "retry_after": 2,
        "hint": "Ask for less.",
        "upstream": {"status": 418, "request_id": "req_1", "code": "teapot"},
        "problems": [{"field": "n"}],
    }


@pytest.mark.parametrize(
    ("wait_s", "expected"),
    [(None, 1), (-5, 1), (0, 1), (0.001, 1), (1, 1), (1.0001, 2), (59.5, 60), (86_400, 86_400)],
)
def test_a_wait_is_told_in_whole_seconds_and_is_at_least_one(wait_s: float | None, expected: int) -> None:
    error = RateLimitedError("Slow down.", retry_after_s=wait_s)

    assert retry_after_of(error) == expected
    headers = dict(ProblemFormat().error_reply(error, call_id="call_1").headers)
    assert headers["retry-after"] == str(expected)


def test_a_subclass_keeps_its_class_s_words_when_only_one_is_changed() -> None:
    error = RateLimitedError("Slow down.", code="tokens")

    assert (error.code, RateLimitedError.code) == ("tokens", "rate_limit_exceeded")
    assert (error.status, error.hint, error.details) == (429, RateLimitedError.hint, {})
    assert str(error) == error.message == "Slow down."
