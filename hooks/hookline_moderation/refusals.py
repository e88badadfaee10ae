"""The service's own refusals: as errors, as answers that decline, and as pieces of a stream."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, cast

from hookline.errors import ContentBlockedError, HooklineError, UpstreamFault
from hookline_moderation.failures import blocked

if TYPE_CHECKING:
    from hookline import Call, Response
    from hookline.action import JsonObject

# Source: OpenAI's and Azure's error bodies.
_CODES = frozenset({"content_filter", "content_policy_violation", "invalid_prompt"})
_AZURE_CODE = "ResponsibleAIPolicyViolation"
_FILTERED = "content_filter"
_MAX_CATEGORIES = 20
_MAX_CATEGORY_LENGTH = 60


def root_of(call: Call) -> Call:
    """Return the call from outside that a call belongs to; often itself."""
    while call.parent is not None:
        call = call.parent
    return call


def refusal_in_error(error: HooklineError) -> ContentBlockedError | None:
    """Return what an error means if the service refused because of the content, else None."""
    if isinstance(error, ContentBlockedError) or error.answer is None:
        return None
    body = error.answer.json()
    told = body.get("error", body) if isinstance(body, dict) else None
    if not isinstance(told, dict):
        return None
    inner = told.get("innererror")
    inner = inner if isinstance(inner, dict) else {}
    is_content = _is_one(told.get("code"), _CODES) or inner.get("code") == _AZURE_CODE
    return blocked("service", _filtered(inner), cause=error) if is_content else None


def stop_at_refusal_in_answer(response: Response) -> None:
    """Look whether the model or its service declined to answer.

    Raises:
        ContentBlockedError: If any of the answers is a refusal, or was cut by the service's filter.
    """
    output = response.output
    if "finish_reason" not in output:
        return
    choices = output.get("choices")
    entries = [output, *(choices if isinstance(choices, list) else ())]
    for entry in entries:
        if not isinstance(entry, dict):
            continue
        if entry.get("finish_reason") == _FILTERED:
            raise _declined(_FILTERED, _filtered_in_answer(response.raw))
        if _is_text(entry.get("refusal")):
            raise _declined("refusal", [])


def stop_at_refusal_in_pieces(pieces: Iterable[JsonObject]) -> None:
    """Look whether a stream brings a refusal.

    Raises:
        ContentBlockedError: If it does.
    """
    for piece in pieces:
        if piece.get("type") == "refusal" and _is_text(piece.get("text")):
            raise _declined("refusal", [])


def _declined(code: str, categories: list[str]) -> ContentBlockedError:
    error = blocked("service", categories)
    error.upstream = UpstreamFault(status=200, code=code)
    return error


def _filtered_in_answer(raw: object) -> list[str]:
    choices = raw.get("choices") if isinstance(raw, dict) else None
    found: dict[str, None] = {}
    for choice in choices if isinstance(choices, list) else ():
        if isinstance(choice, dict):
            found.update(dict.fromkeys(_filtered(choice)))
    return sorted(found)


def _filtered(holder: JsonObject) -> list[str]:
    """Return the categories for which Azure's filter struck."""
    results = holder.get("content_filter_result") or holder.get("content_filter_results")
    if not isinstance(results, dict):
        return []
    names = [
        name
        for name, result in results.items()
        if isinstance(result, dict) and result.get("filtered") is True and len(name) <= _MAX_CATEGORY_LENGTH
    ]
    return sorted(cast("list[str]", names))[:_MAX_CATEGORIES]


def _is_one(value: object, codes: frozenset[str]) -> bool:
    return isinstance(value, str) and value in codes


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value)
