"""What is kept of a call: who, what, how much and how long, and none of its texts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

from hookline_ledger.labels import MAX_LENGTH, identity, printable

if TYPE_CHECKING:
    from hookline import Call
    from hookline.usage import Usage

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
NOT_ANSWERED = 499
"""Status of a call whose caller left before it was told anything."""

# What no call takes: a number beyond these is the service's mistake, and would spoil every sum it is in.
_MAX_TOKENS = 10**9
_MAX_NANO_USD = 10**13
_MAX_MS = 10**10
_MICROSECOND = timedelta(microseconds=1)


class UsageRow(NamedTuple):
    """One call, in values that cost next to nothing to take; `values_of` makes columns of them."""

    call_id: str
    parent_id: str | None
    at: datetime
    key_id: str
    tenant: str
    end_user: str | None
    flow: str | None
    action: str
    door: str
    connection: str
    model: str | None
    usage: Usage | None
    status: int | None
    error_code: str | None
    attempts: int
    first_byte_s: float | None
    total_s: float
    is_stream: bool
    is_internal: bool
    took_nothing: bool


def make_row(call: Call, usage: Usage | None) -> UsageRow:
    """Return the row of a call that is over. Runs on the request path, so it only picks things up."""
    record, principal, parent = call.record, call.principal, call.parent
    began_at, first_byte_at = record.began_at, record.first_byte_at
    model, ended_at = record.model, record.ended_at
    total_s = (call.clock.monotonic() if ended_at is None else ended_at) - began_at
    if first_byte_at is not None:
        first_byte_s: float | None = first_byte_at - began_at
    else:  # the answer went out in one piece, or a stream never began
        first_byte_s = None if call.is_stream else total_s
    return UsageRow(
        call.id,
        None if parent is None else parent.id,
        record.began_at_utc or call.clock.now(),
        principal.key_id,
        principal.tenant,
        call.end_user,
        call.flow,
        call.action.id,
        call.door,
        call.connection.id,
        None if model is None else model[:MAX_LENGTH],  # what waits must not be large
        usage,
        record.status,
        record.error_code,
        record.attempts,
        first_byte_s,
        total_s,
        call.is_stream,
        call.is_internal,
        usage is None and _took_nothing(call),
    )


def values_of(row: UsageRow) -> dict[str, object]:
    """Return the columns of a row, in the table's order; runs on the writer's thread."""
    usage = row.usage
    nothing = 0 if row.took_nothing else None
    return {
        "call_id": row.call_id,
        "parent_id": row.parent_id,
        "at_us": to_us(row.at),
        "key_id": identity(row.key_id),
        "tenant": identity(row.tenant),
        "end_user": _label(row.end_user),
        "flow": _label(row.flow),
        "action": printable(row.action),
        "door": row.door,
        "connection": printable(row.connection),
        "model": _label(row.model),
        "input_tokens": nothing if usage is None else _bounded(usage.input_tokens, _MAX_TOKENS),
        "output_tokens": nothing if usage is None else _bounded(usage.output_tokens, _MAX_TOKENS),
        "cached_tokens": None if usage is None else _bounded(usage.cached_tokens, _MAX_TOKENS),
        "reasoning_tokens": None if usage is None else _bounded(usage.reasoning_tokens, _MAX_TOKENS),
        "cost_nano_usd": nothing if usage is None else _bounded(usage.cost_nano_usd, _MAX_NANO_USD),
        "is_estimated": usage is not None and usage.is_estimated,
        "status": _status(row),
        "error_code": _label(row.error_code),
        "attempts": row.attempts,
        "first_byte_ms": None if row.first_byte_s is None else _ms(row.first_byte_s),
        "total_ms": _ms(row.total_s),
        "is_stream": row.is_stream,
        "is_internal": row.is_internal,
    }


def to_us(at: datetime) -> int:
    """Return whole microseconds since 1970, UTC."""
    return (at - EPOCH) // _MICROSECOND


def from_us(at_us: int) -> datetime:
    """Return the date and time, in UTC, of microseconds since 1970."""
    return EPOCH + timedelta(microseconds=at_us)


def _took_nothing(call: Call) -> bool:
    """Tell whether a call without usage took nothing, as opposed to nobody knowing what it took."""
    record = call.record
    if record.attempts == 0 or record.is_composed:
        return True
    return call.action.meter is not None and record.error_code is not None


def _status(row: UsageRow) -> int:
    if row.status is not None:
        return row.status
    return NOT_ANSWERED if row.error_code is None else 500


def _label(text: str | None) -> str | None:
    return None if text is None else printable(text)


def _bounded(number: int | None, most: int) -> int | None:
    """Return a number, or None for one that cannot be true."""
    return number if number is not None and 0 <= number <= most else None


def _ms(seconds: float) -> int:
    return min(max(0, round(seconds * 1000)), _MAX_MS)
