"""Asking for a completion as a chat."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hookline.errors import InvalidInputError

if TYPE_CHECKING:
    from hookline.action import JsonObject
    from hookline_openai.model_table import ModelInfo

CHAT_PATH = "/chat/completions"
COMPLETION_PATH = "/completions"

_DEFAULT_MAX_TOKENS = 16
_HANDLED = frozenset({"model", "prompt", "best_of", "echo", "suffix", "logprobs", "max_tokens", "stop"})
_WHY = "a completion that runs as a chat cannot have it"


@dataclass(frozen=True, kw_only=True, slots=True)
class CompletionPlan:
    """What is needed to answer in the shape of a completion.

    Attributes:
        before: Text that every choice begins with: the prompt, if it was to be repeated.
        stops: Texts at which the gateway ends each choice, because the model cannot.
        wants_logprobs: Whether the probabilities of tokens were asked for.
    """

    before: str = ""
    stops: tuple[str, ...] = ()
    wants_logprobs: bool = False


def plan_chat(
    body: JsonObject, *, info: ModelInfo | None, instruction: str, limit_name: str = "max_tokens"
) -> tuple[JsonObject, CompletionPlan]:
    """Return the body of a chat that does what a completion asks for, and how to read its answer.

    Args:
        body: The completion's body; it is not changed.
        info: What is known of the model that will answer.
        instruction: System message; empty for none.
        limit_name: What the model calls the limit on its answer.

    Raises:
        InvalidInputError: If a chat cannot do it; names the field.
    """
    prompt = _one_prompt(body.get("prompt"))
    _refuse_what_only_completions_have(body)
    messages: list[JsonObject] = [{"role": "system", "content": instruction}] if instruction else []
    chat: JsonObject = {
        "model": body.get("model"),
        "messages": [*messages, {"role": "user", "content": prompt}],
    }
    logprobs = body.get("logprobs")
    if logprobs is not None:
        chat.update(logprobs=True, top_logprobs=logprobs)
    limit = body.get("max_tokens")
    if limit is not None:
        chat[limit_name] = limit
    elif not _always_reasons(info):  # hidden reasoning would use up the endpoint's default at once
        chat[limit_name] = _DEFAULT_MAX_TOKENS
    if _reasons_unless_told(info) and body.get("reasoning_effort") is None:
        chat["reasoning_effort"] = "none"
    stops = _stops_to_cut_at(body, info)
    if body.get("stop") is not None and not stops:
        chat["stop"] = body["stop"]
    chat.update((name, value) for name, value in body.items() if name not in _HANDLED)
    plan = CompletionPlan(
        before=prompt if body.get("echo") else "", stops=stops, wants_logprobs=logprobs is not None
    )
    return chat, plan


def _one_prompt(given: object) -> str:
    prompt = given[0] if isinstance(given, list) and len(given) == 1 else given
    if isinstance(prompt, str):
        return prompt
    if not isinstance(prompt, list):
        raise _refusal("prompt", "`prompt` must be one text")
    if all(isinstance(part, str) for part in prompt):
        raise _refusal("prompt", f"`prompt` holds {len(prompt)} texts; send them one by one")
    raise _refusal("prompt", "`prompt` is made of token numbers; send it as a text")


def _refuse_what_only_completions_have(body: JsonObject) -> None:
    wanted = body.get("n")
    if body.get("best_of") not in (None, 1 if wanted is None else wanted):
        raise _refusal("best_of", f"`best_of` must be as large as `n`: {_WHY}")
    if body.get("suffix") not in (None, ""):
        raise _refusal("suffix", f"`suffix` must be left out: {_WHY}")
    if body.get("max_tokens") == 0:
        raise _refusal("max_tokens", f"`max_tokens` must be at least 1: {_WHY} otherwise")
    echo, logprobs = body.get("echo"), body.get("logprobs")
    if echo is not None and not isinstance(echo, bool):
        raise _refusal("echo", "`echo` must be true or false")
    if logprobs is not None and (isinstance(logprobs, bool) or not isinstance(logprobs, int)):
        raise _refusal("logprobs", "`logprobs` must be a whole number")
    if echo and logprobs is not None:
        raise _refusal("echo", f"`echo` must be left out next to `logprobs`: {_WHY}")


def _always_reasons(info: ModelInfo | None) -> bool:
    return info is not None and info.reasoning is not None and info.reasoning.sampling_params == "rejected"


def _reasons_unless_told(info: ModelInfo | None) -> bool:
    return (
        info is not None
        and info.reasoning is not None
        and info.reasoning.sampling_params == "accepted_only_with_explicit_effort_none"
    )


def _stops_to_cut_at(body: JsonObject, info: ModelInfo | None) -> tuple[str, ...]:
    """Return the stop texts that the model cannot be given; probabilities of tokens could not be cut."""
    if info is None or info.reasoning is None or "stop" not in info.reasoning.always_rejected:
        return ()
    if body.get("logprobs") is not None:
        return ()
    given = body.get("stop")
    stops = [given] if isinstance(given, str) else given if isinstance(given, list) else []
    return tuple(stops) if all(isinstance(stop, str) and stop for stop in stops) else ()


def _refusal(field: str, message: str) -> InvalidInputError:
    return InvalidInputError(
        f"{message}.",
        code="unsupported_parameter",
        field=field,
        hint="This model or server answers chats only: change the field, or move to /v1/chat/completions.",
    )
