"""Objects that a function makes, held to those that their class makes."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, dataclass, field, replace

import pytest

from hookline.making import maker_of


@dataclass(frozen=True, kw_only=True, slots=True)
class Frozen:
    name: str
    parts: list[int] = field(default_factory=list)
    size: int = 1

    def __post_init__(self) -> None:
        if not self.name:
            raise ValueError("no name")


@dataclass(kw_only=True, slots=True)
class Open:
    name: str
    size: int = 1


@dataclass(frozen=True, kw_only=True, slots=True, weakref_slot=True)
class Watched:
    name: str


@dataclass(frozen=True, kw_only=True)
class WithoutSlots:
    name: str


@dataclass(frozen=True, slots=True)
class ByPosition:
    name: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Inherits(Frozen):
    more: int = 0


class Plain:
    def __init__(self, *, name: str) -> None:
        self.name = name


def test_a_made_object_is_one_of_its_class() -> None:
    make = maker_of(Frozen)
    parts = [1, 2]
    for made, called in [
        (make(name="a"), Frozen(name="a")),
        (make(name="a", parts=parts, size=2), Frozen(name="a", parts=parts, size=2)),
    ]:
        assert type(made) is Frozen
        assert made == called
        assert repr(made) == repr(called)
        assert hash(type(made)) == hash(type(called))
        assert replace(made, size=3) == replace(called, size=3)
    assert make(name="a", parts=parts).parts is parts


def test_a_made_object_is_frozen() -> None:
    made = maker_of(Frozen)(name="a")
    with pytest.raises(FrozenInstanceError):
        made.name = "b"  # type: ignore[misc]
    with pytest.raises(FrozenInstanceError):
        del made.name


def test_each_object_gets_a_default_of_its_own() -> None:
    make = maker_of(Frozen)
    assert make(name="a").parts is not make(name="a").parts


def test_the_class_judges_what_was_made() -> None:
    with pytest.raises(ValueError, match="no name"):
        maker_of(Frozen)(name="")


def test_an_object_that_is_not_frozen_can_be_changed() -> None:
    made = maker_of(Open)(name="a")
    made.size = 2
    assert made == Open(name="a", size=2)


@pytest.mark.parametrize("wrong", [{}, {"name": "a", "other": 1}])
def test_wrong_keywords_are_refused_as_by_the_class(wrong: dict[str, object]) -> None:
    with pytest.raises(TypeError, match="keyword"):
        Frozen(**wrong)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="keyword"):
        maker_of(Frozen)(**wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize("cls", [Watched, WithoutSlots, ByPosition, Inherits, Plain])
def test_other_classes_are_refused(cls: type) -> None:
    with pytest.raises(TypeError, match=cls.__name__):
        maker_of(cls)
