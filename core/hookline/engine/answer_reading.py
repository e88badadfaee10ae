"""Reading a service's whole answer as its action says: JSON, a text, bytes, or nothing."""

from __future__ import annotations

import codecs
from typing import TYPE_CHECKING

import orjson

from hookline.base64_content import BINARY, clean_media_type, write_base64
from hookline.errors import InvalidUpstreamAnswerError

if TYPE_CHECKING:
    from hookline.action import Action
    from hookline.upstream import UpstreamResponse

_WITHOUT_BODY = frozenset({204, 205})

_ACCEPTS = {"json": "application/json", "text": "text/*, */*;q=0.5", "binary": "*/*", "nothing": "*/*"}

# Encodings of texts; Python knows others that are none, or take long.
_CHARSETS = (
    "utf",
    "ascii",
    "latin",
    "iso8859",
    "cp125",
    "cp437",
    "cp850",
    "koi8",
    "shiftjis",
    "euc",
    "gb",
    "big5",
)


def accept_of(action: Action) -> str:
    """Return the value of the ``accept`` header for a whole answer to an action."""
    return _ACCEPTS[action.answers]


def read_answer(action: Action, response: UpstreamResponse, content: bytes) -> object:
    """Return what an answer says, as JSON.

    Args:
        action: Says how it is read.
        response: Its status and headers.
        content: Its whole body.

    Raises:
        InvalidUpstreamAnswerError: If it is not what the action promises.
    """
    if action.answers != "json" and not response.is_output:
        return _read_other(action, response, content)
    if response.status in _WITHOUT_BODY:
        return None
    try:
        return orjson.loads(content)
    except orjson.JSONDecodeError as exc:
        if not content or content.isspace():
            raise InvalidUpstreamAnswerError(
                f"The service answered {response.status} with an empty body."
            ) from None
        kind = response.content_type or "no content type"
        raise InvalidUpstreamAnswerError(
            f"The service answered {response.status} with something that is not complete JSON ({kind[:80]})."
        ) from exc


def _read_other(action: Action, response: UpstreamResponse, content: bytes) -> object:
    if action.answers == "nothing":
        return {"done": True}
    if action.answers == "text":
        return {"text": _decode(response, content)}
    return {
        "content": write_base64(content),
        "media_type": clean_media_type(response.header("content-type")) or BINARY,
        "size_bytes": len(content),
    }


def _decode(response: UpstreamResponse, content: bytes) -> str:
    """Return a text; what is not valid in its encoding becomes U+FFFD."""
    _, _, parameters = (response.header("content-type") or "").lower().partition(";")
    told = next((one for one in parameters.split(";") if one.strip().startswith("charset=")), "")
    charset = told.partition("=")[2].strip().strip('"')
    try:
        name = codecs.lookup(charset).name if charset.isascii() and charset else "utf-8"
    except LookupError:
        name = "utf-8"
    if name == "utf-8" or not name.replace("-", "").replace("_", "").startswith(_CHARSETS):
        name = "utf-8-sig"
    return content.decode(name, "replace")
