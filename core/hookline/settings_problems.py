"""What is wrong with settings, in words that name the file, the line and the key, or the variable."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, get_args

from pydantic import BaseModel

from hookline.toml_places import find_places, line_of

if TYPE_CHECKING:
    from pathlib import Path

    from pydantic import ValidationError

Key = tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class SettingsOrigin:
    """Where settings were read.

    Attributes:
        path: The file; None without one.
        text: What is in it.
        variables: The environment variable of each key that came from one.
    """

    path: Path | None = None
    text: str = field(default="", repr=False)
    variables: Mapping[Key, str] = field(default_factory=dict)

    @cached_property
    def places(self) -> Mapping[Key, int]:
        """The line of every key of the file."""
        return find_places(self.text)

    def variable_of(self, key: Key) -> str | None:
        """Return the variable that a key was read from."""
        return next((name for path, name in self.variables.items() if key[: len(path)] == path), None)

    def place_of(self, key: Key) -> str:
        """Return where a key was read: a variable, or file and line; ``settings`` if nobody knows."""
        variable = self.variable_of(key)
        if variable is not None:
            return variable
        if self.path is None:
            return "settings"
        line = line_of(self.places, key)
        return str(self.path) if line is None else f"{self.path}:{line}"


@dataclass(frozen=True, kw_only=True, slots=True)
class SettingProblem:
    """One thing that is wrong.

    Attributes:
        key: Path of the setting; empty if it is about the file or a variable.
        message: What is wrong with it and what to do, without where it was read.
        place: Where it was read: a variable, or file and line.
        file: The file; None if it came from elsewhere.
        line: Line of the file, from 1.
        is_warning: Whether the gateway starts all the same.
    """

    key: Key
    message: str
    place: str
    file: str | None = None
    line: int | None = None
    is_warning: bool = False

    def __str__(self) -> str:
        return f"{self.place}: {self.message}"


def make_problem(
    origin: SettingsOrigin, key: Key, message: str, *, is_warning: bool = False
) -> SettingProblem:
    """Return a problem with the place where its key was read."""
    is_in_file = origin.path is not None and origin.variable_of(key) is None
    return SettingProblem(
        key=key,
        message=message,
        place=origin.place_of(key),
        file=str(origin.path) if is_in_file else None,
        line=line_of(origin.places, key) if is_in_file else None,
        is_warning=is_warning,
    )


def located(origin: SettingsOrigin, key: Key, message: str) -> str:
    """Return a message behind the place where its key was read, if that is known."""
    place = origin.place_of(key)
    return message if place == "settings" else f"{place}: {message}"


def problems_of(exc: ValidationError, model: type[BaseModel], origin: SettingsOrigin) -> list[SettingProblem]:
    """Return everything that a validation of the settings found, in the order of the file.

    Args:
        exc: What was found.
        model: What can be set.
        origin: Where it was read.
    """
    found = []
    for problem in exc.errors(include_input=False, include_url=False):
        key = tuple(str(part) for part in problem["loc"])
        message = f"`{'.'.join(key)}`: {problem['msg']}."
        if problem["type"] == "extra_forbidden":
            message = no_such_setting(key, _members(model, key[:-1]))
        found.append(make_problem(origin, key, message))
    return in_order(found)


def in_order(problems: Iterable[SettingProblem]) -> list[SettingProblem]:
    """Return problems in the order of the file, then those of variables; each once."""
    return sorted(dict.fromkeys(problems), key=lambda one: (one.line is None, one.line or 0))


def no_such_setting(key: Key, known: Iterable[str]) -> str:
    """Return the words for a setting that does not exist, with the one that was meant."""
    near = difflib.get_close_matches(key[-1], list(known), n=1)
    return f"there is no setting `{'.'.join(key)}`." + (f" Did you mean `{near[0]}`?" if near else "")


def _members(model: type[BaseModel], path: Key) -> list[str]:
    section = model
    for name in path:
        info = section.model_fields.get(name)
        kinds = [info.annotation, *get_args(info.annotation)] if info is not None else []
        section = next(
            (kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel)), section
        )
    return list(section.model_fields)
