"""The names of a plugin: what its author types becomes a distribution, a package and an entry point."""

from __future__ import annotations

import keyword
import re
from dataclasses import dataclass
from importlib.metadata import entry_points
from importlib.util import find_spec

from hookline.errors import ConfigurationError

_TYPED = re.compile(r"[A-Za-z](?:[A-Za-z0-9]|[-_.](?=[A-Za-z0-9]))*\Z")
_SEPARATORS = re.compile(r"[-_.]+")
_PREFIX = "hookline-"
_MAX_LENGTH = 40
_GROUP = "hookline"


@dataclass(frozen=True, kw_only=True, slots=True)
class PluginNames:
    """What a plugin is called, and where.

    Attributes:
        id: Entry point, and id of the connector: ``redact_names``.
        distribution: Name on a package index: ``hookline-redact-names``.
        package: What is imported: ``hookline_redact_names``.
        words: What people read: ``Redact names``.
    """

    id: str
    distribution: str
    package: str
    words: str

    @property
    def class_prefix(self) -> str:
        """Beginning of the names of its classes: ``RedactNames``."""
        return "".join(word.capitalize() for word in self.id.split("_"))


def name_plugin(typed: str) -> PluginNames:
    """Return the names that follow from what somebody typed, with or without ``hookline-`` in front.

    Raises:
        ConfigurationError: If no distribution or package can be called so; says how it could be.

    Source: the name format and normalisation of the core metadata specification (PEP 503, PEP 508).
    """
    if not _TYPED.match(typed):
        raise ConfigurationError(
            f"A plugin cannot be called {typed!r}.",
            hint="Begin with a letter, and use letters, digits and single dashes: `redact-names`.",
        )
    dashed = _SEPARATORS.sub("-", typed).lower().removeprefix(_PREFIX)
    id = dashed.replace("-", "_")
    if len(id) > _MAX_LENGTH:
        raise ConfigurationError(
            f"The name {typed!r} is longer than {_MAX_LENGTH} characters.",
            hint="Take a shorter one: it begins the id of every action.",
        )
    if id == _GROUP or not id[0].isalpha():
        raise ConfigurationError(
            f"A plugin cannot be called {typed!r}.", hint="Name the service or what it does: `acme`."
        )
    if keyword.iskeyword(id) or keyword.issoftkeyword(id):
        raise ConfigurationError(
            f"{id!r} is a word of the Python language, which reads badly as a name.",
            hint=f"Take another name, such as `{id}-api`.",
        )
    words = dashed.replace("-", " ")
    return PluginNames(
        id=id,
        distribution=_PREFIX + dashed,
        package=f"hookline_{id}",
        words=words[0].upper() + words[1:],
    )


def check_free(names: PluginNames) -> None:
    """Make sure that no installed plugin has the name of a new one.

    A plugin that is the same distribution does not count: it may be the one that is begun again.

    Raises:
        ConfigurationError: If one has; names its distribution.
    """
    for point in entry_points(group=_GROUP):
        owner = point.dist.name if point.dist is not None else "another distribution"
        if point.name == names.id and _SEPARATORS.sub("-", owner).lower() != names.distribution:
            raise ConfigurationError(
                f"There is a plugin {names.id!r} already: {owner} brings it.",
                hint="Take another name; with two of one name neither would be used.",
            )
    taken = f"hookline_{names.id}"
    is_ours = any(point.name == names.id for point in entry_points(group=_GROUP))
    if not is_ours and find_spec(taken) is not None:
        raise ConfigurationError(
            f"There is a package `{taken}` already.", hint="Take another name, or uninstall that one."
        )
