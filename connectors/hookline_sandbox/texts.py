"""What the simulation says: it echoes the prompt, so that a reader sees that the request arrived whole."""

from __future__ import annotations

import re
from collections.abc import Sequence

from hookline_sandbox.tokens import cut_text
from hookline_sandbox.wire import JsonObject, derive

_MAX_ECHO = 200
_PIECES = re.compile(r"\s*\w{1,12}|\s*[^\w\s]|\s+")
REFUSAL_REQUEST = "please refuse"


def text_of(content: object) -> str:
    """Return the text of a message's content, whether it is a string, a list of parts, or null."""
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        return ""
    return " ".join(str(part.get("text") or part.get("refusal") or f"[{part['type']}]") for part in content)


def last_text(messages: Sequence[JsonObject], *roles: str) -> str:
    """Return the text of the last message of one of these roles, or nothing."""
    return next((text_of(item.get("content")) for item in reversed(messages) if item["role"] in roles), "")


def echo(text: str) -> str:
    """Return a text, shortened to about 200 characters."""
    return text if len(text) <= _MAX_ECHO else text[: _MAX_ECHO - 1] + "…"


def answer_text(messages: Sequence[JsonObject], *, index: int) -> str:
    """Return the text of one choice for a conversation; the rest of it where the model was interrupted."""
    return _rest_of_answer(messages, index=index) or _whole_answer(messages, index=index)


def _rest_of_answer(messages: Sequence[JsonObject], *, index: int) -> str:
    """Return what the model had still to say when its last message ended too early, or nothing."""
    if len(messages) < 3 or [item["role"] for item in messages[-2:]] != ["assistant", "user"]:
        return ""
    said = text_of(messages[-2].get("content"))
    whole = _whole_answer(messages[:-2], index=index)
    return whole[len(said) :] if said and whole.startswith(said) else ""


def _whole_answer(messages: Sequence[JsonObject], *, index: int) -> str:
    number = f" {index + 1}" if index else ""
    text = f"Simulated answer{number} to: {echo(last_text(messages, 'user'))}"
    if messages[-1]["role"] in ("tool", "function"):
        text += f" (tool result: {echo(text_of(messages[-1].get('content')))})"
    instructions = last_text(messages, "system", "developer")
    return f"{text} (instructions: {echo(instructions)})" if instructions else text


def pieces(text: str) -> list[str]:
    """Return a text cut into the words and signs in which a stream delivers it; joined they are the text."""
    return _PIECES.findall(text)


def apply_stop(text: str, stop: str | list[str] | None) -> tuple[str, bool]:
    """Return what comes before the first stop text, and whether there was one."""
    stops = [stop] if isinstance(stop, str) else stop or []
    ends = [at for at in (text.find(item) for item in stops if item) if at >= 0]
    return (text[: min(ends)], True) if ends else (text, False)


def finish(text: str, *, stop: str | list[str] | None, limit: int | None) -> tuple[str, str]:
    """Return a text cut at its stop texts and at its limit in tokens, with its finish reason."""
    text, _ = apply_stop(text, stop)
    if limit is not None:
        text, was_cut = cut_text(text, limit)
        if was_cut:
            return text, "length"
    return text, "stop"


def logprob_of(*parts: object) -> float:
    """Return a log probability between -1 and 0 that is the same for the same parts."""
    return -int(derive(*parts)[:4], 16) / 0x10000


def chat_logprobs(texts: Sequence[str], *, top: int) -> list[JsonObject]:
    """Return the ``logprobs`` items of the tokens of a chat answer."""
    ranks = range(top)
    return [{**_token(text, 0), "top_logprobs": [_token(text, rank) for rank in ranks]} for text in texts]


def completion_logprobs(texts: Sequence[str], *, top: int, offset: int) -> JsonObject:
    """Return the ``logprobs`` object of the tokens of a legacy completion."""
    ranks = range(top)
    offsets: list[int] = []
    for text in texts:
        offsets.append(offset)
        offset += len(text)
    return {
        "tokens": list(texts),
        "token_logprobs": [logprob_of(text, 0) for text in texts],
        "top_logprobs": [{text + "~" * rank: logprob_of(text, 0) - rank for rank in ranks} for text in texts],
        "text_offset": offsets,
    }


def _token(text: str, rank: int) -> JsonObject:
    token = text + "~" * rank
    return {"token": token, "logprob": logprob_of(text, 0) - rank, "bytes": list(token.encode())}
