"""Every error that Hookline raises on purpose.

::

    HooklineError
    ├── ConfigurationError                 before any traffic: settings, plugins, schemas
    ├── PluginError                        500  a plugin failed; names plugin and distribution
    ├── FatalError                         the same call would fail again
    │   ├── MalformedRequestError          400  not JSON, bad framing, unsafe characters
    │   ├── AuthenticationError            401  no key, or not a valid one
    │   ├── QuotaExhaustedError            402  money or quota of the upstream account is used up
    │   ├── BudgetExhaustedError           402  a budget of this gateway is used up
    │   ├── PermissionDeniedError          403  a valid key without this right
    │   ├── NotFoundError                  404  no such route or action
    │   ├── MethodNotAllowedError          405  the route exists, the method does not
    │   ├── ReplyLostError                 409  an idempotency key whose answer cannot be given again
    │   ├── ExportRefusedError             409  a platform cannot take what is to be exported
    │   ├── BodyTooLargeError              413  over the size cap
    │   ├── UnsupportedMediaTypeError      415  a content type we do not read
    │   ├── InvalidInputError              422  a field is missing, unknown or out of range
    │   ├── KeyReusedError                 422  an idempotency key that was used for another request
    │   ├── AnswerMismatchError            422  the model's answer does not fit what was asked for
    │   ├── RequestRejectedError           400  the upstream refused what the caller sent
    │   ├── ContentBlockedError            400  a check of the content, or the upstream's own, said no
    │   ├── UpstreamCredentialError        502  the upstream refused our credential
    │   ├── UpstreamForbiddenError         502  the upstream does not serve us
    │   ├── LoopDetectedError              508  the request has gone through this gateway before
    │   ├── DeadlinePassedError            504  the caller's time is over; the call goes on as a job
    │   ├── JobCancelledError              410  somebody ended the job
    │   └── JobInterruptedError            502  its worker ended; it may have been charged
    └── RetryableError                     the same call may succeed later
        ├── StillRunningError              409  the first request with this idempotency key still runs
        ├── ItemSkippedError               424  one of several items was not run, because of another
        ├── RateLimitedError               429  wait ``retry_after_s``
        ├── UpstreamUnavailableError       502  the upstream failed or could not be reached
        ├── InvalidUpstreamAnswerError     502  the upstream answered something unreadable
        ├── StreamInterruptedError         502  the upstream's stream broke off
        ├── StoreUnavailableError          503  our own storage is down
        ├── QueueFullError                 503  as many jobs wait as are allowed
        └── UpstreamTimeoutError           504  the upstream did not answer in time

What a caller may match on is the class, ``code`` and ``status``; the wording of a message may change.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from hookline.record import CallRecord
    from hookline.upstream import ErrorAnswer


@dataclass(frozen=True, kw_only=True, slots=True)
class UpstreamFault:
    """What the upstream said when it failed.

    Attributes:
        status: HTTP status of the upstream's answer, or None when there was no answer.
        request_id: The upstream's own id of the request, if it sent one.
        code: The upstream's machine-readable code, if it sent one.
    """

    status: int | None = None
    request_id: str | None = None
    code: str | None = None


class HooklineError(Exception):
    """Base of every error; carries all that a reader needs to act.

    Args:
        message: What happened, to which thing, and what to do. Never holds a secret.
        code: Machine-readable reason, snake_case; the class's own by default.
        status: HTTP status; the class's own by default.
        field: Path of the input field at fault, such as ``messages[0].role``.
        hint: What to do next, in the words of somebody who fills in a form.
        retry_after_s: Seconds to wait before the same call can succeed.
        upstream: What the upstream said, when it was asked.
        details: Further members for the answer, such as the ``problems`` of several fields.
        answer: The upstream's refusal as it arrived, for error mapping; never shown as it is.
        reached_upstream: False if no request can have arrived there, because none was sent.

    Attributes:
        is_exhausted: Whether the gateway has tried again as often as it makes sense, so that a client
            need not.
        is_mapped: Whether it has been through ``hookline_map_error``; it is not mapped twice.
        action_id: The action that failed with it inside of a call, where that is known.
        record: What happened to the call that failed with it; None outside of calls.
    """

    status: int = 500
    code: str = "internal_error"
    kind: str = "server_error"
    title: str = "Something went wrong inside the gateway"
    hint: str = "Try again; if it stays, give the call id to whoever runs this gateway."
    retryable: bool = False
    is_exhausted: bool = False
    is_mapped: bool = False
    action_id: str | None = None
    record: CallRecord | None = None

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        status: int | None = None,
        field: str | None = None,
        hint: str | None = None,
        retry_after_s: float | None = None,
        upstream: UpstreamFault | None = None,
        details: dict[str, object] | None = None,
        answer: ErrorAnswer | None = None,
        reached_upstream: bool = True,
    ) -> None:
        super().__init__(message)
        self.message = message
        if code is not None:
            self.code = code
        if status is not None:
            self.status = status
        if hint is not None:
            self.hint = hint
        self.field = field
        self.retry_after_s = retry_after_s
        self.upstream = upstream
        self.details = details or {}
        self.answer = answer
        self.reached_upstream = reached_upstream

    @property
    def wait_headers(self) -> list[tuple[str, str]]:
        """Headers that tell the wait: in whole seconds, and in milliseconds for clients that read those."""
        if self.retry_after is None or self.retry_after_s is None:
            return []
        milliseconds = max(1, math.ceil(self.retry_after_s * 1000))
        return [("retry-after", str(self.retry_after)), ("retry-after-ms", str(milliseconds))]

    @property
    def retry_after(self) -> int | None:
        """Value of ``Retry-After``: whole seconds, at least 1; None if no wait is known that makes sense."""
        wait_s = self.retry_after_s
        return max(1, math.ceil(wait_s)) if wait_s is not None and 0 <= wait_s < math.inf else None


class ConfigurationError(HooklineError):
    """A setting, plugin or schema is wrong; found before any traffic."""

    code = "configuration_error"
    title = "The gateway is not configured correctly"
    hint = "Correct what the message names, then try again."


class PluginError(HooklineError):
    """A plugin raised something unexpected or returned the wrong type.

    Args:
        message: What the plugin did, without the text of what it raised.
        plugin: Name of the plugin.
        distribution: Distribution that ships it, if known.
    """

    code = "plugin_failed"
    title = "A plugin of this gateway failed"
    hint = "Tell whoever runs this gateway; `hookline plugins list` shows the plugin and its hooks."

    def __init__(self, message: str, *, plugin: str, distribution: str | None = None) -> None:
        super().__init__(message)
        self.plugin = plugin
        self.distribution = distribution


class FatalError(HooklineError):
    """The same call would fail again."""

    kind = "invalid_request_error"


class MalformedRequestError(FatalError):
    """The request cannot be read: not JSON, bad framing, unsafe characters."""

    status = 400
    code = "malformed_request"
    title = "The request cannot be read"
    hint = "Send one JSON object, encoded as UTF-8, with each field once."


class AuthenticationError(FatalError):
    """No credential was sent, or not a valid one."""

    status = 401
    code = "invalid_api_key"
    title = "No valid API key"
    hint = "Send the key as `Authorization: Bearer KEY` or `X-API-Key: KEY`."


class QuotaExhaustedError(FatalError):
    """Money or quota is used up; waiting does not help."""

    status = 402
    code = "insufficient_quota"
    kind = "insufficient_quota"
    title = "The account is out of credit"
    hint = "Add credit or raise the spending limit of the upstream account; trying again will not help."


class BudgetExhaustedError(FatalError):
    """A budget that was set in this gateway is used up, or too small for what the call may cost."""

    status = 402
    code = "budget_exhausted"
    kind = "insufficient_quota"
    title = "A budget of this gateway is used up"
    hint = "Ask for less, wait until the budget begins anew, or ask whoever runs this gateway to raise it."


class PermissionDeniedError(FatalError):
    """The caller is known but may not do this."""

    status = 403
    code = "permission_denied"
    title = "This key may not do that"
    hint = "Ask for a key whose scopes cover this action."


class NotFoundError(FatalError):
    """No such route or action."""

    status = 404
    code = "not_found"
    title = "There is nothing at this address"
    hint = "`GET /actions` lists what this gateway can do."


class MethodNotAllowedError(FatalError):
    """The route exists but not with this method.

    Args:
        message: Names the method that was used.
        allowed: Methods that the route has.
    """

    status = 405
    code = "method_not_allowed"
    title = "This address does not take that method"
    hint = "Use one of the methods of the `Allow` header."

    def __init__(self, message: str, *, allowed: tuple[str, ...]) -> None:
        super().__init__(message)
        self.allowed = allowed


class ReplyLostError(FatalError):
    """A request was carried out under this idempotency key, and its answer cannot be given again."""

    status = 409
    code = "first_attempt_lost"
    title = "The answer of the first attempt is not there any more"
    hint = "Send another `Idempotency-Key` to run the call again; that may be charged a second time."


class ExportRefusedError(FatalError):
    """A platform cannot take what is to be exported; the message says why."""

    status = 409
    code = "cannot_export"
    title = "The catalog cannot be written for this platform"
    hint = "Ask for fewer or other actions with `actions`, or correct what the message names."


class BodyTooLargeError(FatalError):
    """The body is over the size cap."""

    status = 413
    code = "body_too_large"
    title = "The request is too large"
    hint = "Send less, or raise `max_body_bytes` in the gateway's settings."


class UnsupportedMediaTypeError(FatalError):
    """The content type is one we do not read."""

    status = 415
    code = "unsupported_media_type"
    title = "This content type is not supported"
    hint = "Send `Content-Type: application/json`."


class InvalidInputError(FatalError):
    """A field is missing, unknown, of the wrong type or out of range."""

    status = 422
    code = "invalid_input"
    title = "The input does not fit the action"
    hint = "Correct the field that the message names; `GET /actions/{id}` shows what each field takes."


class KeyReusedError(FatalError):
    """An idempotency key was used for another request before."""

    status = 422
    code = "idempotency_key_reused"
    title = "This idempotency key was used for another request"
    hint = "Send a new `Idempotency-Key` with every new request, and the same one only to repeat a request."


class AnswerMismatchError(FatalError):
    """The model answered something that does not fit what was asked for."""

    status = 422
    code = "answer_mismatch"
    kind = "upstream_error"
    title = "The model's answer does not fit the schema"
    hint = "Try again, make the schema simpler, or choose a model that keeps to schemas."


class RequestRejectedError(FatalError):
    """The upstream refused what the caller sent."""

    status = 400
    code = "request_rejected"
    title = "The service refused this request"
    hint = "Correct what the message names."


class ContentBlockedError(FatalError):
    """A check of the content said no: the gateway's, or the upstream's own."""

    status = 400
    code = "content_blocked"
    title = "The content was blocked"
    hint = "Change the text, then try again."


class UpstreamCredentialError(FatalError):
    """The upstream refused the gateway's own credential; the caller's key is fine."""

    status = 502
    code = "upstream_credential_rejected"
    kind = "upstream_error"
    title = "The service refused the gateway's credential"
    hint = "Your key for this gateway is fine. Whoever runs it must renew the upstream API key."


class UpstreamForbiddenError(FatalError):
    """The upstream does not serve the gateway's account or place."""

    status = 502
    code = "upstream_forbidden"
    kind = "upstream_error"
    title = "The service does not serve this gateway"
    hint = "Whoever runs this gateway must check the upstream account's rights and region."


