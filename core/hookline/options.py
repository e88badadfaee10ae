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

import difflib
from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Generic, TypeVar, cast, get_args, get_origin

from pydantic import BaseModel, ConfigDict, ValidationError

from hookline.errors import ConfigurationError

if TYPE_CHECKING:
    from hookline.action import JsonObject
    from hookline.call import Call

_MAX_REMEMBERED = 10_000
_LAYERS = ("actions", "keys")


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

    Attributes:
        name: Name of the plugin.
        base: What holds where neither key nor action say otherwise.

    Raises:
        ConfigurationError: If a value of any table is not valid; names the table and the setting.
    """

    def __init__(
        self, model: type[M], values: Mapping[str, object], environ: Mapping[str, str], *, name: str
    ) -> None:
        self._model = model
        self.name = name
        own = {key: value for key, value in values.items() if key not in _LAYERS}
        own.update(_from_environment(model, environ, name=name))
        self._own = own
        where = f"plugins.{name}"
        self._actions = _tables(values.get("actions", {}), f"{where}.actions")
        keys = _tables(values.get("keys", {}), f"{where}.keys")
        self._keys = {id: _without(table, "actions") for id, table in keys.items()}
        self._key_actions = {
            id: _tables(table.get("actions", {}), f"{where}.keys.{id}.actions") for id, table in keys.items()
        }
        self.base = self._make(own, where)
        for id in ("", *self._keys):
            for pattern in ("", *self._actions, *self._key_actions.get(id, {})):
                at = where + (f".keys.{id}" if id else "") + (f'.actions."{pattern}"' if pattern else "")
                self._make(self._merge(pattern, id), at)
        self._is_flat = not self._actions and not self._keys
        self._found: dict[tuple[str, str], M] = {}

    @property
    def patterns(self) -> dict[str, str]:
        """The actions that tables are for, each with the name of its table."""
        where = f"plugins.{self.name}"
        found = {pattern: f'{where}.actions."{pattern}"' for pattern in self._actions}
        for id, tables in self._key_actions.items():
            found |= {pattern: f'{where}.keys.{id}.actions."{pattern}"' for pattern in tables}
        return found

    @property
    def key_ids(self) -> frozenset[str]:
        """The keys that tables are for."""
        return frozenset(self._keys)

    def is_set(self, *names: str) -> bool:
        """Tell whether one of the options is set for anybody, be it for one key or action only."""
        tables = [self._own, *self._actions.values(), *self._keys.values()]
        tables += [table for tables in self._key_actions.values() for table in tables.values()]
        return any(name in table for table in tables for name in names)

    def for_call(self, call: Call) -> M:
        """Return what holds for the key and the action of a call."""
        if self._is_flat:
            return self.base
        key_id = call.principal.key_id if call.principal.key_id in self._keys else ""
        return self.find(action_id=call.action.id, key_id=key_id)

    def find(self, *, action_id: str, key_id: str = "") -> M:
        """Return what holds for an action and a key."""
        found = self._found.get((action_id, key_id))
        if found is None:
            found = self._make(self._merge(action_id, key_id), f"plugins.{self.name} for {action_id}")
            if len(self._found) < _MAX_REMEMBERED:
                self._found[action_id, key_id] = found
        return found

    def _merge(self, action_id: str, key_id: str) -> JsonObject:
        patterns = (f"{action_id.partition('.')[0]}.*", action_id)
        tables = [self._actions.get(pattern, {}) for pattern in patterns]
        tables.append(self._keys.get(key_id, {}))
        tables += [self._key_actions.get(key_id, {}).get(pattern, {}) for pattern in patterns]
        values = dict(self._own)
        for table in tables:
            values.update(table)
        return values

    def _make(self, values: Mapping[str, object], where: str) -> M:
        try:
            return self._model.model_validate(values)
        except ValidationError as exc:
            raise ConfigurationError(_first_problem(exc, self._model, where)) from None


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


def environment_names(model: type[PluginOptions], *, name: str) -> dict[str, str]:
    """Return the environment variable of every option that one can hold: single values and lists of text."""
    return {
        f"HOOKLINE_{name.upper()}_{field.upper()}": field
        for field, info in model.model_fields.items()
        if get_origin(info.annotation) is not dict
    }


def _from_environment(model: type[PluginOptions], environ: Mapping[str, str], *, name: str) -> JsonObject:
    values: JsonObject = {}
    for variable, field in environment_names(model, name=name).items():
        text = environ.get(variable, "").strip()
        if text:
            annotation = model.model_fields[field].annotation
            kinds = [get_origin(kind) for kind in (annotation, *get_args(annotation))]
            is_list = any(kind in (list, tuple, frozenset) for kind in kinds)
            values[field] = [part.strip() for part in text.split(",") if part.strip()] if is_list else text
    return values


def _tables(value: object, where: str) -> dict[str, dict[str, object]]:
    if not isinstance(value, Mapping) or not all(isinstance(table, Mapping) for table in value.values()):
        raise ConfigurationError(f"`{where}` must hold tables.")
    return {str(name): dict(cast("Mapping[str, object]", table)) for name, table in value.items()}


def _without(table: Mapping[str, object], name: str) -> dict[str, object]:
    return {key: value for key, value in table.items() if key != name}


def _first_problem(exc: ValidationError, model: type[PluginOptions], where: str) -> str:
    problem = exc.errors(include_input=False, include_url=False)[0]
    path = ".".join(str(part) for part in problem["loc"])
    if problem["type"] == "extra_forbidden":
        near = difflib.get_close_matches(path, model.model_fields, n=1)
        return f"{where}: there is no setting `{path}`." + (f" Did you mean `{near[0]}`?" if near else "")
    message = problem["msg"].removeprefix("Value error, ").rstrip(".")
    return f"{where}: `{path}`: {message}." if path else f"{where}: {message}."
