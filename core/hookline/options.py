"""Options of plugins: declared as a model, set in a file or the environment, different per key and action.

A plugin names its model under ``options``; what is set under ``[plugins.NAME]`` is checked when the gateway
starts. Later tables win over earlier ones::

    [plugins.retry]                                        # for all
    [plugins.retry.actions."openai.*"]                     # for the actions of one connector
    [plugins.retry.actions."openai.chat"]                  # for one action
    [plugins.retry.keys.KEY_ID]                            # for one key
    [plugins.retry.keys.KEY_ID.actions."openai.chat"]      # for one action of one key
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Generic, TypeVar

from pydantic import BaseModel, ConfigDict

from hookline.errors import ConfigurationError
from hookline.option_tables import OptionTables, dotted, environment_names
from hookline.settings_problems import SettingsOrigin

if TYPE_CHECKING:
    from hookline.call import Call

_MAX_REMEMBERED = 10_000

__all__ = ["LayeredOptions", "PluginOptions", "environment_names", "load_model"]


class PluginOptions(BaseModel):
    """What can be set for a plugin; make a subclass whose fields all have a default and a description."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


M = TypeVar("M", bound=PluginOptions)


class LayeredOptions(Generic[M]):
    """The options of one plugin, for every key and action.

    Args:
        model: What can be set.
        values: What is set, as in the file.
        environ: Environment variables.
        name: Name of the plugin.
        origin: Where the settings were read, for what is said of a wrong one.

    Attributes:
        name: Name of the plugin.
        base: What holds where neither key nor action say otherwise.

    Raises:
        ConfigurationError: If a value of any table is not valid; names the table and the setting.
    """

    def __init__(
        self,
        model: type[M],
        values: Mapping[str, object],
        environ: Mapping[str, str],
        *,
        name: str,
        origin: SettingsOrigin | None = None,
    ) -> None:
        self._model = model
        self.name = name
        self._tables = OptionTables(model, values, environ, name=name)
        problems = self._tables.problems(origin or SettingsOrigin())
        if problems:
            has_place = problems[0].place != "settings"
            raise ConfigurationError(str(problems[0]) if has_place else problems[0].message)
        self.base = self._make(self._tables.own)
        self._is_flat = not self._tables.actions and not self._tables.keys
        self._found: dict[tuple[str, str], M] = {}

    @property
    def patterns(self) -> dict[str, str]:
        """The actions that tables are for, each with the name of its table."""
        return {pattern: dotted(key) for pattern, key in self._tables.patterns.items()}

    @property
    def pattern_keys(self) -> dict[str, tuple[str, ...]]:
        """The actions that tables are for, each with where such a table stands in the settings."""
        return self._tables.patterns

    @property
    def key_ids(self) -> frozenset[str]:
        """The keys that tables are for."""
        return frozenset(self._tables.keys)

    def is_set(self, *names: str) -> bool:
        """Tell whether one of the options is set for anybody, be it for one key or action only."""
        found = self._tables
        tables = [found.own, *found.actions.values(), *found.keys.values()]
        tables += [table for tables in found.key_actions.values() for table in tables.values()]
        return any(name in table for table in tables for name in names)

    def for_call(self, call: Call) -> M:
        """Return what holds for the key and the action of a call."""
        if self._is_flat:
            return self.base
        key_id = call.principal.key_id if call.principal.key_id in self._tables.keys else ""
        return self.find(action_id=call.action.id, key_id=key_id)

    def find(self, *, action_id: str, key_id: str = "") -> M:
        """Return what holds for an action and a key."""
        found = self._found.get((action_id, key_id))
        if found is None:
            found = self._make(self._tables.merge(action_id, key_id))
            if len(self._found) < _MAX_REMEMBERED:
                self._found[action_id, key_id] = found
        return found

    def _make(self, values: Mapping[str, object]) -> M:
        return self._model.model_validate(values)


def load_model(declared: object, *, plugin: str) -> type[PluginOptions]:
    """Return the model that a plugin declares: the class, or where it is, as ``"package.module:Name"``.

    Raises:
        ConfigurationError: If there is no such model.
    """
    model = declared
    if isinstance(declared, str):
        module, _, name = declared.partition(":")
        try:
            model = getattr(import_module(module), name)
        except (ImportError, AttributeError, ValueError) as exc:
            raise ConfigurationError(
                f"Plugin {plugin!r}: its options {declared!r} cannot be loaded."
            ) from exc
    if not (isinstance(model, type) and issubclass(model, PluginOptions)):
        raise ConfigurationError(f"Plugin {plugin!r}: its options must be a subclass of PluginOptions.")
    return model
