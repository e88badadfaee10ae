"""Cut a chat answer into the events of a stream.

Source: streams recorded from the live API in openai-python's test data, and the OpenAPI document 2.3.0.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import zip_longest
from typing import TYPE_CHECKING

from hookline_sandbox.texts import chat_logprobs, pieces
from hookline_sandbox.wire import DONE, JsonObject, derive, event

if TYPE_CHECKING:
    from hookline_sandbox.chat_message import ChatChoice


def stream_chat(
    head: JsonObject,
    choices: Sequence[ChatChoice],
    *,
    usage: JsonObject,
    options: JsonObject,
    logprobs: int | None,
    audio: JsonObject | None,
    extra: JsonObject,
) -> Iterator[bytes]:
    """Yield the events of a stream, the last of which is ``[DONE]``.

    Args:
        head: The members that every chunk repeats.
        choices: What is said; the chunks of several choices interleave.
        usage: Sent in a chunk of its own if the options ask for it.
        options: The ``stream_options`` of the request.
        logprobs: How many alternatives each token lists, or None for no log probabilities.
        audio: The spoken form of a text answer, or None.
        extra: Members that only the last chunk carries.
    """
    with_usage = bool(options.get("include_usage"))
    with_padding = options.get("include_obfuscation", True)
    number = 0

    def chunk(listed: list[JsonObject], **members: object) -> bytes:
        nonlocal number
        number += 1
        body = {**head, "choices": listed}
        if with_usage:
            body["usage"] = None
        body.update(members)
        if with_padding:
            body["obfuscation"] = derive(head["id"], number)[: 4 + number % 9]
        return event(body)

    parts = [
        [{"index": index, **part} for part in _parts(choice, logprobs, audio)]
        for index, choice in enumerate(choices)
    ]
    flat = [part for row in zip_longest(*parts) for part in row if part is not None]
    for part in flat[:-1]:
        yield chunk([part])
    yield chunk([flat[-1]], **({} if with_usage else extra))
    if with_usage:
        yield chunk([], usage=usage, **extra)
    yield DONE


def _parts(choice: ChatChoice, logprobs: int | None, audio: JsonObject | None) -> Iterator[JsonObject]:
    for delta in _deltas(choice, audio):
        text = delta.get("content") or delta.get("refusal")
        lists: JsonObject | None = None
        if logprobs is not None and text:
            member = "content" if delta.get("content") else "refusal"
            lists = {"content": None, "refusal": None, member: chat_logprobs([text], top=logprobs)}
        yield {"delta": delta, "logprobs": lists, "finish_reason": None}
    yield {"delta": {}, "logprobs": None, "finish_reason": choice.finish_reason}


def _deltas(choice: ChatChoice, audio: JsonObject | None) -> Iterator[JsonObject]:
    if choice.tool_calls:
        yield from _tool_deltas(choice.tool_calls)
    elif choice.function_call is not None:
        name, arguments = choice.function_call["name"], choice.function_call["arguments"]
        yield {
            "role": "assistant",
            "content": None,
            "function_call": {"name": name, "arguments": ""},
            "refusal": None,
        }
        for piece in pieces(arguments):
            yield {"function_call": {"arguments": piece}}
    elif choice.refusal is not None:
        yield {"role": "assistant", "content": None, "refusal": ""}
        for piece in pieces(choice.refusal):
            yield {"refusal": piece}
    elif audio is not None:
        yield {"role": "assistant", "content": None, "refusal": None}
        for piece in pieces(choice.text or ""):
            yield {"audio": {"id": audio["id"], "transcript": piece}}
        yield {"audio": {"id": audio["id"], "data": audio["data"]}}
        yield {"audio": {"id": audio["id"], "expires_at": audio["expires_at"]}}
    else:
        yield {"role": "assistant", "content": "", "refusal": None}
        for piece in pieces(choice.text or ""):
            yield {"content": piece}


def _tool_deltas(calls: Sequence[JsonObject]) -> Iterator[JsonObject]:
    is_single = len(calls) == 1
    if not is_single:
        yield {"role": "assistant", "content": None}
    for index, call in enumerate(calls):
        kind = call["type"]
        member = "arguments" if kind == "function" else "input"
        named = call[kind]
        head = {"index": index, "id": call["id"], "type": kind, kind: {"name": named["name"], member: ""}}
        if is_single:
            yield {"role": "assistant", "content": None, "tool_calls": [head], "refusal": None}
        else:
            yield {"tool_calls": [head]}
        for piece in pieces(named[member]):
            yield {"tool_calls": [{"index": index, kind: {member: piece}}]}
