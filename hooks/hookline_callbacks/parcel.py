"""What is posted for a job: made once, so that every attempt sends the same bytes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import orjson

if TYPE_CHECKING:
    from hookline.job import Job
    from hookline.routes import Reply
    from hookline_callbacks.options import Format

_JSON = "application/json"
_TYPES = {"done": "job.done", "cancelled": "job.cancelled"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Parcel:
    """A body and its headers, without those that differ in each attempt.

    Attributes:
        content: The body.
        headers: Values by lower-case name.
    """

    content: bytes = field(repr=False)
    headers: dict[str, str]

    def pack(self) -> bytes:
        """Return it as one piece."""
        return orjson.dumps(self.headers) + b"\n" + self.content

    @classmethod
    def unpack(cls, packed: bytes) -> Parcel:
        """Return what `pack` made a piece of.

        Raises:
            ValueError: If it is none.
        """
        head, _, content = packed.partition(b"\n")
        return cls(content=content, headers=orjson.loads(head))


def make_parcel(job: Job, *, format: Format, max_bytes: int, url_of: Callable[[str], str] = str) -> Parcel:
    """Return what is posted for a job that is over.

    Args:
        job: The job with its reply.
        format: Whether its output is wrapped.
        max_bytes: Largest body; in place of a larger one goes an event that says where it is.
        url_of: Returns the address of a path for callers.
    """
    reply, content = job.reply, b""
    if reply is not None:
        content = reply.content if isinstance(reply.content, bytes) else b"".join(reply.content)
    status = 0 if reply is None else reply.status
    content_type = _content_type(reply)
    if format == "event" or not content:
        content, content_type = _event(job, status, _value(content, content_type)), _JSON
    if len(content) > max_bytes:
        content, content_type = _event_of_large(job, status, len(content), url_of), _JSON
    headers = {
        "content-type": content_type,
        "x-hookline-job": job.id,
        "x-hookline-action": job.action_id,
        "x-hookline-status": str(status),
    }
    return Parcel(content=content, headers=headers)


def _event(job: Job, status: int, value: object) -> bytes:
    name = "output" if job.state == "done" else "error"
    return _wrap(job, {**_about(job, status), name: value})


def _event_of_large(job: Job, status: int, size_bytes: int, url_of: Callable[[str], str]) -> bytes:
    place = url_of(f"/jobs/{job.id}")
    return _wrap(job, {**_about(job, status), "too_large": True, "size_bytes": size_bytes, "location": place})


def _about(job: Job, status: int) -> dict[str, object]:
    return {"job": job.id, "action": job.action_id, "call_id": job.call_id, "status": status}


def _wrap(job: Job, data: dict[str, object]) -> bytes:
    at = (job.ended_at or job.created_at).isoformat().replace("+00:00", "Z")
    return orjson.dumps({"type": _TYPES.get(job.state, "job.failed"), "timestamp": at, "data": data})


def _content_type(reply: Reply | None) -> str:
    headers = [] if reply is None else reply.headers
    return next((value for name, value in headers if name.lower() == "content-type"), _JSON)


def _value(content: bytes, content_type: str) -> object:
    """Return a body as a part of JSON; one that is no JSON as text."""
    if not content:
        return None
    kind = content_type.partition(";")[0].strip().lower()
    if kind == _JSON or kind.endswith("+json"):
        try:
            orjson.loads(content)
            return orjson.Fragment(content)  # the same bytes, large numbers included
        except ValueError:
            pass
    return content.decode("utf-8", "replace")
