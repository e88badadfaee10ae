"""What the caller of an overlong prompt is told: by how much it is too long, and which parts weigh most."""

from __future__ import annotations

import heapq
import re
from typing import TYPE_CHECKING, cast

from hookline.errors import InvalidInputError
from hookline_context.json_text import json_text
from hookline_context.request_count import ITEMS, items_of

if TYPE_CHECKING:
    from hookline.action import JsonObject
    from hookline.call import Call
    from hookline.errors import HooklineError
    from hookline_context.request_count import Tally
    from hookline_context.rooms import Overflow

CODE = "context_length_exceeded"

_SHOWN, _NAMED = 5, 3
_PREVIEW_LENGTH = 40
_SPACE = re.compile(r"[\s\x00-\x1f\x7f-\x9f]+")
_HINT = "Shorten what weighs most, ask for a shorter answer, or choose a model with a larger window."


def overflow_error(call: Call, body: JsonObject, overflow: Overflow, *, hint: str = "") -> HooklineError:
    """Return the error for a request that does not fit.

    Args:
        call: The call.
        body: The upstream's body.
        overflow: What does not fit.
        hint: What else to know, such as why it was not split.
    """
    tally, room = overflow.tally, overflow.room
    weights = weigh(call, body, tally)
    field = _root(str(weights[0]["field"])) if weights else ITEMS[tally.kind]
    about = "about " if overflow.amount.is_estimate else ""
    over_by = overflow.amount.tokens - overflow.limit
    what = _name_of(call, tally, overflow.index)
    taken = f"{what} {about}{overflow.amount.tokens:,} tokens"
    return InvalidInputError(
        f"{taken}, but {_capacity(overflow)}: {about}{over_by:,} too many.{heaviest(weights)}",
        code=CODE if overflow.index is not None or tally.kind != "embedding" else "max_tokens_per_request",
        field=field,
        hint=f"{_HINT} {hint}".rstrip(),
        details={
            "tokens": overflow.amount.tokens,
            "limit": overflow.limit,
            "over_by": over_by,
            "output_tokens": room.output,
            "is_estimate": overflow.amount.is_estimate,
            "weights": weights,
        },
    )


def explain_refusal(
    call: Call, body: JsonObject, tally: Tally, error: HooklineError, *, hint: str = ""
) -> None:
    """Add to the service's own refusal what weighs most."""
    weights = weigh(call, body, tally)
    total = tally.total
    error.message += heaviest(weights)
    error.hint = f"{error.hint} {hint}".rstrip()
    error.details = {
        **error.details,
        "tokens": total.tokens,
        "is_estimate": total.is_estimate,
        "weights": weights,
    }


def weigh(call: Call, body: JsonObject, tally: Tally) -> list[JsonObject]:
    """Return the heaviest items of a request, heaviest first."""
    items = items_of(body, tally.kind)
    heavy = heapq.nlargest(_SHOWN, range(len(tally.items)), key=lambda index: tally.items[index].tokens)
    weights: list[JsonObject] = [
        {
            "index": index,
            "field": field_of(call, body, tally, index),
            "role": _role_of(items[index]),
            "tokens": tally.items[index].tokens,
            "preview": _preview(items[index]),
        }
        for index in heavy
    ]
    if tally.kind == "chat" and tally.fixed.tokens > (cast("int", weights[-1]["tokens"]) if weights else 0):
        name = next((name for name in ("tools", "functions", "response_format") if body.get(name)), None)
        if name is not None:
            entry: JsonObject = {
                "index": None,
                "field": name,
                "role": None,
                "tokens": tally.fixed.tokens,
                "preview": _cut(json_text(body[name])),
            }
            weights.append(entry)
            weights.sort(key=lambda weight: cast("int", weight["tokens"]), reverse=True)
    return weights[:_SHOWN]


def heaviest(weights: list[JsonObject]) -> str:
    """Return a sentence that names the heaviest items, or nothing."""
    named = [
        f"`{weight['field']}` ({weight['role'] + ', ' if weight['role'] else ''}{weight['tokens']:,})"  # type: ignore[operator]  # a role is a text
        for weight in weights[:_NAMED]
    ]
    return f" The heaviest: {', '.join(named)}." if len(named) > 1 else ""


def field_of(call: Call, body: JsonObject, tally: Tally, index: int) -> str:
    """Return the field of the caller's input that an item comes from."""
    fields = call.input
    if call.door == "action":
        if call.action.id == "openai.edit":
            return "instruction" if index == 0 else "input"
        if call.action.id == "openai.complete" and tally.kind == "chat":
            return "prompt"
        if call.action.id == "openai.chat":
            given = fields.get("messages")
            before = 1 if fields.get("system") else 0
            number = len(given) if isinstance(given, list) else 0
            if before + number + (fields.get("prompt") is not None) == len(tally.items):
                if index < before:
                    return "system"
                return f"messages[{index - before}]" if index < before + number else "prompt"
    name = ITEMS[tally.kind]
    return name if items_of(body, tally.kind) == [body.get(name)] else f"{name}[{index}]"


def _name_of(call: Call, tally: Tally, index: int | None) -> str:
    if tally.kind == "chat":
        return "The messages take"
    name = ITEMS[tally.kind]
    if index is None:
        return f"All of `{name}` together takes"
    return f"`{name}[{index}]` takes" if len(tally.items) > 1 else f"`{name}` takes"


def _capacity(overflow: Overflow) -> str:
    room = overflow.room
    if overflow.tally.kind == "embedding" and overflow.index is None:
        return f"one request may have {overflow.limit:,}"
    if overflow.tally.kind == "embedding":
        return f"`{room.model}` takes {overflow.limit:,}"
    kept = f", as {room.output:,} of its {room.window:,} are for the answer" if room.output else ""
    return f"`{room.model}` has room for {max(0, overflow.limit):,}{kept}"


def _role_of(item: object) -> str | None:
    role = item.get("role") if isinstance(item, dict) else None
    return role[:_PREVIEW_LENGTH] if isinstance(role, str) else None


def _preview(item: object) -> str:
    content = item.get("content") if isinstance(item, dict) else item
    if isinstance(content, list):
        texts = [part.get("text") for part in content[:10] if isinstance(part, dict)]
        content = next((text for text in texts if isinstance(text, str)), content)
    if content is None:
        content = item
    return _cut(content if isinstance(content, str) else json_text(_head(content)))


def _head(value: object) -> object:
    return value[:_PREVIEW_LENGTH] if isinstance(value, list) else value


def _cut(text: str) -> str:
    line = _SPACE.sub(" ", text[: _PREVIEW_LENGTH * 8]).strip()
    return line if len(line) <= _PREVIEW_LENGTH else line[: _PREVIEW_LENGTH - 1] + "…"


def _root(field: str) -> str:
    return field.partition("[")[0]
