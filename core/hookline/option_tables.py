"""The tables with options of one plugin, as they stand in the file: which holds for whom, and what is wrong.

Later tables win over earlier ones: the plugin's own, those of an action's connector and of the action, that
of a key, and those of an action of a key. `hookline.options` shows them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, cast, get_args, get_origin

from pydantic import ValidationError

from hookline.settings_problems import SettingProblem, SettingsOrigin, make_problem, no_such_setting

if TYPE_CHECKING:
    from pydantic import BaseModel

    from hookline.action import JsonObject
    from hookline.settings_problems import Key

LAYERS = ("actions", "keys")
"""Members of a plugin's table that hold further tables."""

Table = Mapping[str, object]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Layer:
    """One table.

    Attributes:
        key: Where it stands.
        values: What is in it, without further tables.
    """

    key: Key
    values: Table


class OptionTables:
    """What is set for one plugin.

    Args:
        model: What can be set.
        values: What is set, as in the file.
        environ: Environment variables.
        name: Name of the plugin.

    Attributes:
        own: What holds for all.
        actions: Tables by pattern of actions.
        keys: Tables by id of a key.
        key_actions: Tables by pattern, by id of a key.
    """

    def __init__(
        self, model: type[BaseModel], values: Table, environ: Mapping[str, str], *, name: str
    ) -> None:
        self._model = model
        self._key: Key = ("plugins", name)
        self._shapes: list[tuple[Key, str]] = []
        self._variables = environment_names(model, name=name)
        self._set_by = {
            field: variable
            for variable, field in self._variables.items()
            if environ.get(variable, "").strip()
        }
        self.own = {key: value for key, value in values.items() if key not in LAYERS}
        self.own.update(_from_environment(model, environ, self._variables))
        self.actions = self._tables(values.get("actions", {}), "actions")
        keys = self._tables(values.get("keys", {}), "keys")
        self.keys = {id: _without(table, "actions") for id, table in keys.items()}
        self.key_actions = {
            id: self._tables(table.get("actions", {}), "keys", id, "actions") for id, table in keys.items()
        }

    @property
    def patterns(self) -> dict[str, Key]:
        """The actions that tables are for, each with where such a table stands."""
        found = {pattern: (*self._key, "actions", pattern) for pattern in self.actions}
        for id, tables in self.key_actions.items():
            found |= {pattern: (*self._key, "keys", id, "actions", pattern) for pattern in tables}
        return found

    def merge(self, action_id: str, key_id: str) -> JsonObject:
        """Return what holds for an action and a key; both may be empty."""
        values: JsonObject = {}
        for layer in self._layers(action_id, key_id):
            values.update(layer.values)
        return values

    def problems(self, origin: SettingsOrigin) -> list[SettingProblem]:
        """Return all that is wrong, each once, in the table where it stands.

        Args:
            origin: Where the settings were read.
        """
        variables = {(*self._key, field): variable for field, variable in self._set_by.items()}
        origin = replace(origin, variables={**origin.variables, **variables})
        found = [make_problem(origin, key, message) for key, message in self._shapes]
        seen: set[tuple[Key, str]] = set()
        for id in ("", *self.keys):
            for pattern in ("", *self.actions, *self.key_actions.get(id, {})):
                for key, text, message in self._judge(pattern, id):
                    if (key, text) not in seen:
                        seen.add((key, text))
                        found.append(make_problem(origin, key, message))
        return found

    def _judge(self, pattern: str, id: str) -> Iterator[tuple[Key, str, str]]:
        """Yield key, reason and whole message of everything that is wrong with what holds for somebody."""
        try:
            self._model.model_validate(self.merge(pattern, id))
        except ValidationError as exc:
            table = self._key + (("keys", id) if id else ()) + (("actions", pattern) if pattern else ())
            where = dotted(table)
            for problem in exc.errors(include_input=False, include_url=False):
                path = tuple(str(part) for part in problem["loc"])
                key = self._key_of(path, pattern, id) or table
                if problem["type"] == "extra_forbidden":
                    text = no_such_setting(path, self._model.model_fields)
                else:
                    reason = problem["msg"].removeprefix("Value error, ").rstrip(".")
                    text = f"`{'.'.join(path)}`: {reason}." if path else f"{reason}."
                yield key, text, f"{where}: {text}"

    def _key_of(self, path: Key, pattern: str, id: str) -> Key | None:
        """Return where the value stands that holds for somebody."""
        for layer in reversed(list(self._layers(pattern, id))):
            if path and path[0] in layer.values:
                return (*layer.key, *path)
        return None

    def _layers(self, action_id: str, key_id: str) -> Iterator[_Layer]:
        patterns = dict.fromkeys((f"{action_id.partition('.')[0]}.*", action_id))
        yield _Layer(key=self._key, values=self.own)
        for pattern in patterns:
            yield _Layer(key=(*self._key, "actions", pattern), values=self.actions.get(pattern, {}))
        key = (*self._key, "keys", key_id)
        yield _Layer(key=key, values=self.keys.get(key_id, {}))
        for pattern in patterns:
            tables = self.key_actions.get(key_id, {})
            yield _Layer(key=(*key, "actions", pattern), values=tables.get(pattern, {}))

    def _tables(self, value: object, *key: str) -> dict[str, Table]:
        if isinstance(value, Mapping) and all(isinstance(table, Mapping) for table in value.values()):
            return {str(name): dict(cast("Table", table)) for name, table in value.items()}
        path = (*self._key, *key)
        self._shapes.append((path, f"`{dotted(path)}` must hold tables."))
        return {}


def dotted(key: Key) -> str:
    """Return a key as it can be written in a file."""
    return ".".join(part if part.replace("_", "").replace("-", "").isalnum() else f'"{part}"' for part in key)


def environment_names(model: type[BaseModel], *, name: str) -> dict[str, str]:
    """Return the environment variable of every option that one can hold: single values and lists of text."""
    return {
        f"HOOKLINE_{name.upper()}_{field.upper()}": field
        for field, info in model.model_fields.items()
        if get_origin(info.annotation) is not dict
    }


def _from_environment(
    model: type[BaseModel], environ: Mapping[str, str], variables: Mapping[str, str]
) -> JsonObject:
    values: JsonObject = {}
    for variable, field in variables.items():
        text = environ.get(variable, "").strip()
        if text:
            annotation = model.model_fields[field].annotation
            kinds = [get_origin(kind) for kind in (annotation, *get_args(annotation))]
            is_list = any(kind in (list, tuple, frozenset) for kind in kinds)
            values[field] = [part.strip() for part in text.split(",") if part.strip()] if is_list else text
    return values


def _without(table: Table, name: str) -> dict[str, object]:
    return {key: value for key, value in table.items() if key != name}
