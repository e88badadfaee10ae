"""Answering as a recording says, to the requests that are in it and to no others."""

from __future__ import annotations

import difflib
import json
import re
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

import orjson

from hookline.recording.recording import REMOVED, Exchange, dump_body, load_recording
from hookline.testing.script import Pause, ScriptedAnswer

if TYPE_CHECKING:
    from pathlib import Path

    from hookline.testing.sent import SentRequest

_LEFT_OUT = "accept", "content-type"


class Replay:
    """Plays a recording.

    Args:
        path: The file.
        report: Takes what is different about a request that is not in it.

    Raises:
        ConfigurationError: If the file is no recording.
    """

    def __init__(self, path: Path, report: Callable[[str], None]) -> None:
        self._path = path
        self._report = report
        self._exchanges = load_recording(path).exchanges
        self._used: set[int] = set()
        self._lock = threading.Lock()

    def answer(self, request: SentRequest) -> ScriptedAnswer | None:
        """Return what was answered to a request; None if it is not in the recording, which is reported."""
        asked = _describe(request.method, request.path, _pairs(request), request.content)
        with self._lock:
            fitting = [
                number
                for number, one in enumerate(self._exchanges)
                if _fits(_describe(one.method, one.path, list(one.query), one.request_body), asked)
            ]
            if fitting:
                number = next((one for one in fitting if one not in self._used), fitting[-1])
                self._used.add(number)
                return _answer(self._exchanges[number])
        self._report(self._difference(asked))
        return None

    def _difference(self, asked: dict[str, object]) -> str:
        known = [
            _describe(one.method, one.path, list(one.query), one.request_body) for one in self._exchanges
        ]
        near = max(known, key=lambda one: _likeness(one, asked), default={})
        lines = difflib.unified_diff(
            _lines(near), _lines(asked), fromfile="recorded", tofile="sent", lineterm="", n=2
        )
        return "\n".join(
            [
                f"A request is not in {self._path.name}:",
                *lines,
                "Record it anew with `hookline record … --force` if the change is meant.",
            ]
        )


def _pairs(request: SentRequest) -> list[tuple[str, str]]:
    return parse_qsl(request.target.partition("?")[2], keep_blank_values=True)


def _describe(method: str, path: str, query: list[tuple[str, str]], body: bytes) -> dict[str, object]:
    return {"method": method, "path": path, "query": sorted(map(list, query)), "body": dump_body(body)}


def _fits(recorded: object, sent: object) -> bool:
    """Tell whether a value is the recorded one; what was removed may be any text or number."""
    if recorded == REMOVED and isinstance(sent, (str, int, float)) and not isinstance(sent, bool):
        return sent != ""
    if isinstance(recorded, str) and isinstance(sent, str):
        if REMOVED not in recorded:
            return recorded == sent
        pattern = ".+".join(re.escape(part) for part in recorded.split(REMOVED))
        return re.fullmatch(pattern, sent, re.DOTALL) is not None
    if isinstance(recorded, dict) and isinstance(sent, dict):
        return recorded.keys() == sent.keys() and all(_fits(recorded[key], sent[key]) for key in recorded)
    if isinstance(recorded, list) and isinstance(sent, list):
        pairs = zip(recorded, sent, strict=False)
        return len(recorded) == len(sent) and all(_fits(one, two) for one, two in pairs)
    return type(recorded) is type(sent) and recorded == sent


def _likeness(one: dict[str, object], two: dict[str, object]) -> tuple[int, float]:
    same = sum(one[name] == two[name] for name in ("method", "path"))
    texts = [orjson.dumps(value).decode() for value in (one, two)]
    return same, difflib.SequenceMatcher(None, texts[0][:2000], texts[1][:2000]).ratio()


def _lines(value: dict[str, object]) -> list[str]:
    return json.dumps(value, indent=2, ensure_ascii=False, sort_keys=True).splitlines()


def _answer(exchange: Exchange) -> ScriptedAnswer:
    body: list[bytes | Pause] = [exchange.body] if exchange.body else []
    for piece in exchange.pieces:
        if piece.after_s > 0:
            body.append(Pause(seconds=piece.after_s))
        body.append(piece.text.encode())
    return ScriptedAnswer(status=exchange.status, headers=tuple(exchange.headers.items()), body=tuple(body))
