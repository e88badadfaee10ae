"""The schema of a model says what pydantic says."""

from __future__ import annotations

from datetime import date
from enum import Enum
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, Field, TypeAdapter

from hookline.model_schemas import ModelSchemas

if TYPE_CHECKING:
    import pytest


class _Colour(Enum):
    RED = "red"


class _Part(BaseModel):
    size: int = 3


class _Whole(BaseModel):
    name: str | None = None
    colour: _Colour = _Colour.RED
    at: date = date(2026, 1, 2)
    part: _Part | None = _Part()
    many: Annotated[list[str], Field(min_length=1)] = ["one"]


class _Empty(BaseModel):
    name: str | None = None


def test_the_schema_is_that_of_pydantic() -> None:
    modes: tuple[Literal["validation", "serialization"], ...] = ("validation", "serialization")
    for mode in modes:
        own = _Whole.model_json_schema(schema_generator=ModelSchemas, mode=mode)
        assert own == _Whole.model_json_schema(mode=mode)


def test_no_serializer_is_built_for_a_field_that_is_null_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    built: list[object] = []
    original: Any = TypeAdapter.__init__

    def count(adapter: object, type: object, **options: object) -> None:
        built.append(type)
        original(adapter, type, **options)

    monkeypatch.setattr(TypeAdapter, "__init__", count)
    _Empty.model_json_schema(schema_generator=ModelSchemas)
    assert built == []
    _Empty.model_json_schema()
    assert built == [type(None)]
