"""``POST /v1/chat/completions``."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

from hookline_sandbox.chat_fields import check_chat_fields
from hookline_sandbox.chat_message import ChatChoice, choose, message_of, visible_pieces
from hookline_sandbox.chat_rules import check_chat_rules, check_limits
from hookline_sandbox.chat_stream import stream_chat
from hookline_sandbox.errors import ApiError
from hookline_sandbox.exchange import Exchange, Outcome
from hookline_sandbox.model_rules import check_model_rules, effort_of, reasoning_tokens_of
from hookline_sandbox.models import resolve, snapshot_of
from hookline_sandbox.moderations import moderate_text
from hookline_sandbox.schema_effort import Effort, TooMuchError
from hookline_sandbox.texts import chat_logprobs, last_text, text_of
from hookline_sandbox.tokens import count_text

if TYPE_CHECKING:
    from hookline_sandbox.wire import JsonObject

_AUDIO_LIFE_S = 3600


def complete_chat(exchange: Exchange) -> Outcome:
    """Answer a chat request, whole or as a stream.

    Raises:
        ApiError: If the real service would refuse the request.
    """
    body = exchange.body
    check_chat_fields(body)
    info = resolve(body["model"], "chat", endpoint="v1/chat/completions", today=exchange.today)
    check_chat_rules(body)
    check_model_rules(body, info)
    prompt_tokens = check_limits(body, info)

    wanted = body.get("max_completion_tokens") or body.get("max_tokens") or info.max_output_tokens
    reasoning_tokens = reasoning_tokens_of(effort_of(body, info))
    if wanted is not None:
        reasoning_tokens = min(reasoning_tokens, wanted)
    limit = None if wanted is None else wanted - reasoning_tokens
    effort = Effort()
    try:
        choices = [
            choose(body, index=index, limit=limit, effort=effort) for index in range(body.get("n") or 1)
        ]
    except TooMuchError:
        raise ApiError(
            "Invalid schema: it asks for more than is made here. Lower its minimum lengths and "
            "counts, or write fewer alternatives."
        ) from None

    usage = _usage(body, choices, prompt_tokens, reasoning_tokens)
    head = {
        "id": f"chatcmpl-{exchange.digest[:24]}",
        "object": "chat.completion",
        "created": exchange.created,
        "model": snapshot_of(info, exchange.today),
        "service_tier": _tier(body.get("service_tier")),
        "system_fingerprint": "fp_sandbox",
    }
    extra = _extra(body, choices)
    logprobs = (body.get("top_logprobs") or 0) if body.get("logprobs") else None
    speaks = "audio" in (body.get("modalities") or ())
    if body.get("stream"):
        events = stream_chat(
            {**head, "object": "chat.completion.chunk"},
            choices,
            usage=usage,
            options=body.get("stream_options") or {},
            logprobs=logprobs,
            audio=_audio(exchange, choices[0]) if speaks else None,
            extra=extra,
        )
        return Outcome(events=events)
    listed = [
        {
            "index": index,
            "message": _spoken(message_of(choice), _audio(exchange, choice) if speaks else None),
            "logprobs": None if logprobs is None else _logprobs(choice, logprobs),
            "finish_reason": choice.finish_reason,
        }
        for index, choice in enumerate(choices)
    ]
    if body.get("metadata") and body.get("store"):
        head["metadata"] = body["metadata"]
    return Outcome(body={**head, "choices": listed, "usage": usage, **extra})


def _usage(
    body: JsonObject, choices: list[ChatChoice], prompt_tokens: int, reasoning_tokens: int
) -> JsonObject:
    completion_tokens = sum(choice.count_tokens() + reasoning_tokens for choice in choices)
    prediction = count_text(text_of((body.get("prediction") or {}).get("content")))
    return {
        "prompt_tokens": prompt_tokens,
        "completion_tokens": completion_tokens,
        "total_tokens": prompt_tokens + completion_tokens,
        "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
        "completion_tokens_details": {
            "reasoning_tokens": reasoning_tokens * len(choices),
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": prediction,
        },
    }


def _logprobs(choice: ChatChoice, top: int) -> JsonObject:
    items = chat_logprobs(visible_pieces(choice), top=top)
    return {
        "content": items if choice.text is not None else None,
        "refusal": items if choice.refusal is not None else None,
    }


def _tier(asked: str | None) -> str:
    if asked in (None, "auto"):
        return "default"
    return "priority" if asked == "fast" else str(asked)


def _extra(body: JsonObject, choices: list[ChatChoice]) -> JsonObject:
    """Return the moderation of input and output if the request asks for it."""
    if not body.get("moderation"):
        return {}
    model = body["moderation"]["model"]

    def results(text: str) -> JsonObject:
        return {"type": "moderation_results", "model": model, "results": [moderate_text(text)]}

    said = " ".join(choice.text or "" for choice in choices)
    return {"moderation": {"input": results(last_text(body["messages"], "user")), "output": results(said)}}


def _audio(exchange: Exchange, choice: ChatChoice) -> JsonObject | None:
    if choice.text is None:
        return None
    return {
        "id": f"audio_{exchange.digest[:24]}",
        "data": base64.b64encode(b"simulated audio").decode(),
        "expires_at": exchange.created + _AUDIO_LIFE_S,
        "transcript": choice.text,
    }


def _spoken(message: JsonObject, audio: JsonObject | None) -> JsonObject:
    return message if audio is None else {**message, "content": None, "audio": audio}
