"""What is wrong with a manifest, told with file, line and key."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from types import UnionType
from typing import TYPE_CHECKING, Annotated, Union, get_args, get_origin

from pydantic import BaseModel, Tag

from hookline.errors import ConfigurationError
from hookline.manifest.patterns import (
    CODE_PATTERN,
    HEADER_PATTERN,
    HTTPS_PATTERN,
    ID_PATTERN,
    LIST_OF,
    NAME_PATTERN,
    PATH_PATTERN,
    SCHEMA_PATTERN,
    SIMPLE_TYPES,
    TYPE_PATTERN,
    URL_PATTERN,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pydantic_core import ErrorDetails

PathPart = str | int
Path = tuple[PathPart, ...]

MAX_PROBLEMS = 10
"""Most problems of one file that are told."""


class UnreadableError(ValueError):
    """A text that no manifest can be read from.

    Args:
        problem: What is wrong; goes on after the file's name.
        line: Where, counted from 1.
    """

    def __init__(self, problem: str, *, line: int | None = None) -> None:
        super().__init__(problem)
        self.problem = problem
        self.line = line


@dataclass(frozen=True, kw_only=True, slots=True)
class ManifestProblem:
    """Something wrong, or worth to be better, in a manifest.

    Attributes:
        file: Name of the file.
        line: Where, counted from 1; None if that is not known.
        path: The key at fault; empty for the file as a whole.
        message: What is wrong, and what to do.
    """

    file: str
    line: int | None = None
    path: Path = ()
    message: str

    def __str__(self) -> str:
        place = self.file if self.line is None else f"{self.file}:{self.line}"
        key = dotted(self.path)
        return f"{place}: {key}: {self.message}" if key else f"{place}: {self.message}"


class ManifestError(ConfigurationError):
    """A manifest that cannot be used.

    Args:
        problems: What is wrong, at most ten.
    """

    def __init__(self, problems: Sequence[ManifestProblem]) -> None:
        super().__init__(
            "\n".join(map(str, problems)),
            hint="Correct the manifest; `hookline connectors check FILE` tells when it is right.",
        )
        self.problems = tuple(problems)


def dotted(path: Path) -> str:
    """Return a key as people write it: ``actions.find_pet.errors[0].kind``."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part[:80]}" if text else part[:80]
    return text


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """A problem whose line is not known yet.

    Attributes:
        path: The key at fault.
        message: What is wrong.
    """

    path: Path
    message: str


def findings_of(errors: Iterable[ErrorDetails], document: object, model: type[BaseModel]) -> list[Finding]:
    """Return what pydantic found wrong, in our words.

    Args:
        errors: What it found.
        document: What it was given.
        model: What it should be.
    """
    found: dict[Finding, None] = {}
    for error in errors:
        path, is_key = _real_path(error["loc"], document)
        found.setdefault(Finding(path=path, message=_message(error, path, model, is_key=is_key)))
    return list(found)


def _real_path(loc: tuple[PathPart, ...], document: object) -> tuple[Path, bool]:
    """Return a path without the names of branches that pydantic puts between, and whether a key is meant."""
    path: list[PathPart] = []
    here: object = document
    is_key = False
    for part in loc:
        is_branch = isinstance(part, str) and part.startswith("(") and part.endswith(")")
        if is_branch and not (isinstance(here, dict) and part in here):
            continue
        if part == "[key]":
            is_key = True
            continue
        path.append(part)
        try:
            here = here[part]  # type: ignore[index]  # whatever it is: the except is for the rest
        except (KeyError, IndexError, TypeError):
            here = None
    return tuple(path), is_key


def _message(error: ErrorDetails, path: Path, model: type[BaseModel], *, is_key: bool) -> str:
    kind = error["type"]
    context = error.get("ctx", {})
    if is_key and error["type"] == "string_pattern_mismatch":
        return f"the name {_mismatch(str(path[-1]), str(context.get('pattern')))}"
    if kind == "extra_forbidden":
        names = _names_at(error["loc"][:-1], model)
        near = difflib.get_close_matches(str(path[-1])[:80], names, n=1, cutoff=0.6)
        return "there is no such key." + (
            f" Did you mean `{near[0]}`?" if near else f" There are {', '.join(f'`{one}`' for one in names)}."
        )
    if kind == "missing":
        return "is missing."
    if kind in ("literal_error", "enum"):
        given = error.get("input")
        expected = str(context.get("expected", ""))
        options = [one.strip("'") for one in expected.replace(" or ", ", ").split(", ")]
        near = difflib.get_close_matches(str(given)[:80], options, n=1, cutoff=0.6)
        return f"must be {expected}, not {_shown(given)}." + (f" Did you mean `{near[0]}`?" if near else "")
    return _plain(error)


