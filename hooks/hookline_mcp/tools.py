"""Actions as tools: one function makes them for the endpoint, for stdio and for the export."""

from __future__ import annotations

import logging
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hookline.exports.names import flat_name
from hookline_mcp.hints import annotations_of
from hookline_mcp.schemas import shape_input, shape_output

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hookline.action import Action, JsonObject
    from hookline.exports.blueprint import ActionBlueprint
    from hookline_mcp.schemas import Lost

_log = logging.getLogger("hookline.mcp")


@dataclass(frozen=True, kw_only=True, slots=True)
class ToolSource:
    """What a tool is made of.

    Attributes:
        id: Id of the action.
        title: Label.
        description: What it does.
        input_schema: JSON Schema of its input.
        output_schema: JSON Schema of its output.
        is_read_only: Whether a call changes nothing.
        is_idempotent: Whether it may be repeated without harm.
        streams: Whether its field ``stream`` asks for an answer in pieces.
    """

    id: str
    title: str
    description: str
    input_schema: JsonObject = field(repr=False)
    output_schema: JsonObject = field(repr=False)
    is_read_only: bool
    is_idempotent: bool
    streams: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Tool:
    """One tool.

    Attributes:
        name: What clients call it.
        action_id: The action that it runs.
        document: What ``tools/list`` tells about it.
        losses: What its schema does not say, though the action demands it.
    """

    name: str
    action_id: str
    document: JsonObject = field(repr=False)
    losses: tuple[Lost, ...] = ()

    @property
    def has_output_schema(self) -> bool:
        """Whether clients may hold a result against a schema."""
        return "outputSchema" in self.document


def source_of(action: Action) -> ToolSource:
    """Return what the tool of an action is made of."""
    return _source(action, streams=action.stream is not None)


def source_of_blueprint(action: ActionBlueprint) -> ToolSource:
    """Return what the tool of an action is made of, from its blueprint."""
    return _source(action, streams=action.streams)


def _source(action: Action | ActionBlueprint, *, streams: bool) -> ToolSource:
    return ToolSource(
        id=action.id,
        title=action.title,
        description=action.description,
        input_schema=action.input_schema,
        output_schema=action.output_schema,
        is_read_only=action.is_read_only,
        is_idempotent=action.is_idempotent,
        streams=streams,
    )


def make_tools(sources: Iterable[ToolSource]) -> list[Tool]:
    """Return the tools of actions, by action id.

    Where two actions would have one name, both keep their ids, which clients take as well: to refuse all
    tools because of two would take them from everybody.
    """
    ordered = sorted(sources, key=lambda source: source.id)
    names = Counter(flat_name(source.id) for source in ordered)
    return [_make(source, is_alone=names[flat_name(source.id)] == 1) for source in ordered]


def _make(source: ToolSource, *, is_alone: bool) -> Tool:
    shaped = shape_input(source.input_schema, hidden=("stream", "stream_options") if source.streams else ())
    output = shape_output(source.output_schema)
    name = flat_name(source.id) if is_alone else source.id
    document: JsonObject = {
        "name": name,
        "title": source.title,
        "description": _describe(source, shaped.one_of),
        "inputSchema": shaped.schema,
    }
    if output is not None:
        document["outputSchema"] = output
    document["annotations"] = annotations_of(
        verb=source.id.partition(".")[2],
        title=source.title,
        is_read_only=source.is_read_only,
        is_idempotent=source.is_idempotent,
    )
    return Tool(name=name, action_id=source.id, document=document, losses=shaped.losses)


def _describe(source: ToolSource, one_of: tuple[tuple[str, ...], ...]) -> str:
    sentences = [source.description]
    sentences += [f"Fill in at least one of {', '.join(f'`{name}`' for name in group)}." for group in one_of]
    return "\n\n".join(sentence for sentence in sentences if sentence)
