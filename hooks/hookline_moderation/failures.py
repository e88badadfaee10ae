"""What a caller is told when content is blocked, or when a check fails."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal

from hookline.errors import ContentBlockedError, HooklineError, InvalidInputError, UpstreamUnavailableError

Source = Literal["input", "output", "service"]
Checked = Literal["input", "output"]

UNAVAILABLE = "moderation_unavailable"
SKIPPED = "moderation_skipped"

_WORDS: dict[Source, tuple[str, str]] = {
    "input": (
        "This request was not sent because its content was found to be harmful",
        "Change the text: the same text will be blocked again.",
    ),
    "output": (
        "The answer is withheld because its content was found to be harmful",
        "Ask in another way.",
    ),
    "service": (
        "The service refused this request because of its content",
        "Change the text: the same text may well be refused again.",
    ),
}
_SHOWN = re.compile(r"[a-z0-9][a-z0-9 _/-]{0,59}\Z", re.IGNORECASE)
_MAX_SHOWN = 5
_CODE = re.compile(r"[a-z][a-z0-9_]{0,59}\Z")


class CheckFailedError(Exception):
    """Something could not be checked.

    Args:
        reason: Why, as the end of a sentence.
        is_lasting: Whether the same content could not be checked next time either.
    """

    def __init__(self, reason: str, *, is_lasting: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.is_lasting = is_lasting


def blocked(
    source: Source, categories: Sequence[str], *, cause: HooklineError | None = None
) -> ContentBlockedError:
    """Return the error for content that was found to be harmful; it never repeats the content.

    Args:
        source: Whose verdict it is, and about which side.
        categories: What was found, if that is known.
        cause: The service's own refusal, whose particulars are kept.
    """
    shown = [name for name in categories if _SHOWN.match(name)][:_MAX_SHOWN]
    what, hint = _WORDS[source]
    return ContentBlockedError(
        f"{what}: {', '.join(shown)}." if shown else f"{what}.",
        hint=hint,
        field=None if cause is None else cause.field,
        upstream=None if cause is None else cause.upstream,
        answer=None if cause is None else cause.answer,
        details={"categories": list(categories), "source": source},
        reached_upstream=source != "input",
    )


def unavailable(failure: CheckFailedError, checked: Checked) -> HooklineError:
    """Return the error for a check that failed, where nothing may pass unchecked."""
    done = "nothing was sent" if checked == "input" else "the answer is withheld"
    message = f"The check of the {checked} failed, so {done}: {failure.reason}."
    details: dict[str, object] = {"check": checked}
    if failure.is_lasting and checked == "input":
        return InvalidInputError(
            message,
            code=UNAVAILABLE,
            hint="Send what can be checked, or have whoever runs this gateway set `on_failure`.",
            details=details,
            reached_upstream=False,
        )
    cause = failure.__cause__ if isinstance(failure.__cause__, HooklineError) else None
    error = UpstreamUnavailableError(
        message,
        code=UNAVAILABLE,
        status=503,
        retry_after_s=None if cause is None else cause.retry_after_s,
        details=details,
        reached_upstream=checked != "input",
    )
    error.retryable = not failure.is_lasting and (cause is None or cause.retryable)
    error.is_exhausted = cause is not None and cause.is_exhausted
    if not error.retryable:
        error.hint = "Tell whoever runs this gateway: the check will fail again."
    return error


def describe(error: BaseException, classifier: str) -> str:
    """Return why a classifier failed, without the words of its service, which may repeat the text."""
    if not isinstance(error, HooklineError):
        return f"`{classifier}` failed with {type(error).__name__}"
    code = error.code if _CODE.match(error.code) else type(error).code
    return f"`{classifier}` failed with `{code}` ({error.status})"