class LoopDetectedError(FatalError):
    """The request has gone through this gateway already: a base URL leads back to it."""

    status = 508
    code = "loop_detected"
    title = "The request goes in circles"
    hint = "Whoever runs this gateway must correct the connection's base URL: it leads back to the gateway."


class DeadlinePassedError(FatalError):
    """The caller waits no longer; the call goes on as a job whose result can be fetched."""

    status = 504
    code = "deadline_passed"
    kind = "server_error"
    title = "The answer takes longer than you wait"
    hint = "Fetch the result of the job that the error names instead of calling again: it is paid for once."


class JobCancelledError(FatalError):
    """Somebody ended the job before it was done."""

    status = 410
    code = "job_cancelled"
    title = "The job was cancelled"
    hint = "Call the action again if you need it."


class JobInterruptedError(FatalError):
    """The worker of a job ended after the service may have been asked, so it was not asked again."""

    status = 502
    code = "job_interrupted"
    kind = "server_error"
    title = "The job was interrupted, and may have been charged"
    hint = "Call the action again if you accept that it may be charged twice."


class RetryableError(HooklineError):
    """The same call may succeed later."""

    kind = "upstream_error"
    retryable = True


class StillRunningError(RetryableError):
    """The first request with this idempotency key still runs."""

    status = 409
    code = "still_running"
    kind = "invalid_request_error"
    title = "The first request with this key still runs"
    hint = "Wait as long as `Retry-After` says, then send the same again: it gets the answer of the first."


