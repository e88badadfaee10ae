"""Reading the replies to single calls: which limit refused one, and how long to wait."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import orjson

if TYPE_CHECKING:
    from hookline.action import JsonObject
    from hookline.routes import Reply

_SHORTEST_WAIT_S = 0.05


def read_problem(content: bytes) -> JsonObject:
    """Return the body of an error; empty if it is not the JSON of one."""
    try:
        value = orjson.loads(content)
    except orjson.JSONDecodeError:
        return {}
    return value if isinstance(value, dict) else {}


def is_ours(problem: JsonObject) -> bool:
    """Tell whether the gateway refused a call before the service was asked, so that to wait costs nothing."""
    return bool(problem) and problem.get("upstream") is None


def is_for_now(status: int, problem: JsonObject) -> bool:
    """Tell whether the gateway refused a call for a moment: by a limit, or because its storage is down."""
    return is_ours(problem) and (status == 429 or (status == 503 and problem.get("retryable") is True))


def wait_of(reply: Reply | None, problem: JsonObject) -> float:
    """Return the seconds after which a refused call may be tried again."""
    return wait_in(() if reply is None else reply.headers, problem)


def wait_in(headers: Iterable[tuple[str, str]], problem: JsonObject) -> float:
    """Return the seconds that headers, or else the body, of a refusal ask to wait; one if they are silent."""
    named = {name.lower(): value for name, value in headers}
    for name, unit in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        value = named.get(name, "")
        if value.isascii() and value.isdigit() and len(value) < 10:
            return max(_SHORTEST_WAIT_S, int(value) * unit)
    wait = problem.get("retry_after")
    return max(_SHORTEST_WAIT_S, float(wait)) if isinstance(wait, (int, float)) else 1.0
