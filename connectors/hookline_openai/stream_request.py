"""Ask OpenAI for a stream."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hookline.errors import InvalidInputError

if TYPE_CHECKING:
    from hookline.action import JsonObject


def ask_for_usage(body: JsonObject) -> None:
    """Make a stream end with the number of tokens.

    Raises:
        InvalidInputError: If options of a stream are given without one.
    """
    options = body.get("stream_options")
    if body.get("stream") is True:
        given = options if isinstance(options, dict) else {}
        body["stream_options"] = {**given, "include_usage": True}
    elif options is not None:
        raise InvalidInputError("`stream_options` needs `stream` to be true.", field="stream_options")


def ask_chat_stream(body: JsonObject) -> None:
    """Make a chat ask for a stream; one with sound is left as it is, it streams in one format only."""
    modalities = body.get("modalities")
    has_sound = body.get("audio") is not None or (isinstance(modalities, list) and "audio" in modalities)
    if not has_sound:
        body["stream"] = True
        ask_for_usage(body)


def ask_completion_stream(body: JsonObject) -> None:
    """Make a completion ask for a stream; the best of several is left as it is, it cannot be streamed."""
    if body.get("best_of") in (None, 0, 1):
        body["stream"] = True
        ask_for_usage(body)
