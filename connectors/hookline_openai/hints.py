"""What a reader should do about a refusal, and which of his fields it is about."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from hookline_openai import model_table

if TYPE_CHECKING:
    from datetime import date

    from hookline.call import Call

_HINTS = {
    "context_length_exceeded": (
        "Shorten what is sent or ask for a shorter answer, or choose a model that takes more."
    ),
    "max_tokens_per_request": "Send fewer texts in one call.",
    "unsupported_parameter": "Leave out the field that the message names, or choose another model.",
    "unsupported_value": "Change the field that the message names, or choose another model.",
    "unknown_parameter": "Leave out the field that the message names.",
    "invalid_prompt": "Rephrase the prompt: the service takes it for a breach of its usage policy.",
    "content_filter": "Rephrase the prompt: the service's content filter stopped it.",
    "content_policy_violation": "Rephrase the prompt: the service takes it for a breach of its usage policy.",
}
_QUOTED_MODEL = re.compile(r"model [`'\"]([^`'\"]{1,200})[`'\"]", re.IGNORECASE)
_ROOT = re.compile(r"[^.\[]*")

# Fields that the gateway itself writes for an action: which of the caller's fields they come from.
_ORIGINS = {
    ("openai.chat", "messages"): ("messages", "prompt"),
    ("openai.chat", "response_format"): ("response_format", "json_schema"),
    ("openai.edit", "messages"): ("input", "instruction"),
}


def hint_for(code: str) -> str | None:
    """Return what to do about a refusal with this code, or None if nothing special is known."""
    return _HINTS.get(code)


def field_of(call: Call, param: str | None) -> str | None:
    """Return the field of the caller's input that a refused upstream parameter comes from."""
    if param is None or call.door == "wire":
        return param
    root = _ROOT.match(param)
    origins = _ORIGINS.get((call.action.id, root[0] if root else ""))
    if origins is None:
        return param
    given = [name for name in origins if call.input.get(name) is not None]
    if given and given[0] == (root[0] if root else None):
        return param
    return given[0] if given else param


def model_hint(call: Call, message: str, *, today: date) -> str:
    """Return which model to use in place of one that the service does not have."""
    quoted = _QUOTED_MODEL.search(message)
    id = quoted[1] if quoted else str(call.input.get("model") or "")
    table = model_table.table_of(call.connection)
    model = table.find(id)
    if model is None or not model.is_retired(today):
        return "Check the name of the model; the action `openai.list_models` lists those that can be used."
    retired = f"`{id}` was retired on {model.shutdown_on}"
    replacement = _living_replacement(model, table, today)
    return f"{retired}; use `{replacement}`." if replacement else f"{retired}; choose another model."


def _living_replacement(
    model: model_table.ModelInfo, table: model_table.ModelTable, today: date
) -> str | None:
    """Return what replaces a retired model; the first replacement may have been retired since."""
    seen = {model.id}
    name = model.replacement
    while name is not None and name not in seen:
        successor = table.find(name)
        if successor is None or not successor.is_retired(today):
            return name
        seen.add(name)
        name = successor.replacement
    return None
