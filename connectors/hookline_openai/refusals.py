"""Read OpenAI's error bodies, and make what they say fit to be shown."""

from __future__ import annotations

import re
from dataclasses import dataclass

MAX_MESSAGE_LENGTH = 500

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]+")
_KEY = re.compile(r"\b(?:sk|sess)-[A-Za-z0-9_*\-.…]{4,}|\bBearer\s+\S+", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True, slots=True)
class Refusal:
    """An error as OpenAI writes it.

    Attributes:
        message: What it says, as it arrived.
        type: Family of the error.
        code: Machine-readable reason.
        param: Request field at fault.
    """

    message: str
    type: str | None = None
    code: str | None = None
    param: str | None = None

    def has(self, *reasons: str) -> bool:
        """Tell whether type or code is one of these."""
        return self.type in reasons or self.code in reasons

    def safe_message(self) -> str:
        """Return the message on one line, without keys and not endless."""
        text = hide_keys(_CONTROL.sub(" ", self.message)).strip()
        return text if len(text) <= MAX_MESSAGE_LENGTH else text[: MAX_MESSAGE_LENGTH - 1] + "…"


def read_refusal(body: object) -> Refusal | None:
    """Return the error of a JSON body, or None if the body has not OpenAI's shape."""
    error = body.get("error") if isinstance(body, dict) else None
    return read_error_object(error) if isinstance(error, dict) else None


def read_error_object(error: dict[str, object]) -> Refusal | None:
    """Return what the inner object of an error body says, or None if it lacks a message."""
    message = error.get("message")
    if not isinstance(message, str):
        return None
    return Refusal(
        message=message,
        type=_word(error.get("type")),
        code=_word(error.get("code")),
        param=_word(error.get("param")),
    )


def hide_keys(text: str) -> str:
    """Return a text without anything that looks like a credential."""
    return _KEY.sub("[hidden]", text)


def _word(value: object) -> str | None:
    if not isinstance(value, str) or not value or len(value) > MAX_MESSAGE_LENGTH:
        return None
    return hide_keys(_CONTROL.sub(" ", value))
