"""Attempts that failed, and what a plugin decides about them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hookline.action import JsonObject
    from hookline.connection import Connection
    from hookline.errors import HooklineError
    from hookline.upstream import UpstreamRequest


@dataclass(frozen=True, kw_only=True, slots=True)
class Attempt:
    """One upstream request that failed.

    Attributes:
        number: 1 for the first of a call.
        request: What was sent; make a changed one from its ``copy()``.
        error: What it failed with, as the caller would be told.
        elapsed_s: Seconds since the first attempt began.
        may_have_run: Whether the upstream may have carried it out, and charged for it.
        has_begun: Whether a part of the answer has gone to the caller.
        answer: For streams, what has arrived, as the service would have answered in one piece; None if
            nobody reads pieces or nothing has arrived.
    """

    number: int
    request: UpstreamRequest = field(repr=False)
    error: HooklineError
    elapsed_s: float = 0.0
    may_have_run: bool = True
    has_begun: bool = False
    answer: JsonObject | None = field(default=None, repr=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class RetryDecision:
    """What one plugin decides about a failed attempt.

    Attributes:
        again: Whether to make another attempt; False makes the failure final.
        after_s: Seconds to wait first. A wait beyond the call's deadline is not begun: the caller is told
            at once how long it would have been.
        request: What to send instead of the same again.
        connection: The upstream account to go on with, one of ``call.alternatives``; None for the same.
        resumes: Whether the new stream goes on where the old one broke. Without it nothing is
            repeated once a part of the answer has gone to the caller.
        takes_partial: With ``again=False``, for streams: answer with what has arrived, marked incomplete.
        error: With ``again=False``: what the caller is told instead.
    """

    again: bool
    after_s: float = 0.0
    request: UpstreamRequest | None = field(default=None, repr=False)
    connection: Connection | None = None
    resumes: bool = False
    takes_partial: bool = False
    error: HooklineError | None = None
