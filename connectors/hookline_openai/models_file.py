"""A file of models that is laid over the bundled table, so that a new date needs no release.

It has the form of ``models.json``. A row replaces those members of the bundled row of its id that it names,
and keeps the others; a row of a new id needs at least its kind.
"""

import json
from datetime import date
from pathlib import Path
from typing import Annotated, Any, cast

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from hookline.errors import ConfigurationError
from hookline_openai.model_table import ModelKind, SamplingRule

_Tokens = Annotated[int, Field(ge=1)]
_Dollars = Annotated[float, Field(ge=0, allow_inf_nan=False)]
_Name = Annotated[str, Field(min_length=1, max_length=200)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True, strict=True)


class _LongContext(_Part):
    above_input_tokens: _Tokens
    input: _Dollars | None = None
    output: _Dollars | None = None
    cached_input: _Dollars | None = None


class _Price(_Part):
    input: _Dollars | None = None
    output: _Dollars | None = None
    cached_input: _Dollars | None = None
    cache_write: _Dollars | None = None
    audio_input: _Dollars | None = None
    audio_output: _Dollars | None = None
    long_context: _LongContext | None = None


class _Reasoning(_Part):
    effort_values: list[str] | None
    default_effort: str | None
    sampling_params: SamplingRule
    always_rejected: list[str]


class _Row(_Part):
    id: _Name
    kind: ModelKind | None = None
    context_window: _Tokens | None = None
    max_input_tokens: _Tokens | None = None
    max_output_tokens: _Tokens | None = None
    embedding_dimensions: _Tokens | None = None
    supports_dimensions_param: bool | None = None
    encoding: str | None = None
    price_usd_per_1m: _Price | None = None
    is_reasoning: bool = False
    reasoning: _Reasoning | None = None
    deprecated_on: date | None = None
    shutdown_on: date | None = None
    replacement: _Name | None = None
    replacement_note: str | None = None


class _Endpoint(_Part):
    path: Annotated[str, Field(pattern="^/")]
    deprecated_on: date | None = None
    shutdown_on: date | None = None
    replacement: str | None = None


class _File(_Part):
    as_of: date | None = None
    about: str | None = None
    endpoints: list[_Endpoint] = []
    models: list[_Row] = []


def read_rows(path: str, *, over: dict[str, Any]) -> dict[str, Any]:
    """Return a whole document: the one given, with what a file says laid over it.

    Args:
        path: The file.
        over: A document in the form of ``models.json``; it is changed.

    Raises:
        ConfigurationError: If the file cannot be read or is not valid; names file, row and member.
    """
    content = _read(path)
    try:
        file = _File.model_validate_json(content)
    except ValidationError as exc:
        raise ConfigurationError(f"models_file {path}: {_first_problem(exc, content)}") from None
    over["as_of"] = file.as_of.isoformat() if file.as_of else over["as_of"]
    _lay_over(over, file.endpoints, name="endpoints", key="path", path=path)
    _lay_over(over, file.models, name="models", key="id", path=path)
    return over


def _read(path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except (OSError, ValueError) as exc:
        reason = exc.strerror if isinstance(exc, OSError) else exc
        raise ConfigurationError(f"models_file {path}: the file cannot be read: {reason}.") from exc


def _lay_over(
    document: dict[str, Any], parts: list[_Row] | list[_Endpoint], *, name: str, key: str, path: str
) -> None:
    known = {row[key]: row for row in document[name]}
    seen: set[str] = set()
    for position, part in enumerate(parts):
        given = part.model_dump(mode="json", exclude_unset=True)
        id = given[key]
        row = {**part.model_dump(mode="json"), **known.get(id, {}), **given}
        problem = "this row is there twice" if id in seen else _problem_of(row)
        if problem:
            raise ConfigurationError(f"models_file {path}: {name}[{position}] ({id}): {problem}.")
        seen.add(id)
        known[id] = row
    document[name] = list(known.values())


def _problem_of(row: dict[str, Any]) -> str | None:
    if "kind" in row and row["kind"] is None:
        return "`kind` is missing, and the bundled table has no such model"
    announced, ends = row["deprecated_on"], row["shutdown_on"]
    if announced and ends and announced > ends:
        return "`deprecated_on` is after `shutdown_on`"
    if row["replacement"] == row.get("id", row.get("path")):
        return "`replacement` is the model itself"
    return None


def _first_problem(exc: ValidationError, content: bytes) -> str:
    problem = exc.errors(include_input=False, include_url=False)[0]
    if problem["type"] == "json_invalid":
        return f"{problem['msg']}."
    where = ""
    for part in problem["loc"]:
        where += f"[{part}]" if isinstance(part, int) else f".{part}" if where else str(part)
    id = _id_at(problem["loc"], content)
    name = f"{where} ({id})" if id else where
    return f"{name}: {problem['msg']}." if name else f"{problem['msg']}."


def _id_at(where: tuple[int | str, ...], content: bytes) -> str | None:
    """Return the id of the row that a problem is in, if it has one."""
    value = cast("Any", json.loads(content))
    for part in where[:2]:
        try:
            value = value[part]
        except (LookupError, TypeError):
            return None
    id = (value.get("id") or value.get("path")) if isinstance(value, dict) else None
    return id if isinstance(id, str) else None
