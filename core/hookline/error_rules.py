"""What a service means by its refusals, told by declaration."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

ErrorKind = Literal[
    "rejected",
    "not_found",
    "invalid",
    "credential",
    "forbidden",
    "quota",
    "rate_limited",
    "unavailable",
    "timeout",
    "blocked",
]
"""What the caller should take it for; each is one class of `hookline.errors`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ErrorRule:
    """One kind of refusal. The first rule that fits counts; without one the status alone decides.

    Attributes:
        kind: What it means.
        statuses: Statuses of the service that it is for; empty for any that is not 2xx. With 200 among them
            an answer that says it is none is an error too; then ``when`` is needed.
        when: JMESPath in the service's JSON that must be true.
        code: Machine-readable reason for our caller; the class's own by default.
        message: JMESPath of a text of the service that may be shown to callers.
        field: JMESPath of the name of the input field at fault.
        hint: What to do next.
        retry_after_s: JMESPath of the seconds to wait.
    """

    kind: ErrorKind
    statuses: tuple[int, ...] = ()
    when: str | None = None
    code: str | None = None
    message: str | None = None
    field: str | None = None
    hint: str | None = None
    retry_after_s: str | None = None
