"""Names that platforms take, derived from ids: always the same ones, and never one for two things."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from typing import TypeVar

from hookline.errors import ConfigurationError

T = TypeVar("T", bound=Hashable)


def flat_name(id: str) -> str:
    """Return an id without its dot: ``openai.list_models`` becomes ``openai_list_models``.

    Fits Zapier's keys (letters, digits and ``_``, a letter first), the names of OpenAI's function tools
    (at most 64 characters) and those of MCP tools, because an id has at most 60 characters.
    """
    return id.replace(".", "_")


def pascal_name(id: str) -> str:
    """Return an id as operationIds are written: ``openai.list_models`` becomes ``OpenaiListModels``."""
    return "".join(word[:1].upper() + word[1:] for word in id.replace(".", "_").split("_"))


def unique_names(ids: Iterable[T], derive: Callable[[T], str]) -> dict[T, str]:
    """Return the name of each id.

    Raises:
        ConfigurationError: If two ids get the same name; names both.
    """
    names: dict[T, str] = {}
    owners: dict[str, T] = {}
    for id in ids:
        name = derive(id)
        if name in owners:
            raise ConfigurationError(
                f"{owners[name]} and {id} would both be called {name!r} on platforms.",
                hint="Rename one of them, or leave one out by a pattern for actions.",
            )
        owners[name] = id
        names[id] = name
    return names
