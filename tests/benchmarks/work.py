"""The requests that are measured, each as OpenAI's own format has it and as the input of the action."""

from __future__ import annotations

import json
from dataclasses import dataclass

WIRE_PATH = "/v1/chat/completions"
ACTION_PATH = "/actions/openai.chat"
PROMPT_BYTES = 200_000
TEXTS = 100

_PROMPT = "Summarise in one sentence what a gateway between low-code tools and a language model is good for."
_SYSTEM = "You answer in plain words and never use more than thirty of them."
_OPTIONS = {"model": "gpt-5.4-mini", "temperature": 0.2, "max_completion_tokens": 200}
_EMBEDDING_MODEL = "text-embedding-3-small"


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """A request at one door.

    Attributes:
        path: Where it goes.
        body: JSON text.
        expect: What a right answer holds.
    """

    path: str
    body: bytes
    expect: bytes


@dataclass(frozen=True, kw_only=True, slots=True)
class Work:
    """What is asked for.

    Attributes:
        name: Few words.
        wire: The request in OpenAI's format, at the wire door.
        action: The same as the input of an action.
    """

    name: str
    wire: Request
    action: Request


def wire_body(**changes: object) -> bytes:
    """Return a chat in OpenAI's own format."""
    return _wire_chat(_PROMPT, **changes)


def action_body(**changes: object) -> bytes:
    """Return the same chat as the input of the action."""
    return _dump({**_OPTIONS, "system": _SYSTEM, "prompt": _PROMPT, **changes})


def _wire_chat(prompt: str, **changes: object) -> bytes:
    messages = [{"role": "system", "content": _SYSTEM}, {"role": "user", "content": prompt}]
    return _dump({**_OPTIONS, "messages": messages, **changes})


def _chat(name: str, prompt: str) -> Work:
    return Work(
        name=name,
        wire=Request(path=WIRE_PATH, body=_wire_chat(prompt), expect=b'"A gateway'),
        action=Request(path=ACTION_PATH, body=action_body(prompt=prompt), expect=b'"text":"A gateway'),
    )


def _long_prompt() -> str:
    """Return text with line ends and letters beyond ASCII, as documents have; ``PROMPT_BYTES`` as JSON."""
    line = "Was a „gateway“ costs per call \u2013 measured, not guessed \u2013 is told by this line.\n"
    return (line * (PROMPT_BYTES // len(json.dumps(line)) + 1))[
        : PROMPT_BYTES * len(line) // len(json.dumps(line))
    ]


def _embeddings() -> Work:
    texts = [f"sentence number {number}" for number in range(TEXTS)]
    body = _dump({"model": _EMBEDDING_MODEL, "input": texts})
    return Work(
        name="100 embeddings",
        wire=Request(path="/v1/embeddings", body=body, expect=b'"embedding"'),
        action=Request(path="/actions/openai.embed", body=body, expect=b'"embedding'),
    )


def _dump(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


CHAT = _chat("small chat", _PROMPT)
LONG_PROMPT = _chat("200 KB prompt", _long_prompt())
EMBEDDINGS = _embeddings()
