"""What callers are told about jobs, in replies and errors."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hookline.errors import (
    DeadlinePassedError,
    HooklineError,
    JobCancelledError,
    JobInterruptedError,
    NotFoundError,
    QueueFullError,
)
from hookline.record import CallRecord
from hookline.routes import Reply, json_reply
from hookline_jobs.rows import MOST_BEFORE

if TYPE_CHECKING:
    from collections.abc import Callable

    from hookline.action import JsonObject
    from hookline_jobs.rows import JobRow

    UrlOf = Callable[[str], str]


JOB_HEADER = "x-hookline-job"
_SOON = ((20, 2), (120, 5))
_LATER_S = 10


def accepted(
    id: str, *, state: str, url_of: UrlOf, applied: tuple[str, ...] = (), callback: bool = False
) -> Reply:
    """Return the 202 for a call that goes on as a job."""
    where = url_of(f"/jobs/{id}")
    told = " It is also posted to the `callback_url`." if callback else ""
    reply = json_reply(
        {
            "id": id,
            "status": state,
            "result_url": where,
            "status_url": f"{where}/status",
            "message": f"The call goes on as a job. Its result will be at {where}.{told}",
        },
        status=202,
    )
    reply.headers += [
        ("location", where),
        ("retry-after", str(_SOON[0][1])),
        ("cache-control", "no-store"),
        (JOB_HEADER, id),
    ]
    if applied:
        reply.headers.append(("preference-applied", ", ".join(applied)))
    return reply


def pending(row: JobRow, *, position: int | None, url_of: UrlOf, age_s: float) -> Reply:
    """Return the 202 for a result that is not there yet."""
    told: JsonObject = row.describe()
    told["position"] = position
    told["message"] = _words(row, position)
    reply = json_reply(told, status=202)
    wait_s = next((wait_s for until_s, wait_s in _SOON if age_s < until_s), _LATER_S)
    reply.headers += [
        ("location", url_of(f"/jobs/{row.id}")),
        ("retry-after", str(wait_s)),
        ("cache-control", "no-store"),
        (JOB_HEADER, row.id),
    ]
    return reply


def deadline_passed(id: str, wait_s: float, *, is_wire: bool, url_of: UrlOf) -> DeadlinePassedError:
    """Return the error for a caller who does not understand a 202: it names where the result will be."""
    where = url_of(f"/jobs/{id}")
    advice = "" if is_wire else " With `Prefer: respond-async` or a `callback_url` this is no error."
    error = DeadlinePassedError(
        f"The answer takes longer than the {wait_s:g} s that the caller waits. The call goes on as {id}.",
        hint=f"Fetch the result from {where} instead of calling again: it is paid for once.{advice}",
        details={"job": {"id": id, "result_url": where, "status_url": f"{where}/status"}},
    )
    error.record = CallRecord(headers={JOB_HEADER: id})
    return error


def unknown_job() -> NotFoundError:
    """Return the error for a job that does not exist, is another tenant's, or is not kept any longer."""
    return NotFoundError(
        "There is no such job, or its result is not kept any longer.",
        code="unknown_job",
        hint="Check the id; `GET /jobs` lists your own jobs.",
    )


def queue_full(whose: str) -> QueueFullError:
    """Return the error for a job that is not taken."""
    return QueueFullError(
        f"{whose} has as many jobs waiting as are allowed.", retry_after_s=30, reached_upstream=False
    )


def cancelled() -> JobCancelledError:
    """Return what the result of a cancelled job is."""
    return JobCancelledError("The job was cancelled.")


def interrupted() -> JobInterruptedError:
    """Return what the result of a job is whose worker ended after the service may have been asked."""
    return JobInterruptedError(
        "The worker of this job ended while the call ran. The service may have charged for it, so it was not "
        "made again."
    )


def too_old() -> HooklineError:
    """Return what the result of a job is that waited in vain."""
    return DeadlinePassedError(
        "The job waited longer than it may, and was not run.",
        code="job_too_old",
        hint="Limits or other jobs stood in its way all the time. Raise `max_age_s` or the limits.",
        reached_upstream=False,
    )


def other_world(*, is_simulated: bool) -> HooklineError:
    """Return why a job does not run here that a gateway with the sandbox took in, or one without it."""
    error = HooklineError(
        "The job was taken in by a gateway that simulates every service, and this worker does not."
        if is_simulated
        else "This worker simulates every service, and the job was taken in for the real one.",
        status=503,
        code="other_worker_needed",
        hint="Start gateway and workers with the same setting `sandbox`.",
        retry_after_s=5,
        reached_upstream=False,
    )
    error.retryable = True
    return error


def too_large() -> HooklineError:
    """Return what the result of a job is whose reply is too large to be kept."""
    return HooklineError(
        "The job is done, but its answer is larger than a job may keep.",
        code="job_reply_too_large",
        hint="Ask for less at once, or raise `max_reply_mb` of the plugin `jobs`. It was charged.",
    )


def unreadable() -> HooklineError:
    """Return what the result of a job is that cannot be opened any more."""
    return HooklineError(
        "What was kept of this job cannot be opened: the key that sealed it is not there.",
        code="job_unreadable",
        hint="Whoever runs this gateway must put `content.key` or HOOKLINE_CONTENT_KEY back.",
        reached_upstream=False,
    )


def _words(row: JobRow, position: int | None) -> str:
    if row.is_cancelled:
        return "The job is being cancelled."
    if row.state == "running":
        if row.parts_total:
            return f"The job runs: {row.parts_done or 0:,} of {row.parts_total:,} are done."
        return "The job runs."
    many = "or more " if position == MOST_BEFORE else ""
    before = "" if not position else f" {position:,} {many}go before it."
    return f"The job waits.{before}"
