"""Objects of dataclasses, made by a plain function: for what every call makes several of.

Where a class is called, Python puts the keywords into a dict and takes them out again, and a frozen dataclass
sets each field through ``object.__setattr__``: with a dozen fields that takes five times as long as a plain
function that sets them. Such a function is written here, as `dataclasses` writes ``__init__``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import MISSING, fields, is_dataclass
from typing import Any, ParamSpec, TypeVar, cast

P = ParamSpec("P")
T = TypeVar("T")


def maker_of(cls: Callable[P, T]) -> Callable[P, T]:
    """Return a function that makes the same objects as a dataclass, of the same keywords.

    The objects of a frozen class are filled while they are of a class that has the same slots and is not
    frozen.

    Args:
        cls: A dataclass with slots, all of whose fields are taken by keyword.

    Raises:
        TypeError: If it is anything else.
    """
    made = cast("Any", cls)
    if not is_dataclass(cls) or "__slots__" not in made.__dict__:
        raise TypeError(f"{made.__name__} is no dataclass with slots")
    own = set(made.__slots__)
    if {one.name for one in fields(made) if one.init and one.kw_only} != own:
        raise TypeError(f"{made.__name__} has fields that it does not take by keyword, or that it inherits")
    is_frozen = made.__dataclass_params__.frozen
    known: dict[str, object] = {
        "new": object.__new__,
        "cls": made,
        "filled": type(f"_Filled{made.__name__}", (), {"__slots__": made.__slots__}) if is_frozen else made,
        "MISSING": MISSING,
    }
    taken, lines = [], ["made = new(filled)"]
    for one in fields(made):
        value = one.name
        if one.default is not MISSING:
            known[f"default_{one.name}"] = one.default
            taken.append(f"{one.name}=default_{one.name}")
        elif one.default_factory is not MISSING:
            known[f"make_{one.name}"] = one.default_factory
            taken.append(f"{one.name}=MISSING")
            value = f"make_{one.name}() if {one.name} is MISSING else {one.name}"
        else:
            taken.append(one.name)
        lines.append(f"made.{one.name} = {value}")
    if is_frozen:
        lines.append("made.__class__ = cls")
    if hasattr(made, "__post_init__"):
        lines.append("made.__post_init__()")
    lines.append("return made")
    text = f"def make(*, {', '.join(taken)}):\n " + "\n ".join(lines)
    exec(text, known)  # the names of the fields are all that it holds
    return cast("Callable[P, T]", known["make"])
