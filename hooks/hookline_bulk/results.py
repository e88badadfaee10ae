"""What becomes of each item, and the reply that holds all of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import orjson

from hookline.errors import HooklineError, ItemSkippedError, JobInterruptedError, UpstreamTimeoutError
from hookline.problems import PROBLEM_JSON, describe_error
from hookline.routes import Reply
from hookline_bulk.usages import UsageSum

if TYPE_CHECKING:
    from hookline import Order

Because = Literal["error", "budget", "limit", "time", "cancelled", "closing"]
"""Why items were not run: see the reference of the plugin."""

_REASONS: Mapping[Because, str] = {
    "error": "another item failed and `on_error` is `stop`",
    "budget": "the budget or quota is used up, as another item was told",
    "limit": "the limit that another item was told of leaves no room before the call's time is over",
    "time": "the call's time was over before its turn",
    "cancelled": "the call was cancelled",
    "closing": "the gateway was being closed",
}
_MOST_RANGES = 20
_HINTS: Mapping[Because, str] = {
    "error": "Correct what failed, then send the items that were skipped once more.",
    "budget": "See what the item that failed says of the budget, then send these items once more.",
    "limit": "Send these items once more when the item that failed says so, or fewer at a time.",
    "time": "Send these items once more, fewer at a time, or all of them as a job: `Prefer: respond-async`.",
    "cancelled": "Send these items once more if they are still wanted.",
    "closing": "Send these items once more in a moment.",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class ItemResult:
    """What became of one item.

    Attributes:
        status: HTTP status, as if the item had been called alone.
        content: JSON of its output, or of its error.
        call_id: Id of the call in the ledger; empty if there was none.
        headers: Of the reply to it; only for one that failed.
        is_skipped: Whether it was not run.
    """

    status: int
    content: bytes = field(repr=False)
    call_id: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    is_skipped: bool = False

    @property
    def is_success(self) -> bool:
        """Whether it went well."""
        return 200 <= self.status < 300


@dataclass(kw_only=True, slots=True)
class BulkOutcome:
    """What became of all items.

    Attributes:
        results: One for each item, in order; None for one that was not run.
        because: Why those were not run.
        usage: What all calls took.
        calls: How many calls were made for the items.
        is_sent: Whether a service was asked for any of them.
    """

    results: list[ItemResult | None]
    because: Because | None = None
    usage: UsageSum = field(default_factory=UsageSum)
    calls: int = 0
    is_sent: bool = False


def failure(error: HooklineError, *, call_id: str) -> ItemResult:
    """Return the result of an item that failed outside of its call."""
    content = orjson.dumps(describe_error(error, call_id=call_id))
    return ItemResult(status=error.status, content=content, call_id=call_id)


def make_reply(outcome: BulkOutcome, order: Order, *, elapsed_s: float) -> Reply:
    """Return the reply to a call with items.

    If at least one item went well, or there is none, it is 200. Else it is the error of the first that
    failed, with all items beside it, so that a tool which looks at the status notices. An order that nobody
    waits for, and that was cut off because the gateway was being closed, is an error in any case: whoever
    fetches it later must not take it for complete.
    """
    results = _complete(outcome, order)
    succeeded = sum(result.is_success for result in results)
    skipped = sum(result.is_skipped for result in results)
    summary = orjson.dumps(
        {
            "total": len(results),
            "succeeded": succeeded,
            "failed": len(results) - succeeded - skipped,
            "skipped": skipped,
            "calls": outcome.calls,
            "duration_ms": round(elapsed_s * 1000),
            "usage": outcome.usage.as_json(),
            "cost_usd": outcome.usage.cost_usd,
        }
    )
    parts = [b'"items":[', *_entries(results), b'],"summary":', summary, b"}"]
    interruption = None
    if order.is_detached and skipped and outcome.because == "closing":
        interruption = failure(_interrupted(outcome, results), call_id=order.call_id)
    if interruption is None and (succeeded or not results):
        return Reply(headers=[("content-type", "application/json")], content=b"".join([b"{", *parts]))
    first = interruption or next((result for result in results if not result.is_skipped), None)
    if first is None:
        first = failure(_nothing_ran(outcome), call_id=order.call_id)
    headers = [pair for pair in first.headers if pair[0] not in ("content-type", "content-length")]
    return Reply(
        status=first.status,
        headers=[("content-type", PROBLEM_JSON), *headers],
        content=b"".join([first.content.rstrip()[:-1], b",", *parts]),
    )


def _complete(outcome: BulkOutcome, order: Order) -> list[ItemResult]:
    """Return the results with one for each item that was skipped, too."""
    if all(outcome.results):
        return [result for result in outcome.results if result is not None]
    because: Because = outcome.because or "cancelled"
    error = ItemSkippedError(
        f"This item was not run: {_REASONS[because]}.", hint=_HINTS[because], details={"because": because}
    )
    content = orjson.dumps(describe_error(error, call_id=order.call_id))
    skipped = ItemResult(status=error.status, content=content, is_skipped=True)
    return [skipped if result is None else result for result in outcome.results]


def _entries(results: list[ItemResult]) -> list[bytes]:
    parts: list[bytes] = []
    for index, result in enumerate(results):
        name = b"output" if result.is_success else b"error"
        begin = b'%s{"index":%d,"status":%d,' % (b"," if index else b"", index, result.status)
        call = b'"call_id":"%s",' % result.call_id.encode() if result.call_id else b""
        parts += [begin, call, b'"%s":' % name, result.content, b"}"]
    return parts


def _interrupted(outcome: BulkOutcome, results: list[ItemResult]) -> HooklineError:
    """Return the error of an order that was cut off. If nothing was sent it may be run again as a whole."""
    if not outcome.is_sent:
        return _closed()
    left = [index for index, result in enumerate(results) if result.is_skipped]
    return JobInterruptedError(
        f"The gateway was being closed while this ran: {len(left):,} of {len(results):,} items were not run.",
        code="interrupted",
        hint=f"Send these items once more, by their index: {_ranges(left)}. `items` holds the results of the "
        "others; to send all of them again pays for those twice.",
    )


def _ranges(indexes: list[int]) -> str:
    """Return sorted numbers as a short text: ``0, 4-9``."""
    ranges: list[list[int]] = []
    for index in indexes:
        if ranges and index == ranges[-1][1] + 1:
            ranges[-1][1] = index
        else:
            ranges.append([index, index])
    shown = [str(first) if first == last else f"{first}-{last}" for first, last in ranges[:_MOST_RANGES]]
    more = ["and all others whose status is 424"] if len(ranges) > _MOST_RANGES else []
    return ", ".join([*shown, *more])


def _closed() -> HooklineError:
    return HooklineError(
        "The gateway was being closed before an item was run.",
        status=503,
        code="shutting_down",
        hint="Try again in a moment.",
        retry_after_s=1.0,
    )


def _nothing_ran(outcome: BulkOutcome) -> HooklineError:
    if outcome.because == "time":
        return UpstreamTimeoutError("The call's time was over before an item was run.")
    if outcome.because == "closing":
        return _closed()
    return HooklineError("The call was cancelled before an item was run.", status=499, code="client_gone")
