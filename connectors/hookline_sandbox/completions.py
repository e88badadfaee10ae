"""``POST /v1/completions``, the legacy text completion."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from hookline_sandbox.chat_fields import LOGIT_BIAS, SEED, STOP, STREAM_OPTIONS
from hookline_sandbox.chat_rules import check_output_limit
from hookline_sandbox.errors import ApiError, invalid_type
from hookline_sandbox.exchange import Exchange, Outcome
from hookline_sandbox.fields import (
    array,
    boolean,
    by_type,
    integer,
    nullable,
    number,
    record,
    string,
)
from hookline_sandbox.models import resolve, snapshot_of
from hookline_sandbox.texts import completion_logprobs, echo, finish, pieces
from hookline_sandbox.tokens import count_text
from hookline_sandbox.wire import DONE, JsonObject, derive, event

if TYPE_CHECKING:
    from hookline_openai.model_table import ModelInfo

_DEFAULT_PROMPT = "<|endoftext|>"
_DEFAULT_MAX_TOKENS = 16
_TOKENS = array(integer(0), minimum=1)
_REQUEST = record(
    {
        "model": string(),
        "prompt": nullable(
            by_type("a string or an array", string=string(), list=array(lambda v, p: None, minimum=1))
        ),
        "best_of": nullable(integer(0, 20)),
        "echo": nullable(boolean()),
        "frequency_penalty": nullable(number(-2, 2)),
        "presence_penalty": nullable(number(-2, 2)),
        "logit_bias": LOGIT_BIAS,
        "logprobs": nullable(integer(0, 5)),
        "max_tokens": nullable(integer(0)),
        "n": nullable(integer(1, 128)),
        "seed": SEED,
        "stop": STOP,
        "stream": nullable(boolean()),
        "stream_options": STREAM_OPTIONS,
        "suffix": nullable(string()),
        "temperature": nullable(number(0, 2)),
        "top_p": nullable(number(0, 1)),
        "user": string(),
    }
)


def complete(exchange: Exchange) -> Outcome:
    """Answer a completion request, whole or as a stream.

    Raises:
        ApiError: If the real service would refuse the request.
    """
    body = exchange.body
    if body.get("model") is None:
        raise ApiError("you must provide a model parameter")
    _REQUEST(body, "")
    prompts = _prompts(body.get("prompt"))
    info = resolve(body["model"], "completion", endpoint="v1/completions", today=exchange.today)
    _check_rules(body, info)
    limit = body["max_tokens"] if body.get("max_tokens") is not None else _DEFAULT_MAX_TOKENS
    sizes = [count_text(prompt) if isinstance(prompt, str) else len(prompt) for prompt in prompts]
    _check_limits(limit, max(sizes), info)
    choices = [
        _choice(body, prompt, index, limit) for prompt in prompts for index in range(body.get("n") or 1)
    ]
    completion_tokens = sum(count_text(text) for _, text, _ in choices)
    usage = {
        "prompt_tokens": sum(sizes),
        "completion_tokens": completion_tokens,
        "total_tokens": sum(sizes) + completion_tokens,
    }
    head = {
        "id": f"cmpl-{exchange.digest[:24]}",
        "object": "text_completion",
        "created": exchange.created,
        "model": snapshot_of(info, exchange.today),
        "system_fingerprint": "fp_sandbox",
    }
    if body.get("stream"):
        return Outcome(
            events=_stream(head, choices, body.get("logprobs"), usage, body.get("stream_options") or {})
        )
    listed = [
        _listed(index, before + text, body.get("logprobs"), 0, reason)
        for index, (before, text, reason) in enumerate(choices)
    ]
    return Outcome(body={**head, "choices": listed, "usage": usage})


def _prompts(given: object) -> list[str | list[int]]:
    """Return the single prompts: texts, or lists of tokens."""
    if given is None:
        return [_DEFAULT_PROMPT]
    items: list[Any] = given if isinstance(given, list) else [given]
    if all(isinstance(item, int) and not isinstance(item, bool) for item in items):
        items = [items]
    for index, item in enumerate(items):
        if not isinstance(item, str | list):
            raise invalid_type(f"prompt[{index}]", "a string or an array of tokens", item)
        if isinstance(item, list):
            _TOKENS(item, f"prompt[{index}]")
    return items


def _check_rules(body: JsonObject, info: ModelInfo) -> None:
    best_of, wanted = body.get("best_of"), body.get("n") or 1
    if best_of is not None and best_of < wanted:
        raise ApiError("'best_of' must be greater than or equal to 'n'.", param="best_of")
    if body.get("stream") and best_of is not None and best_of > wanted:
        raise ApiError("Cannot stream results with 'best_of' greater than 'n'.", param="best_of")
    if body.get("stream_options") is not None and not body.get("stream"):
        raise ApiError(
            "The 'stream_options' parameter is only allowed when 'stream' is enabled.", param="stream_options"
        )
    if body.get("suffix") and not info.id.startswith(("gpt-3.5-turbo-instruct", "sandbox")):
        raise ApiError("This model does not support the 'suffix' parameter.", param="suffix")


def _check_limits(limit: int, prompt_tokens: int, info: ModelInfo) -> None:
    check_output_limit(limit, info, param="max_tokens")
    window = info.context_window
    if window is not None and prompt_tokens + limit > window:
        raise ApiError(
            f"This model's maximum context length is {window} tokens, however you requested "
            f"{prompt_tokens + limit} tokens ({prompt_tokens} in your prompt; {limit} for the completion). "
            "Please reduce your prompt; or completion length."
        )


def _choice(body: JsonObject, prompt: str | list[int], index: int, limit: int) -> tuple[str, str, str]:
    """Return the echoed prompt, the new text and the finish reason of one choice."""
    shown = prompt if isinstance(prompt, str) else f"[{len(prompt)} tokens]"
    number = f" {index + 1}" if index else ""
    suffix = f" (before: {echo(body['suffix'])})" if body.get("suffix") else ""
    text, reason = finish(
        f" Simulated completion{number} of: {echo(shown)}{suffix}", stop=body.get("stop"), limit=limit
    )
    return (shown if body.get("echo") else ""), text, reason


def _listed(index: int, text: str, top: int | None, offset: int, reason: str | None) -> JsonObject:
    logprobs = None if top is None else completion_logprobs(pieces(text), top=top, offset=offset)
    return {"text": text, "index": index, "logprobs": logprobs, "finish_reason": reason}


def _stream(
    head: JsonObject,
    choices: Sequence[tuple[str, str, str]],
    top: int | None,
    usage: JsonObject,
    options: JsonObject,
) -> Iterator[bytes]:
    base = {**head, "usage": None} if options.get("include_usage") else head
    if options.get("include_obfuscation", True):
        base = {**base, "obfuscation": derive(head["id"])[:8]}
    for index, (before, text, reason) in enumerate(choices):
        offset = 0
        for piece in pieces(before + text):
            yield event({**base, "choices": [_listed(index, piece, top, offset, None)]})
            offset += len(piece)
        yield event({**base, "choices": [_listed(index, "", None, offset, reason)]})
    if options.get("include_usage"):
        yield event({**base, "choices": [], "usage": usage})
    yield DONE
