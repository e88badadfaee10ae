"""The file: one run of an action, with every request that it made and every answer that it got.

Its form is published as ``recording.v1.json`` of `hookline_schemas`.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, cast

import orjson

from hookline.errors import ConfigurationError

if TYPE_CHECKING:
    from hookline.action import JsonObject

FORMAT = 1
SCHEMA = "urn:hookline:schema:recording:v1"
REMOVED = "[removed]"
"""Stands where a secret was. When a recording is replayed it stands for any text."""


@dataclass(frozen=True, kw_only=True)
class Piece:
    """A part of a stream.

    Attributes:
        after_s: Silence before it, in seconds.
        text: What arrived.
    """

    after_s: float
    text: str


@dataclass(frozen=True, kw_only=True)
class Exchange:
    """A request and its answer.

    Attributes:
        method: HTTP method.
        path: Path below the connection's base URL, quoted, without the query.
        query: Names and values, in order.
        request_headers: Those that say what the body is.
        request_body: The body.
        status: HTTP status of the answer.
        headers: Headers of the answer that an action may need.
        body: Body of the answer, in one piece.
        pieces: Its parts, if it is a stream.
    """

    method: str
    path: str
    query: tuple[tuple[str, str], ...] = ()
    request_headers: Mapping[str, str] = field(default_factory=dict)
    request_body: bytes = b""
    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    pieces: tuple[Piece, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Recording:
    """One run of an action.

    Attributes:
        action: Its id.
        input: What it was called with.
        is_stream: Whether its answer was streamed.
        recorded_at: When, in ISO 8601.
        exchanges: What went to the service and came back.
        removed: What was taken out: place and kind, such as ``exchanges[0].request.headers.authorization``
            and ``header``.
    """

    action: str
    input: JsonObject
    is_stream: bool = False
    recorded_at: str = ""
    exchanges: tuple[Exchange, ...] = ()
    removed: tuple[tuple[str, str], ...] = ()

    def dump(self) -> str:
        """Return the text of the file."""
        value = {
            "$schema": SCHEMA,
            "format": FORMAT,
            "action": self.action,
            "input": self.input,
            "stream": self.is_stream,
            "recorded_at": self.recorded_at,
            "exchanges": [_dump_exchange(one) for one in self.exchanges],
            "removed": [{"where": where, "what": what} for where, what in self.removed],
        }
        return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


def load_recording(path: str | Path) -> Recording:
    """Return the recording of a file.

    Raises:
        ConfigurationError: If it cannot be read, or is no recording of a form that this version knows.
    """
    try:
        value = json.loads(Path(path).read_bytes())
    except OSError as exc:
        raise ConfigurationError(
            f"{path} cannot be read: {exc.strerror}.", hint="Name a file that `hookline record` wrote."
        ) from exc
    except (ValueError, RecursionError) as exc:
        raise ConfigurationError(f"{path} is no recording: it is not JSON.") from exc
    if not isinstance(value, dict) or "exchanges" not in value:
        raise ConfigurationError(f"{path} is no recording; `hookline record` makes one.")
    if value.get("format") != FORMAT:
        raise ConfigurationError(
            f"{path} has the format {value.get('format')!r}, and this version reads {FORMAT}; record it anew."
        )
    try:
        return Recording(
            action=str(value["action"]),
            input=dict(value["input"]),
            is_stream=value.get("stream") is True,
            recorded_at=str(value.get("recorded_at", "")),
            exchanges=tuple(_load_exchange(one) for one in value["exchanges"]),
            removed=tuple((str(one["where"]), str(one["what"])) for one in value.get("removed", ())),
        )
    except (KeyError, TypeError, ValueError, AttributeError, binascii.Error) as exc:
        raise ConfigurationError(
            f"{path} is no sound recording ({type(exc).__name__}: {exc}); record it anew."
        ) from exc


def dump_body(content: bytes) -> JsonObject | None:
    """Return the form of a body in the file: JSON, text, or bytes in base64."""
    if not content:
        return None
    try:
        return {"json": orjson.loads(content)}
    except orjson.JSONDecodeError:
        pass
    try:
        return {"text": content.decode()}
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(content).decode()}


def load_body(value: object) -> bytes:
    """Return the body that a form in the file stands for."""
    if value is None:
        return b""
    body = cast("JsonObject", value)
    if "json" in body:
        return orjson.dumps(body["json"])
    if "text" in body:
        return str(body["text"]).encode()
    return base64.b64decode(str(body["base64"]), validate=True)


def _dump_exchange(one: Exchange) -> JsonObject:
    request: JsonObject = {
        "method": one.method,
        "path": one.path,
        "query": [list(pair) for pair in one.query],
    }
    request |= {"headers": dict(one.request_headers), "body": dump_body(one.request_body)}
    answer: JsonObject = {"status": one.status, "headers": dict(one.headers)}
    if one.pieces:
        answer["stream"] = [{"after_s": piece.after_s, "text": piece.text} for piece in one.pieces]
    else:
        answer["body"] = dump_body(one.body)
    return {"request": request, "answer": answer}


def _load_exchange(value: Mapping[str, Mapping[str, object]]) -> Exchange:
    request, answer = value["request"], value["answer"]
    pairs = cast("Sequence[Sequence[object]]", request.get("query", ()))
    pieces = cast("Sequence[Mapping[str, object]]", answer.get("stream", ()))
    return Exchange(
        method=str(request["method"]),
        path=str(request["path"]),
        query=tuple((str(name), str(text)) for name, text in pairs),
        request_headers=_headers(request),
        request_body=load_body(request.get("body")),
        status=int(str(answer["status"])),
        headers=_headers(answer),
        body=load_body(answer.get("body")),
        pieces=tuple(Piece(after_s=float(str(one["after_s"])), text=str(one["text"])) for one in pieces),
    )


def _headers(value: Mapping[str, object]) -> dict[str, str]:
    found = cast("Mapping[str, object]", value.get("headers", {}))
    return {str(name): str(text) for name, text in found.items()}
