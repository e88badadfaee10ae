"""Reading an action's input as a form, and its output as a tree of what can be mapped."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from hookline.engine.dropdowns import HINT
from hookline.engine.references import as_names, as_object, follow
from hookline.exports.blueprint import FormField, OptionsLink, OutputField
from hookline.exports.schema_reading import (
    alternatives_of,
    choices_of,
    item_kind_of,
    kind_of,
    takes_null,
)

if TYPE_CHECKING:
    from hookline.action import JsonObject

_MAX_OUTPUT_DEPTH = 4
_MAX_OUTPUTS = 2000


def read_form(schema: JsonObject) -> tuple[FormField, ...]:
    """Return the fields of an input: in the order that they give themselves, the needed ones not moved."""
    whole = _object_of(schema)
    needed = frozenset(as_names(whole.get("required")))
    fields = [
        (_order_of(member), position, _read_field(name, member, schema, is_required=name in needed))
        for position, (name, member) in enumerate(as_object(whole.get("properties")).items())
    ]
    return tuple(field for _, _, field in sorted(fields, key=lambda one: one[:2]))


def read_one_of(schema: JsonObject) -> tuple[tuple[str, ...], ...]:
    """Return groups of fields of which at least one group must be filled in; empty if nothing says so."""
    for keyword in ("anyOf", "oneOf"):
        branches = schema.get(keyword)
        if isinstance(branches, list):
            groups = [tuple(as_names(as_object(one).get("required"))) for one in branches]
            if all(groups):
                return tuple(groups)
    return ()


def read_outputs(schema: JsonObject) -> tuple[OutputField, ...]:
    """Return the members of an output; what goes deeper than four levels is left out.

    An output of very many members is read less deep: what lies deeper stands as one member that holds JSON.
    """
    whole = _object_of(schema)
    for depth in range(_MAX_OUTPUT_DEPTH, 0, -1):
        reader = _OutputReader(schema, depth)
        outputs = reader.read(whole)
        if not reader.is_too_much:
            return outputs
    return _OutputReader(schema, 0).read(whole)


def _object_of(schema: JsonObject) -> JsonObject:
    """Return the first alternative of a whole schema that has members."""
    return next((one for one in alternatives_of(schema, schema) if "properties" in one), {})


def _order_of(member: object) -> float:
    order = as_object(member).get("x-order")
    return order if isinstance(order, (int, float)) else float("inf")


def _read_field(name: str, member: object, root: JsonObject, *, is_required: bool) -> FormField:
    own = as_object(member)
    told = {**follow(own, root), **own}  # a title beside a reference is the field's own
    alternatives = list(alternatives_of(own, root))
    some = [one for one in alternatives if one.get("type") != "null"]
    kind, takes_more = kind_of(alternatives, root)
    bounds = next((one for one in some if _fits_kind(one, kind)), {})
    examples = told.get("examples")
    example = examples[0] if isinstance(examples, list) and examples else told.get("example")
    return FormField(
        name=name,
        label=str(told.get("title") or label_of(name)),
        help=str(told.get("description") or ""),
        kind=kind,
        item_kind=item_kind_of(some, root) or "json",
        is_required=is_required,
        is_advanced=told.get("x-advanced") is True,
        is_multiline=told.get("x-multiline") is True,
        is_nullable=takes_null(alternatives),
        is_binary=any(
            "contentEncoding" in one or one.get("format") in ("binary", "byte") for one in alternatives
        ),
        takes_more=takes_more,
        group=str(told.get("x-group") or ""),
        default=told.get("default"),
        example=example,
        placeholder=str(told.get("x-placeholder") or ""),
        choices=tuple((value, _choice_label(value)) for value in choices_of(some))
        if kind == "choice"
        else (),
        options=_read_link(told.get(HINT)),
        minimum=_number(bounds.get("minimum", bounds.get("exclusiveMinimum"))),
        maximum=_number(bounds.get("maximum", bounds.get("exclusiveMaximum"))),
        min_length=_whole(bounds.get("minLength")),
        max_length=_whole(bounds.get("maxLength")),
        pattern=str(bounds["pattern"]) if "pattern" in bounds else None,
        schema=own,
    )


def _fits_kind(alternative: JsonObject, kind: str) -> bool:
    return alternative.get("type") == {"text": "string", "list": "array", "json": "object"}.get(kind, kind)


def _read_link(hint: object) -> OptionsLink | None:
    if not isinstance(hint, str):
        return None
    source, _, query = hint.partition("?")
    return OptionsLink(source=source, query=tuple(parse_qsl(query)))


class _OutputReader:
    """Reads the members of an output down to a depth.

    Args:
        root: The whole schema.
        most_depth: How deep members lie at most, the first ones at 0.
    """

    def __init__(self, root: JsonObject, most_depth: int) -> None:
        self._root = root
        self._most_depth = most_depth
        self._inner = 0

    @property
    def is_too_much(self) -> bool:
        """Whether there were more members inside of others than an export takes."""
        return self._inner > _MAX_OUTPUTS

    def read(self, whole: JsonObject) -> tuple[OutputField, ...]:
        """Return the members of the output."""
        return tuple(self._read_members(whole, 0, frozenset()))

    def _read_members(self, whole: JsonObject, depth: int, above: frozenset[int]) -> Iterator[OutputField]:
        needed = frozenset(as_names(whole.get("required")))
        members = as_object(whole.get("properties"))
        above |= {id(members)}
        for name, member in members.items():
            if depth > 0:
                self._inner += 1
                if self.is_too_much:
                    return
            yield self._read(name, as_object(member), depth, above, is_always_there=name in needed)

    def _read(
        self, name: str, member: JsonObject, depth: int, above: frozenset[int], *, is_always_there: bool
    ) -> OutputField:
        root = self._root
        told = {**follow(member, root), **member}
        some = [one for one in alternatives_of(member, root) if one.get("type") != "null"]
        kind, takes_more = kind_of(some, root)
        first = some[0] if some else {}
        is_list = first.get("type") == "array" and not takes_more
        if is_list:
            some = list(alternatives_of(as_object(first.get("items")), root))
            first = some[0] if some else {}
            kind, takes_more = kind_of(some, root)
        has_members = len(some) == 1 and "properties" in first and depth < self._most_depth
        return OutputField(
            name=name,
            label=str(told.get("title") or label_of(name)),
            help=str(told.get("description") or ""),
            kind="object" if has_members else "json" if takes_more or kind == "list" else kind,
            is_list=is_list,
            is_always_there=is_always_there,
            holds_what_holds_it=has_members and id(first["properties"]) in above,
            members=tuple(self._read_members(first, depth + 1, above)) if has_members else (),
        )


def label_of(name: str) -> str:
    """Return a label made from a name: ``find_contact`` becomes "Find contact"."""
    words = name.replace("_", " ").replace("-", " ").strip()
    return words[:1].upper() + words[1:] if words else name


def _choice_label(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _number(value: object) -> float | None:
    return value if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def _whole(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None
