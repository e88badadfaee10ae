"""Put the answers to the parts of a text together, in the shape that the service answers in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from hookline.errors import HooklineError
from hookline_context.chunk_plan import halve
from hookline_context.overflow_errors import CODE

if TYPE_CHECKING:
    from hookline.action import JsonObject
    from hookline_context.chunk_plan import Piece, TextPlan
    from hookline_context.chunk_run import Run

_MAX_HALVINGS = 3
_MIN_LENGTH = 200
_SEPARATOR = "\n\n"
_WORST_FIRST = ("content_filter", "length")


@dataclass(frozen=True, kw_only=True, slots=True)
class PartAnswer:
    """What a piece gave.

    Attributes:
        piece: The piece.
        output: The action's output for it.
    """

    piece: Piece
    output: JsonObject


def run_piece(piece: Piece, run: Run, plan: TextPlan, *, halvings: int = _MAX_HALVINGS) -> list[PartAnswer]:
    """Return the answer to a piece, or several where the service finds the piece too long still.

    Raises:
        HooklineError: If it fails.
    """
    try:
        return [PartAnswer(piece=piece, output=run(plan.make_input(piece.text)))]
    except HooklineError as error:
        if error.code != CODE or halvings == 0 or len(piece.text) < _MIN_LENGTH:
            raise
    answers: list[PartAnswer] = []
    for half in halve(piece):
        answers += run_piece(half, run, plan, halvings=halvings - 1)
    return answers


def describe_parts(answers: list[PartAnswer]) -> list[JsonObject]:
    """Return what the caller is told about each part."""
    return [
        {
            "index": index,
            "characters": answer.piece.characters,
            "finish_reason": answer.output.get("finish_reason"),
            "usage": answer.output.get("usage"),
        }
        for index, answer in enumerate(answers)
    ]


def join_answers(answers: list[PartAnswer], *, is_chat: bool, keeps_gaps: bool, created: int) -> JsonObject:
    """Return one answer of the service for the answers to all parts.

    Args:
        answers: The answers, in the order of the parts.
        is_chat: Whether the service was asked for a chat, rather than a completion.
        keeps_gaps: Whether the texts are put together with the gaps of their pieces, rather than as
            paragraphs.
        created: When, in seconds since 1970.
    """
    outputs = [answer.output for answer in answers]
    number = min(len(_choices(output)) for output in outputs)
    choices: list[JsonObject] = []
    for index in range(number):
        parts = [_choices(output)[index] for output in outputs]
        text = _join(parts, answers, keeps_gaps=keeps_gaps)
        choice: JsonObject = {"index": index, "logprobs": None, "finish_reason": _reason(parts)}
        if is_chat:
            refusals = [str(part["refusal"]) for part in parts if part.get("refusal")]
            refusal = _SEPARATOR.join(refusals) if refusals else None
            choice["message"] = {"role": "assistant", "content": text, "refusal": refusal}
        else:
            choice["text"] = text
        choices.append(choice)
    return {
        "id": outputs[0].get("id"),
        "object": "chat.completion" if is_chat else "text_completion",
        "created": created,
        "model": outputs[0].get("model"),
        "choices": choices,
        "usage": sum_usage(outputs),
    }


def sum_usage(outputs: list[JsonObject]) -> JsonObject | None:
    """Return the tokens of all outputs together, as the service writes them; None if one does not say."""
    usages = [output.get("usage") for output in outputs]
    if not all(isinstance(usage, dict) for usage in usages):
        return None
    known = cast("list[dict[str, int | None]]", usages)

    def total(name: str) -> int:
        return sum(usage.get(name) or 0 for usage in known)

    usage: JsonObject = {
        "prompt_tokens": total("input_tokens"),
        "completion_tokens": total("output_tokens"),
        "total_tokens": total("total_tokens"),
    }
    for group, name in (("prompt", "cached_tokens"), ("completion", "reasoning_tokens")):
        if any(one.get(name) is not None for one in known):
            usage[f"{group}_tokens_details"] = {name: total(name)}
    return usage


def _choices(output: JsonObject) -> list[JsonObject]:
    choices = output.get("choices")
    return cast("list[JsonObject]", choices) if isinstance(choices, list) and choices else [output]


def _join(parts: list[JsonObject], answers: list[PartAnswer], *, keeps_gaps: bool) -> str:
    texts = [str(part.get("text") or "") for part in parts]
    if not keeps_gaps:
        return _SEPARATOR.join(text for text in texts if text)
    gaps = [answer.piece.gap for answer in answers]
    return "".join(text + gap for text, gap in zip(texts, gaps, strict=True))


def _reason(parts: list[JsonObject]) -> object:
    reasons = [part.get("finish_reason") for part in parts]
    for worst in _WORST_FIRST:
        if worst in reasons:
            return worst
    return next((reason for reason in reasons if reason != "stop"), "stop")
