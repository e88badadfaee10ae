"""Simulated answers of actions that the sandbox does not know, made from their samples or output schemas.

They stand at the level of the output: what the service itself would have said cannot be told from it, and
the action's presenter would not know what to do with an invention.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

import orjson

from hookline.action import WARNINGS_SCHEMA
from hookline.engine.catalog import CatalogEntry
from hookline.engine.references import as_object
from hookline.engine.samples import make_sample, sample_of
from hookline.errors import MalformedRequestError
from hookline.paging import NEXT_PAGE
from hookline.upstream import UpstreamResponse

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hookline.action import Action, JsonObject
    from hookline.call import Call
    from hookline.upstream import UpstreamRequest

_MAX_ENTRIES = 1024
_WORD = re.compile(r"\S+\s*|\s+")


def execute(call: Call, request: UpstreamRequest) -> UpstreamResponse:
    """Answer with an output that the action could have: the same for the same input.

    Raises:
        MalformedRequestError: If none can be made, or the caller wants the service's own format.
    """
    if call.door == "wire":
        raise _impossible(call.action, "in the service's own format", "Call it as an action.")
    output = _output_of(call)
    if not call.is_stream:
        return UpstreamResponse.of_output(output)
    return UpstreamResponse(
        status=200,
        headers=[("content-type", "text/event-stream")],
        chunks=_events(output, call.action.stream_end),
        is_output=True,
    )


def _output_of(call: Call) -> JsonObject:
    action = call.action
    asked = _told(call.input)
    for sample in action.samples:
        if _told(sample.input) == asked:
            return _finished(action, dict(sample.output))
    made = _made(action)
    if made is None:
        raise _impossible(
            action, "", "Give the action a Sample: no output could be made that fits its schema."
        )
    return _finished(action, orjson.loads(made))


def _told(fields: JsonObject) -> JsonObject:
    """Return what an input says: the fields that are filled in, but for how the answer is to come."""
    return {name: value for name, value in fields.items() if value is not None and name != "stream"}


@lru_cache(maxsize=_MAX_ENTRIES)
def _made(action: Action) -> bytes | None:
    """Return an output that fits the action's schema, as JSON; None if none is found."""
    entry, schema = CatalogEntry(action), action.output_schema
    for only_needed in (None, False, True):
        made = (
            sample_of(entry) if only_needed is None else make_sample(schema, schema, only_needed=only_needed)
        )
        if isinstance(made, dict) and not entry.output.problems(made):
            return orjson.dumps(made)
    return None


def _finished(action: Action, output: JsonObject) -> JsonObject:
    """Return an output that leads to no other page, as there is one, and leaves warnings to the gateway."""
    if as_object(action.output_schema.get("properties")).get("warnings") == WARNINGS_SCHEMA:
        output.pop("warnings", None)
    return output if action.paging is None else {**output, NEXT_PAGE: None}


def _events(output: JsonObject, end: bytes | None) -> Iterator[bytes]:
    text = output.get("text")
    for word in _WORD.findall(text) if isinstance(text, str) else ():
        yield _event(orjson.dumps({"type": "text", "text": word}))
    yield _event(orjson.dumps({"type": "output", "output": output}))
    if end is not None:
        yield _event(end)


def _event(data: bytes) -> bytes:
    return b"data: " + data + b"\n\n"


def _impossible(action: Action, how: str, hint: str) -> MalformedRequestError:
    return MalformedRequestError(
        f"{action.id} cannot be simulated {how}".rstrip() + ".", code="test_not_possible", hint=hint
    )
