"""The rows of the table ``jobs``, and what is said of a job to whoever may see it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from hookline.job import Job, JobState

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import RowMapping

    from hookline.action import JsonObject
    from hookline.routes import Reply

QUEUED: JobState = "queued"
RUNNING: JobState = "running"
DONE: JobState = "done"
FAILED: JobState = "failed"
CANCELLED: JobState = "cancelled"
UNFINISHED = (QUEUED, RUNNING)

IN_QUEUE = "queue"
"""Owner of a job that waits in the queue; one without an owner is still to be put there."""

MOST_BEFORE = 1000
"""Jobs in front of another are counted so far, because each that waits may be asked for every few seconds."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, kw_only=True, slots=True)
class JobRow:
    """One row; what is sealed stays so. The fields are those of `hookline.store.tables.JOBS`."""

    id: str
    tenant: str
    key_id: str
    call_id: str
    action: str
    connection: str | None
    flow: str | None
    state: JobState
    priority: int
    runs: int
    owner: str | None
    is_sent: bool
    is_cancelled: bool
    not_before_us: int
    created_at_us: int
    started_at_us: int | None
    ended_at_us: int | None
    expires_at_us: int
    parts_done: int | None
    parts_total: int | None
    order: bytes | None = field(repr=False)
    reply_status: int | None
    reply: bytes | None = field(repr=False)
    callback_url: bytes | None = field(repr=False)
    is_told: bool

    @property
    def is_over(self) -> bool:
        """Whether nothing more will happen to it."""
        return self.state not in UNFINISHED

    def as_job(self, *, reply: Reply | None = None, callback_url: str | None = None) -> Job:
        """Return the job, with what was sealed."""
        return Job(
            id=self.id,
            tenant=self.tenant,
            key_id=self.key_id,
            action_id=self.action,
            call_id=self.call_id,
            state=self.state,
            created_at=moment(self.created_at_us),
            started_at=None if self.started_at_us is None else moment(self.started_at_us),
            ended_at=None if self.ended_at_us is None else moment(self.ended_at_us),
            expires_at=moment(self.expires_at_us),
            parts_done=self.parts_done,
            parts_total=self.parts_total,
            callback_url=callback_url,
            reply=reply,
        )

    def describe(self) -> JsonObject:
        """Return what is told about it, for people and programs."""
        progress = None
        if self.parts_total is not None:
            progress = {"done": self.parts_done or 0, "total": self.parts_total}
        return {
            "id": self.id,
            "status": self.state,
            "action": self.action,
            "call_id": self.call_id,
            "flow": self.flow,
            "progress": progress,
            "runs": self.runs,
            "is_cancelling": self.is_cancelled and not self.is_over,
            "result_status": self.reply_status,
            "created_at": text_of(self.created_at_us),
            "started_at": text_of(self.started_at_us),
            "ended_at": text_of(self.ended_at_us),
            "expires_at": text_of(self.expires_at_us),
        }


def row_of(values: Mapping[str, Any] | RowMapping) -> JobRow:
    """Return the row for what a query found."""
    return JobRow(**{str(name): value for name, value in values.items()})


def microseconds(at: datetime) -> int:
    """Return a time as the table has it."""
    return (at - _EPOCH) // timedelta(microseconds=1)


def moment(at_us: int) -> datetime:
    """Return a time of the table."""
    return _EPOCH + timedelta(microseconds=at_us)


def text_of(at_us: int | None) -> str | None:
    """Return a time of the table as ISO 8601 text in UTC."""
    return None if at_us is None else moment(at_us).isoformat(timespec="milliseconds").replace("+00:00", "Z")
