"""Which version of the contract a plugin is written for, and what of the contract is going to go.

A plugin may say ``api_version = "1.0"`` at the top of its module or class. The second number grows when
something is added, the first when something is removed. ``docs/reference/versioning.md`` is the policy.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from hookline import __version__
from hookline.errors import ConfigurationError

API_VERSION = "1.0"
"""Version of the contract: hooks, public names and what they take."""

_FORM = re.compile(r"([0-9]{1,4})\.([0-9]{1,4})")


@dataclass(frozen=True, kw_only=True, slots=True)
class Deprecation:
    """Something of the contract that still works and is going to go.

    Attributes:
        kind: What it is: a hook, an argument of a hook, an option of ``hookimpl``, or a name that plugins
            import from ``hookline``.
        name: Which one: ``hookline_x``, ``hookline_x(argument)``, ``hookimpl(option=True)``, or ``Name``.
        since: Release that announced it.
        removed_in: Release that will not have it any more; at least one minor release later.
        instead: What to write in its place.
    """

    kind: Literal["hook", "argument", "hookimpl option", "name"]
    name: str
    since: str
    removed_in: str
    instead: str

    def __str__(self) -> str:
        return (
            f"{self.name} is deprecated since Hookline {self.since} and will be gone in {self.removed_in}; "
            f"{self.instead}."
        )


DEPRECATIONS: tuple[Deprecation, ...] = (
    Deprecation(
        kind="hookimpl option",
        name="hookimpl(hookwrapper=True)",
        since="0.1.0",
        removed_in="0.3.0",
        instead="write @hookimpl(wrapper=True), and return what the hook is to return",
    ),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Contract:
    """What this release takes from plugins.

    Attributes:
        version: Version of the contract.
        release: Release of Hookline that has it.
        ended: For each first number that is not taken any more, the release that was the last to take it.
        deprecations: What is going to go.
    """

    version: str = API_VERSION
    release: str = __version__
    ended: Mapping[int, str] = field(default_factory=dict)
    deprecations: tuple[Deprecation, ...] = DEPRECATIONS

    def check_version(self, declared: object, *, plugin: str) -> str:
        """Return the version that a plugin declares; empty if it declares none.

        Raises:
            ConfigurationError: If it is no version, or one that this release does not take.
        """
        if declared is None:
            return ""
        found = _FORM.fullmatch(declared) if isinstance(declared, str) else None
        if found is None:
            raise ConfigurationError(
                f"Plugin {plugin!r}: its api_version {str(declared)[:40]!r} is no version; write two numbers "
                f'as text, such as "{self.version}".'
            )
        major, minor = int(found[1]), int(found[2])
        own_major, own_minor = (int(part) for part in self.version.split("."))
        if (major, minor) > (own_major, own_minor):
            raise ConfigurationError(
                f"Plugin {plugin!r} needs version {declared} of the plugin API, and Hookline {self.release} "
                f"has {self.version}. Update Hookline, or install an older release of the plugin."
            )
        if major < own_major and major in self.ended:
            raise ConfigurationError(
                f"Plugin {plugin!r} is written for version {declared} of the plugin API; Hookline "
                f"{self.ended[major]} was the last release to take it, and this is {self.release}. "
                "Update the plugin, or stay with that release."
            )
        if major < min((*self.ended, own_major)):
            raise ConfigurationError(
                f"Plugin {plugin!r}: there never was a version {declared} of the plugin API; the first that "
                f"this release knows is {min((*self.ended, own_major))}.0."
            )
        return str(declared)

    def uses(
        self, hook: str, function: Callable[..., object], options: Mapping[str, object]
    ) -> list[Deprecation]:
        """Return what an implementation of a hook uses that is going to go.

        Args:
            hook: Name of the hook.
            function: The implementation.
            options: What was said in its ``@hookimpl(...)``.
        """
        names = {hook}
        if any(one.kind == "argument" for one in self.deprecations):
            names |= {f"{hook}({argument})" for argument in inspect.signature(function).parameters}
        names |= {f"hookimpl({name}=True)" for name, value in options.items() if value is True}
        return [one for one in self.deprecations if one.kind != "name" and one.name in names]


CONTRACT = Contract()
"""What this release takes."""
