"""What holds, and where it comes from: each setting with its value, secrets masked, and its place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pydantic import BaseModel, ValidationError

from hookline.config.masking import MASK, masked
from hookline.connections import build_connections, look_up
from hookline.option_tables import OptionTables, dotted, environment_names
from hookline.secret_names import is_secret_name

if TYPE_CHECKING:
    from hookline.config.surroundings import Surroundings
    from hookline.settings import Settings
    from hookline.settings_problems import Key, SettingsOrigin


@dataclass(frozen=True, slots=True)
class _Layer:
    """A table of options below a plugin's own, and where it stands."""

    key: Key
    values: Mapping[str, object]


@dataclass(frozen=True, kw_only=True, slots=True)
class ShownSetting:
    """One setting.

    Attributes:
        key: Its path, as in the file.
        value: As JSON; a secret is masked.
        source: ``default``, file and line, or a variable.
    """

    key: str
    value: object
    source: str


def show_settings(settings: Settings, around: Surroundings, environ: Mapping[str, str]) -> list[ShownSetting]:
    """Return every setting that holds: those of the gateway, of plugins, and of connections.

    Args:
        settings: What is set.
        around: The plugins and connectors that can be set.
        environ: Environment variables.
    """
    origin = settings.origin
    found = list(_of_model(settings, (), origin))
    for name, model in around.models.items():
        table = settings.plugins.options.get(name, {})
        found += _of_plugin(model, table if isinstance(table, dict) else {}, environ, origin, name)
    return found + list(_of_connections(settings, around, environ))


def plugin_settings(
    name: str, settings: Settings, around: Surroundings, environ: Mapping[str, str]
) -> list[ShownSetting]:
    """Return every setting of one plugin."""
    model = around.models.get(name)
    if model is None:
        return []
    table = settings.plugins.options.get(name, {})
    return list(_of_plugin(model, table if isinstance(table, dict) else {}, environ, settings.origin, name))


def _of_model(
    model: BaseModel, path: Key, origin: SettingsOrigin, *, is_secret: bool = False
) -> Iterator[ShownSetting]:
    for name in type(model).model_fields:
        value, key = getattr(model, name), (*path, name)
        if isinstance(value, BaseModel):
            yield from _of_model(value, key, origin, is_secret=is_secret or is_secret_name(name))
        elif key != ("connections",):
            shown = masked(name, value, is_secret=is_secret)
            yield ShownSetting(key=dotted(key), value=shown, source=_source(origin, key))


def _of_plugin(
    model: type[BaseModel],
    table: Mapping[str, object],
    environ: Mapping[str, str],
    origin: SettingsOrigin,
    name: str,
) -> Iterator[ShownSetting]:
    tables = OptionTables(model, table, environ, name=name)
    key: Key = ("plugins", name)
    set_by: dict[Key, str] = {
        (*key, field): variable
        for variable, field in environment_names(model, name=name).items()
        if environ.get(variable, "").strip()
    }
    origin = replace(origin, variables={**origin.variables, **set_by})
    yield from _of_model(model.model_validate(tables.own), key, origin)
    for layer, pattern, id in _layers(tables, key):
        yield from _of_layer(model, tables.merge(pattern, id), layer, origin)


def _layers(tables: OptionTables, key: Key) -> Iterator[tuple[_Layer, str, str]]:
    """Yield every further table, with the action and the key for which it wins over all others."""
    for pattern, values in tables.actions.items():
        yield _Layer((*key, "actions", pattern), values), pattern, ""
    for id, values in tables.keys.items():
        yield _Layer((*key, "keys", id), values), "", id
        for pattern, inner in tables.key_actions[id].items():
            yield _Layer((*key, "keys", id, "actions", pattern), inner), pattern, id


def _of_layer(
    model: type[BaseModel], merged: Mapping[str, object], layer: _Layer, origin: SettingsOrigin
) -> Iterator[ShownSetting]:
    """Yield what one table sets, read by the model: only the model knows which values are secret."""
    try:
        known: BaseModel | None = model.model_validate(merged)
    except ValidationError:
        known = None
    for field in layer.values:
        place = (*layer.key, field)
        is_known = known is not None and field in model.model_fields
        value = masked(field, getattr(known, field)) if is_known else MASK
        yield ShownSetting(key=dotted(place), value=value, source=_source(origin, place))


def _of_connections(
    settings: Settings, around: Surroundings, environ: Mapping[str, str]
) -> Iterator[ShownSetting]:
    connectors = around.catalog.connectors
    for one in build_connections(connectors, settings, environ):
        connection, name = one.connection, one.connection.name
        connector, section = connectors[connection.connector], settings.connections.get(name)
        key = ("connections", name)
        in_file = section.base_url if section else None
        url, found_at = look_up(connector, "base_url", in_file, environ) if one.is_default else (in_file, "")
        url_source = _found_at(settings, (*key, "base_url"), found_at) if url else "default"
        if settings.sandbox:
            url_source = "sandbox"
        values: dict[str, tuple[object, str]] = {
            "connector": (connection.connector, _source(settings.origin, (*key, "connector"))),
            "base_url": (connection.base_url, url_source),
        }
        if connector.credential is not None and not settings.sandbox:
            from_file = section.api_key.get_secret_value() if section and section.api_key else None
            given, found_at = (
                look_up(connector, "api_key", from_file, environ)
                if one.is_default
                else (from_file, f"connections.{name}.api_key")
            )
            values["api_key"] = (
                MASK if given else None,
                _found_at(settings, (*key, "api_key"), found_at) if given else "default",
            )
        for member in ("credential_ref", "models", "priority", "weight"):
            if section is not None and member in section.model_fields_set:
                values[member] = (getattr(section, member), _source(settings.origin, (*key, member)))
        for option, value in connection.options.items():
            variable = f"HOOKLINE_{connector.id.upper()}_{option.upper()}"
            is_set = one.is_default and environ.get(variable, "").strip()
            values[option] = (value, variable if is_set else _source(settings.origin, (*key, option)))
        for member, (value, source) in values.items():
            yield ShownSetting(key=dotted((*key, member)), value=masked(member, value), source=source)


def _found_at(settings: Settings, key: Key, place: str) -> str:
    """Return where a setting of a connector's account was found, which may be its own variable."""
    return _source(settings.origin, key) if place.startswith("connections.") or not place else place


def _source(origin: SettingsOrigin, key: Key) -> str:
    variable = origin.variable_of(key)
    if variable is not None:
        return variable
    line = origin.places.get(key)
    return f"{origin.path}:{line}" if origin.path is not None and line is not None else "default"
