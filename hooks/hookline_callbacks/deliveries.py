"""What is known of a delivery, and how it is told. Address and content are no part of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from hookline.action import JsonObject

State = Literal["waiting", "delivered", "stopped", "failed"]
"""``stopped``: the receiver wants no more. ``failed``: every attempt failed. Only ``waiting`` goes on."""

STATES: tuple[State, ...] = ("waiting", "delivered", "stopped", "failed")
MAX_HISTORY = 50
"""Most attempts that are told of; the oldest go first."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def delivery_id_of(job_id: str) -> str:
    """Return the id of a job's delivery, which is its ``webhook-id`` in every attempt of every process."""
    return "msg_" + sha256(b"hookline delivery of " + job_id.encode()).hexdigest()[:32]


def to_us(at: datetime) -> int:
    """Return whole microseconds since 1970, UTC."""
    return (at - _EPOCH) // timedelta(microseconds=1)


def told_time(at_us: int | None) -> str | None:
    """Return a time for programs, as in ISO 8601."""
    if at_us is None:
        return None
    return (_EPOCH + timedelta(microseconds=at_us)).isoformat(timespec="milliseconds").replace("+00:00", "Z")


@dataclass(frozen=True, kw_only=True, slots=True)
class Attempt:
    """One attempt.

    Attributes:
        at_us: When it began.
        status: What was answered; None without an answer.
        took_ms: How long it took.
        error: What was wrong, in words; None if nothing was.
    """

    at_us: int
    status: int | None
    took_ms: int
    error: str | None

    def as_row(self) -> JsonObject:
        """Return it as it is stored."""
        return {"at_us": self.at_us, "status": self.status, "took_ms": self.took_ms, "error": self.error}

    def as_json(self) -> JsonObject:
        """Return it for programs."""
        return {
            "at": told_time(self.at_us),
            "status": self.status,
            "took_ms": self.took_ms,
            "error": self.error,
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class Delivery:
    """One result on its way.

    Attributes:
        id: Its ``webhook-id``.
        job_id: Which job's result it is.
        tenant: Whose it is.
        key_id: Public id of the key that asked for it.
        receiver: Scheme and host of the address.
        state: How far it has come.
        attempts: Attempts since it was taken or sent again.
        next_at_us: When the next one is due.
        created_at_us: When it was taken.
        ended_at_us: When it was over.
        expires_at_us: When it is removed.
        history: Its attempts, oldest first.
    """

    id: str
    job_id: str
    tenant: str
    key_id: str
    receiver: str
    state: State
    attempts: int
    next_at_us: int
    created_at_us: int
    ended_at_us: int | None
    expires_at_us: int
    history: tuple[Attempt, ...] = ()

    def as_json(self) -> JsonObject:
        """Return it for programs."""
        is_waiting = self.state == "waiting"
        return {
            "id": self.id,
            "job": self.job_id,
            "key_id": self.key_id,
            "receiver": self.receiver,
            "state": self.state,
            "created_at": told_time(self.created_at_us),
            "next_attempt_at": told_time(self.next_at_us) if is_waiting else None,
            "ended_at": told_time(self.ended_at_us),
            "attempts": [attempt.as_json() for attempt in self.history],
        }
