"""Turn one schema with references and combinators into plain schemas without them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias
from urllib.parse import unquote

if TYPE_CHECKING:
    from hookline_sandbox.schema_effort import Effort

Schema: TypeAlias = Mapping[str, Any]

_LOWER_WINS = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties")
_HIGHER_WINS = ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties", "minContains")
_MAX_MERGES = 64


class TooDeepError(Exception):
    """No value can be made here: it would never end, or the schema allows nothing."""


def flatten(
    schema: Schema | bool,
    root: Schema | bool,
    *,
    refs: tuple[str, ...],
    choice: int,
    closing: bool,
    effort: Effort,
) -> Iterator[tuple[dict[str, Any], tuple[str, ...]]]:
    """Yield plain schemas, each a way to satisfy a schema, with the references that were followed.

    Args:
        schema: The schema to satisfy.
        root: The document that references point into.
        refs: The references on the way here.
        choice: Which branch comes first, counted round.
        closing: Whether branches that go no deeper come first.
        effort: Counts what is tried.

    Raises:
        TooMuchError: If it is too much; branches multiply each other.
    """
    yield from _expand([schema], {}, root, refs, choice, closing, 0, effort)


def _expand(
    todo: Sequence[Schema | bool],
    flat: dict[str, Any],
    root: Schema | bool,
    refs: tuple[str, ...],
    choice: int,
    closing: bool,
    merges: int,
    effort: Effort,
) -> Iterator[tuple[dict[str, Any], tuple[str, ...]]]:
    effort.spend(1 + (len(todo) + len(flat)) // 16)
    if not todo:
        yield flat, refs
        return
    schema, rest = todo[0], list(todo[1:])
    if schema is False or merges > _MAX_MERGES:
        return
    if schema is True:
        yield from _expand(rest, flat, root, refs, choice, closing, merges, effort)
        return
    assert isinstance(schema, Mapping)
    own = dict(schema)
    ref = own.pop("$ref", None)
    if ref is not None:
        refs = (*refs, str(ref))
        rest = [_lookup(root, str(ref), effort), *rest]
    rest = [*own.pop("allOf", ()), *rest]
    alternatives = own.pop("anyOf", None), own.pop("oneOf", None)
    condition, then, otherwise = own.pop("if", None), own.pop("then", True), own.pop("else", True)
    if condition is not None:
        met: Schema | bool = {"allOf": [condition, then]}
        rest = [{"anyOf": [met, otherwise]}, *rest]
    for name, needed in own.pop("dependentSchemas", {}).items():
        if name in (own.get("properties") or {}):
            rest = [needed, *rest]
    merged = _merge(flat, own, effort)
    if merged is None:
        return
    groups = [list(group) for group in alternatives if group]
    if not groups:
        yield from _expand(rest, merged, root, refs, choice, closing, merges + 1, effort)
        return
    # A second group, which is rare, is put off as a schema of its own.
    rest = [{"anyOf": group} for group in groups[1:]] + rest
    for branch in _order(groups[0], choice, closing):
        yield from _expand([branch, *rest], dict(merged), root, refs, choice, closing, merges + 1, effort)


def _order(branches: list[Schema | bool], choice: int, closing: bool) -> list[Schema | bool]:
    start = choice % len(branches)
    turned = branches[start:] + branches[:start]
    return sorted(turned, key=_depth_of) if closing else turned


def _depth_of(branch: Schema | bool) -> int:
    if isinstance(branch, bool) or "const" in branch or "enum" in branch:
        return 0
    if branch.get("type") in ("null", "string", "boolean", "number", "integer"):
        return 0 if branch["type"] == "null" else 1
    return 3 if "$ref" in branch else 2


def _lookup(root: Schema | bool, ref: str, effort: Effort) -> Schema | bool:
    if ref == "#":
        return root
    if not ref.startswith("#/"):
        return _anchor(root, ref.removeprefix("#"), effort) if ref.startswith("#") else True
    here: Any = root
    for part in ref[2:].split("/"):
        key = unquote(part).replace("~1", "/").replace("~0", "~")
        try:
            here = here[int(key)] if isinstance(here, list) else here[key]
        except (KeyError, IndexError, ValueError, TypeError):
            return True
    return here if isinstance(here, Mapping | bool) else True


def _anchor(node: Any, name: str, effort: Effort) -> Schema | bool:
    todo = [node]
    while todo:
        here = todo.pop()
        effort.spend()
        if isinstance(here, Mapping):
            if here.get("$anchor") == name:
                return here
            todo.extend(here.values())
        elif isinstance(here, list):
            todo.extend(here)
    return True


def _merge(left: Mapping[str, Any], right: Mapping[str, Any], effort: Effort) -> dict[str, Any] | None:
    """Return a schema that is as strict as both, or None if they contradict each other."""
    merged = dict(left)
    for name, value in right.items():
        if name not in merged:
            merged[name] = value
            continue
        ours, theirs = _length_of(merged[name]), _length_of(value)
        effort.spend((ours * theirs if name == "enum" else ours + theirs) // 8)
        if name in _LOWER_WINS:
            merged[name] = min(merged[name], value)
        elif name in _HIGHER_WINS:
            merged[name] = max(merged[name], value)
        elif name == "required":
            merged[name] = list(dict.fromkeys([*merged[name], *value]))
        elif name in ("properties", "patternProperties"):
            merged[name] = _merge_tables(merged[name], value)
        elif name in ("items", "additionalProperties", "contains", "propertyNames"):
            merged[name] = {"allOf": [merged[name], value]}
        elif name == "prefixItems":
            merged[name] = _merge_rows(merged[name], value)
        elif name == "enum":
            merged[name] = [item for item in merged[name] if item in value]
        elif name == "type":
            common = _common_types(merged[name], value)
            if not common:
                return None
            merged[name] = common if len(common) > 1 else common[0]
        elif name == "const" and merged[name] != value:
            return None
        else:
            merged[name] = value
    return _narrow(merged)


def _length_of(value: Any) -> int:
    return len(value) if isinstance(value, list | dict) else 1


def _narrow(merged: dict[str, Any]) -> dict[str, Any] | None:
    """Drop listed values that the type or the constant of the same schema rules out."""
    if "enum" in merged and "const" in merged:
        return merged if merged["const"] in merged["enum"] else None
    if "enum" in merged and "type" in merged:
        allowed = merged["type"] if isinstance(merged["type"], list) else [merged["type"]]
        merged["enum"] = [item for item in merged["enum"] if any(_is_of(item, name) for name in allowed)]
    return None if merged.get("enum") == [] else merged


def _merge_tables(left: Mapping[str, Any], right: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(left)
    for name, value in right.items():
        merged[name] = {"allOf": [merged[name], value]} if name in merged else value
    return merged


def _merge_rows(left: Sequence[Any], right: Sequence[Any]) -> list[Any]:
    both = [{"allOf": [one, other]} for one, other in zip(left, right, strict=False)]
    return [*both, *left[len(both) :], *right[len(both) :]]


def _common_types(left: str | list[str], right: str | list[str]) -> list[str]:
    ours = [left] if isinstance(left, str) else left
    theirs = [right] if isinstance(right, str) else right
    common = [name for name in ours if name in theirs]
    if "integer" not in common and {"integer", "number"} <= {*ours, *theirs}:
        common.append("integer")
    return common


def _is_of(value: Any, name: str) -> bool:
    match name:
        case "null":
            return value is None
        case "boolean":
            return isinstance(value, bool)
        case "integer":
            return not isinstance(value, bool) and (
                isinstance(value, int) or value == int(value) if isinstance(value, int | float) else False
            )
        case "number":
            return isinstance(value, int | float) and not isinstance(value, bool)
        case "string":
            return isinstance(value, str)
        case "array":
            return isinstance(value, list)
        case _:
            return isinstance(value, dict)
