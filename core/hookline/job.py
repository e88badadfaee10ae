"""A job: a call that runs after its answer was given."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from hookline.routes import Reply

JobState = Literal["queued", "running", "done", "failed", "cancelled"]
"""``done`` and ``failed`` tell whether the action's reply is a success; all but the first two are final."""


def new_job_id() -> str:
    """Return a random id such as ``job_5f2b...``, which cannot be guessed."""
    return "job_" + secrets.token_hex(16)


@dataclass(frozen=True, kw_only=True, slots=True)
class Job:
    """One job as it is now.

    Attributes:
        id: Its id.
        tenant: Whose it is.
        key_id: Public id of the key that asked for it.
        action_id: Which action.
        call_id: Id of the call, as in the ledger.
        state: How far it has come.
        created_at: When it was asked for, in UTC.
        started_at: When it was begun last; None while it waits.
        ended_at: When it was over; None before.
        expires_at: Until when its reply is kept.
        parts_done: How many of its parts are done, for a call that has parts.
        parts_total: How many parts it has; None for a call that has none.
        callback_url: Where its reply is to be posted; may hold a secret.
        reply: The action's own reply, whole; None before it is over.
    """

    id: str
    tenant: str
    key_id: str
    action_id: str
    call_id: str
    state: JobState
    created_at: datetime
    started_at: datetime | None = None
    ended_at: datetime | None = None
    expires_at: datetime
    parts_done: int | None = None
    parts_total: int | None = None
    callback_url: str | None = field(default=None, repr=False)
    reply: Reply | None = field(default=None, repr=False)