class ItemSkippedError(RetryableError):
    """One of the items of a call was not run, because of what became of others."""

    status = 424
    code = "item_skipped"
    kind = "server_error"
    title = "This item was not run"
    hint = "Send the items that were skipped once more."


class RateLimitedError(RetryableError):
    """Too many calls in too little time."""

    status = 429
    code = "rate_limit_exceeded"
    kind = "rate_limit_error"
    title = "Too many requests"
    hint = "Wait as long as `Retry-After` says, then try again."


class UpstreamUnavailableError(RetryableError):
    """The upstream failed or could not be reached."""

    status = 502
    code = "upstream_unavailable"
    title = "The service is not available"
    hint = "Try again in a moment."


class InvalidUpstreamAnswerError(RetryableError):
    """The upstream answered something that is not what it should answer."""

    status = 502
    code = "invalid_upstream_answer"
    title = "The service answered something unreadable"
    hint = "Try again; if it stays, check the base URL of the connection."


class StreamInterruptedError(RetryableError):
    """The upstream's answer broke off before its end."""

    status = 502
    code = "stream_interrupted"
    title = "The answer broke off before its end"
    hint = "What arrived is incomplete. Try again."


class StoreUnavailableError(RetryableError):
    """Our own storage is down; the call was neither allowed nor run."""

    status = 503
    code = "store_unavailable"
    kind = "server_error"
    title = "The gateway's storage is not available"
    hint = "Try again in a moment."


class QueueFullError(RetryableError):
    """As many jobs wait as are allowed; this one was not taken."""

    status = 503
    code = "queue_full"
    kind = "server_error"
    title = "Too many jobs wait"
    hint = "Wait as long as `Retry-After` says, then try again."


class UpstreamTimeoutError(RetryableError):
    """The upstream did not answer in time."""

    status = 504
    code = "upstream_timeout"
    title = "The service did not answer in time"
    hint = "Try again, ask for a shorter answer, or raise `timeout_s` in the gateway's settings."


def raise_from(error: HooklineError, cause: BaseException) -> NoReturn:
    """Raise ``error`` with its cause, which may be ``error`` itself.

    A traceback holds the frames it passed, and a frame its variables: an error that stands in one, or is its
    own cause, would keep all that the call held in memory until the garbage collector comes by.
    """
    try:
        if error is cause:
            raise error
        raise error from cause
    finally:
        del error, cause
