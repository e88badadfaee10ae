"""``POST /v1/edits`` as it was until January 2024.

Source: OpenAI's OpenAPI document 2.0.0 of December 2023, ``CreateEditRequest``.
"""

from __future__ import annotations

from hookline_sandbox.errors import ApiError, missing
from hookline_sandbox.exchange import Exchange, Outcome
from hookline_sandbox.fields import integer, nullable, number, record, string
from hookline_sandbox.models import resolve
from hookline_sandbox.texts import echo
from hookline_sandbox.tokens import count_text

_REQUEST = record(
    {
        "model": string(),
        "instruction": string(),
        "input": nullable(string()),
        "n": nullable(integer(1, 20)),
        "temperature": nullable(number(0, 2)),
        "top_p": nullable(number(0, 1)),
    }
)


def edit(exchange: Exchange) -> Outcome:
    """Answer an edit request.

    Raises:
        ApiError: If the real service would have refused the request.
    """
    body = exchange.body
    if body.get("model") is None:
        raise ApiError("you must provide a model parameter")
    if "instruction" not in body:
        raise missing("instruction")
    _REQUEST(body, "")
    resolve(body["model"], "edit", endpoint="v1/edits", today=exchange.today)
    given, instruction = body.get("input") or "", body["instruction"]
    texts = [_edited(given, instruction, index) for index in range(body.get("n") or 1)]
    prompt_tokens = count_text(given) + count_text(instruction)
    completion_tokens = sum(map(count_text, texts))
    return Outcome(
        body={
            "object": "edit",
            "created": exchange.created,
            "choices": [
                {"text": text, "index": index, "finish_reason": "stop"} for index, text in enumerate(texts)
            ],
            "usage": {
                "prompt_tokens": prompt_tokens,
                "completion_tokens": completion_tokens,
                "total_tokens": prompt_tokens + completion_tokens,
            },
        }
    )


def _edited(given: str, instruction: str, index: int) -> str:
    number = f" {index + 1}" if index else ""
    return f"Simulated edit{number} ({echo(instruction)}): {given}"
