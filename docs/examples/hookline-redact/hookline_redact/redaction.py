"""What happens to one call: its request is redacted, its answer restored."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hookline.errors import AnswerMismatchError, InvalidInputError
from hookline_redact.placeholders import Placeholders, TooManyValuesError
from hookline_redact.restoring import restored
from hookline_redact.walking import NestedTooDeepError, redacted, taken_in

if TYPE_CHECKING:
    from hookline import Call, Response, UpstreamRequest
    from hookline_redact.options import RedactOptions

_STATE = "redact"
HEADER = "x-redacted"
"""Header of an answer that tells how many values were hidden, such as ``email=2, phone=1``."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Redaction:
    """What one call hides.

    Attributes:
        placeholders: The values and what stands for them.
        is_json: Whether the answer's text was asked for as JSON, so that a value is written as JSON has it.
        on_unknown: What to do with a placeholder that stands for nothing.
    """

    placeholders: Placeholders = field(repr=False)
    is_json: bool = False
    on_unknown: str = "warn"


def redaction_of(call: Call) -> Redaction | None:
    """Return what a call hides; None if that is nothing."""
    found = call.state.get(_STATE)
    return found if isinstance(found, Redaction) else None


def hide(call: Call, request: UpstreamRequest, options: RedactOptions) -> None:
    """Put placeholders into the body of a request, in place of what it holds of personal data.

    Raises:
        InvalidInputError: If it holds more than can be hidden, or cannot be looked through.
    """
    body = request.body
    try:
        placeholders = Placeholders(taken=taken_in(body), max_values=options.max_values)
        changed = redacted(body, options.finder, placeholders, skipped=options.skipped)
    except TooManyValuesError:
        raise InvalidInputError(
            f"This call holds more than {options.max_values:,} different pieces of personal data.",
            code="too_much_personal_data",
            hint="Send it in parts, or raise `plugins.redact.max_values`.",
        ) from None
    except NestedTooDeepError:
        raise InvalidInputError(
            "This call is nested too deeply to be looked through for personal data.",
            code="nested_too_deep",
            hint="Send it with fewer lists and objects inside of each other.",
        ) from None
    if changed is body:
        return
    assert isinstance(changed, dict)  # as the body was
    request.body, request.content = changed, None
    if not len(placeholders):
        return
    call.state[_STATE] = Redaction(
        placeholders=placeholders, is_json=_asks_for_json(changed), on_unknown=options.on_unknown
    )
    counts = ", ".join(f"{kind}={count}" for kind, count in placeholders.counts().items())
    call.record.headers[HEADER] = counts


def restore(call: Call, response: Response, redaction: Redaction) -> None:
    """Put the data back into an answer.

    Raises:
        AnswerMismatchError: If a placeholder stands for nothing, and the options want the call to fail then.
    """
    unknown: dict[str, None] = {}
    output = restored(response.output, redaction.placeholders, unknown, is_json=redaction.is_json)
    complain(redaction, unknown)
    if unknown and redaction.on_unknown == "warn":
        call.record.warn(
            "unknown_placeholder",
            f"The answer holds {_listed(unknown)}, which stands for nothing that was sent; "
            "it was left as it is.",
        )
    if isinstance(output, dict) and output is not response.output:
        response.output = output


def complain(redaction: Redaction, unknown: Iterable[str]) -> None:
    """Let the call fail if there are placeholders that stand for nothing and the options want that.

    Raises:
        AnswerMismatchError: If so.
    """
    if redaction.on_unknown == "fail" and (listed := _listed(unknown)):
        raise AnswerMismatchError(
            f"The answer holds {listed}, which stands for nothing that was sent.",
            code="unknown_placeholder",
            hint="Ask again, and tell the model to write placeholders exactly as they are.",
        )


def _listed(unknown: Iterable[str]) -> str:
    return ", ".join(list(unknown)[:5])


def _asks_for_json(body: dict[str, object]) -> bool:
    """Tell whether a request wants its answer's text to be JSON."""
    wish = body.get("response_format")
    return isinstance(wish, dict) and wish.get("type") in ("json_object", "json_schema")
