"""What of a request, and what of an answer, is to be checked."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson

from hookline_moderation.content import Content, collect

if TYPE_CHECKING:
    from hookline import Call, Response, UpstreamRequest

_OPENAI = "openai"
# Kept by the service but not read by the model.
_NOT_READ = frozenset({"logit_bias", "metadata", "stream_options"})
# Full of short texts: checked together, as one.
_TOGETHER = frozenset(
    {"function_call", "functions", "response_format", "stop", "tool_choice", "tools", "web_search_options"}
)
# Where numbers are tokens, that is, text in another form.
_TOKENS = frozenset({"input", "prompt"})
# Actions whose answers hold no text that somebody wrote.
_WITHOUT_TEXT = frozenset({"openai.embed", "openai.list_models", "openai.moderate"})
_MAX_COMPARED_CHARS = 50_000_000


def input_content(call: Call, request: UpstreamRequest) -> Content:
    """Return what a request would send."""
    content = Content()
    is_openai = call.action.connector.id == _OPENAI
    body: object = request.body
    if body is None and request.content and (request.media_type or "").startswith("text/"):
        body = {"content": request.content.decode("utf-8", "replace")}
    elif body is None and request.content:
        try:
            body = orjson.loads(request.content)
        except orjson.JSONDecodeError:
            content.unreadable["a body that is not JSON"] = None
    if body is None:
        if not is_openai:
            collect(call.input, content)  # it went into the address
    elif is_openai and isinstance(body, dict):
        _collect_openai(body, content)
    else:
        collect(body, content)
        if not is_openai and isinstance(body, dict):
            collect({name: value for name, value in call.input.items() if name not in body}, content)
    return content


def output_content(call: Call, response: Response) -> Content:
    """Return what of a whole answer goes to the caller through their door."""
    content = Content()
    if call.action.id in _WITHOUT_TEXT:
        return content
    if call.door == "wire":
        collect(response.raw, content)
        if not response.is_changed:
            return content
    output = response.output
    collect({name: value for name, value in output.items() if name != "parsed"}, content)
    _collect_parsed(output.get("parsed"), output.get("text"), content)
    return content


def _collect_parsed(parsed: object, text: object, content: Content) -> None:
    """Add what was read out of a text, as far as it does not stand there in the same words."""
    inner = Content()
    collect(parsed, inner)
    if isinstance(text, str) and len(inner.texts) * len(text) <= _MAX_COMPARED_CHARS:
        inner.texts = {part: None for part in inner.texts if part not in text}
    content.texts.update(inner.texts)
    content.images.update(inner.images)
    content.unreadable.update(inner.unreadable)


def _collect_openai(body: dict[str, object], content: Content) -> None:
    for name, value in body.items():
        if name in _NOT_READ:
            continue
        if name in _TOKENS and _has_numbers(value):
            content.unreadable[f"`{name}` as token numbers"] = None
        if name in _TOGETHER:
            inner = Content()
            collect({name: value}, inner)
            content.add_text("\n".join(inner.texts))
            content.images.update(inner.images)
            content.unreadable.update(inner.unreadable)
        else:
            collect({name: value}, content)


def _has_numbers(value: object) -> bool:
    if not isinstance(value, list):
        return False
    return any(
        type(entry) in (int, float)
        or (isinstance(entry, list) and any(type(one) in (int, float) for one in entry))
        for entry in value
    )