_WANTED = {
    ID_PATTERN: "must be lower case, begin with a letter, and hold only letters, digits and `_`",
    URL_PATTERN: "must be an http or https URL without a query",
    HTTPS_PATTERN: "must be an https URL",
    PATH_PATTERN: "must begin with `/` and hold no query; fixed values go into `defaults`",
    NAME_PATTERN: "must hold only letters, digits, `_`, `.` and `-`",
    HEADER_PATTERN: "is no name of a header",
    CODE_PATTERN: "must be lower case with `_`, such as `no_such_pet`",
    SCHEMA_PATTERN: "must be the name of one of `schemas`, or `list of ` and the name",
}
_WORDS = {
    "string_type": "must be a text",
    "bool_type": "must be true or false",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "bool_parsing": "must be true or false",
    "finite_number": "must be a number",
    "dict_type": "must have keys of its own",
    "model_type": "must have keys of its own",
    "model_attributes_type": "must have keys of its own",
    "list_type": "must be a list",
}


_BOUNDS = {
    "greater_than": ("gt", "more than"),
    "greater_than_equal": ("ge", "at least"),
    "less_than": ("lt", "less than"),
    "less_than_equal": ("le", "at most"),
}


def _counted(error: ErrorDetails, count: object) -> str:
    """Return what a bound on a length counts."""
    if error["type"].startswith("string"):
        noun = "character"
    else:
        noun = "key" if isinstance(error.get("input"), dict) else "item"
    return noun if count == 1 else f"{noun}s"


def _plain(error: ErrorDetails) -> str:
    kind = error["type"]
    context = error.get("ctx", {})
    given = _shown(error.get("input"))
    least, most = context.get("min_length"), context.get("max_length")
    if kind in ("too_short", "string_too_short"):
        return f"must have at least {least} {_counted(error, least)}."
    if kind in ("too_long", "string_too_long"):
        return f"must have at most {most} {_counted(error, most)}."
    if kind in _BOUNDS:
        name, words = _BOUNDS[kind]
        return f"must be {words} {context.get(name)}, not {given}."
    if kind in _WORDS:
        return f"{_WORDS[kind]}, not {given}."
    if kind == "string_pattern_mismatch":
        return _mismatch(str(error.get("input")), str(context.get("pattern")))
    if kind == "value_error":
        return f"{context.get('error')}."
    if kind == "credential_kind":
        return f"{error['msg']}, not {given}."
    return f"{error['msg'][:1].lower()}{error['msg'][1:]}."


def _mismatch(given: str, pattern: str) -> str:
    if pattern == TYPE_PATTERN:
        prefix = LIST_OF if given.startswith(LIST_OF) else ""
        near = difflib.get_close_matches(given.removeprefix(LIST_OF)[:80], SIMPLE_TYPES, n=1, cutoff=0.5)
        return f"{_shown(given)} is no type." + (f" Did you mean `{prefix}{near[0]}`?" if near else "")
    return f"{_shown(given)} {_WANTED.get(pattern, f'does not match {pattern}')}."


def _shown(value: object) -> str:
    if isinstance(value, dict):
        return "a table of keys"
    if isinstance(value, list):
        return "a list"
    text = "nothing" if value is None else str(value).lower() if isinstance(value, bool) else repr(value)
    return text if len(text) <= 60 else text[:59] + "…"


def _names_at(loc: tuple[PathPart, ...], model: type[BaseModel]) -> list[str]:
    """Return the keys of the table at a place of the model."""
    kinds: list[object] = [model]
    for part in loc:
        kinds = [inner for kind in kinds for one in _branches(kind) for inner in _inside(one, part)]
    names: dict[str, None] = {}
    for kind in kinds:
        for one in _branches(kind):
            if isinstance(one, type) and issubclass(one, BaseModel):
                names.update((info.alias or name, None) for name, info in one.model_fields.items())
    return list(names)


def _branches(kind: object) -> Iterable[object]:
    """Yield the types that a type may be; one with a tag stays as it is."""
    if get_origin(kind) is Annotated:
        inner, *metadata = get_args(kind)
        if any(isinstance(one, Tag) for one in metadata):
            yield kind
        else:
            yield from _branches(inner)
    elif get_origin(kind) in (Union, UnionType):
        for one in get_args(kind):
            yield from _branches(one)
    else:
        yield kind


def _inside(kind: object, part: PathPart) -> Iterable[object]:
    """Yield the types that a type has under a key, an index or a tag."""
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is Annotated:
        if any(isinstance(one, Tag) and one.tag == part for one in arguments[1:]):
            yield arguments[0]
    elif isinstance(kind, type) and issubclass(kind, BaseModel):
        for name, info in kind.model_fields.items():
            if part == (info.alias or name):
                yield info.annotation
    elif origin in (dict, list):
        yield arguments[-1]
