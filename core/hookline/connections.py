"""Which upstream account a connector's calls use, worked out from settings and environment."""

from __future__ import annotations

import difflib
import logging
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import ValidationError

from hookline.connection import Connection, check_base_url
from hookline.errors import ConfigurationError
from hookline.settings import CONFIG_VARIABLE, ENVIRONMENT
from hookline.settings_problems import SettingProblem, located, make_problem
from hookline.settings_reading import is_secret_file

if TYPE_CHECKING:
    from hookline.action import JsonObject
    from hookline.connector import Connector
    from hookline.settings import ConnectionSettings, Settings

_log = logging.getLogger("hookline.connections")

SANDBOX_BASE_URL = "http://sandbox.invalid/v1"
"""Where calls go when the sandbox is on; a name that cannot resolve, so that nothing ever leaves."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ConfiguredConnection:
    """An upstream account of the settings, and when it is used.

    Attributes:
        connection: The account.
        models: Patterns of the models that it is used for.
        priority: Accounts with a lower number are used first.
        weight: Share of the calls among accounts of one priority; 0 only in need.
        is_default: Whether the connector's own variables, such as ``HOOKLINE_OPENAI_API_KEY``, are for it.
    """

    connection: Connection
    models: tuple[str, ...] = ("*",)
    priority: int = 0
    weight: int = 1
    is_default: bool = True


def build_connections(
    connectors: Mapping[str, Connector],
    settings: Settings,
    environ: Mapping[str, str],
    *,
    absent: Collection[str] = (),
) -> tuple[ConfiguredConnection, ...]:
    """Return the accounts of the settings: at least one for every connector, the default one first.

    The default is the account that has the connector's own name, or the only one, or the first.

    Args:
        connectors: The connectors, by id.
        settings: What is set.
        environ: Environment variables.
        absent: Ids that tables may name although there is no connector now: manifests that cannot be read.

    Raises:
        ConfigurationError: If a base URL or an option is not valid, or a table names no connector.
    """
    found = []
    for id, sections in _sections_by_connector(connectors, settings, absent).items():
        for position, (name, section) in enumerate(sections):
            is_default = position == 0
            connection = _build(connectors[id], name, section, settings, environ, is_default=is_default)
            found.append(
                ConfiguredConnection(
                    connection=connection,
                    models=section.models if section else ("*",),
                    priority=section.priority if section else 0,
                    weight=section.weight if section else 1,
                    is_default=is_default,
                )
            )
    return tuple(found)


def first_of_each(connections: Iterable[ConfiguredConnection]) -> dict[str, Connection]:
    """Return the default account of each connector, by connector id."""
    return {one.connection.connector: one.connection for one in connections if one.is_default}


def look_up(
    connector: Connector, setting: str, from_file: str | None, environ: Mapping[str, str]
) -> tuple[str | None, str]:
    """Return a setting of a connector's account and where it was found.

    For a connector ``acme`` the first hit wins: ``HOOKLINE_ACME_<SETTING>``, the file's table
    ``[connections.acme]``, and the variable that the connector itself names.

    Args:
        connector: Whose account it is.
        setting: ``base_url`` or ``api_key``.
        from_file: What the file says.
        environ: Environment variables.
    """
    variable = f"HOOKLINE_{connector.id.upper()}_{setting.upper()}"
    own = environ.get(variable, "").strip()
    if own:
        return own, variable
    if from_file:
        return from_file, f"connections.{connector.id}.{setting}"
    fallback = connector.environment.get(setting, "")
    return environ.get(fallback, "").strip() or None, fallback


def warn_of_unknown_variables(
    environ: Mapping[str, str], connectors: Iterable[Connector], *, known: Iterable[str] = ()
) -> None:
    """Log a warning for every variable that looks like one of ours, misspelt.

    Args:
        environ: Environment variables.
        connectors: Connectors, whose accounts have variables.
        known: Further variables that mean something.
    """
    connectors = list(connectors)
    known = _known_variables(connectors, known)
    for variable in unknown_variables(environ, connectors, known=known):
        near = nearest_variable(variable, known, connectors)
        if near is not None:
            _log.warning("%s is set but is no setting; did you mean %s?", variable, near)


def nearest_variable(
    variable: str, known: Iterable[str], connectors: Iterable[Connector] = (), *, cutoff: float = 0.85
) -> str | None:
    """Return the variable that a misspelt one was meant to be, if one is near.

    One that begins like those of a connector is compared with those only. Underscores do not count.

    Args:
        variable: Name of a variable that means nothing.
        known: Names that mean something.
        connectors: Connectors, whose accounts have variables.
        cutoff: How much they must have in common, from 0 to 1.
    """
    beginnings = [f"HOOKLINE_{connector.id.upper()}_" for connector in connectors]
    own = max((one for one in beginnings if variable.startswith(one)), key=len, default=None)
    names = {
        name.removeprefix(own or "").replace("_", ""): name
        for name in sorted(_known_variables(connectors, known))
        if own is None or name.startswith(own)
    }
    near = difflib.get_close_matches(
        variable.removeprefix(own or "").replace("_", ""), names, n=1, cutoff=0.6 if own else cutoff
    )
    return names[near[0]] if near else None


def unknown_variables(
    environ: Mapping[str, str], connectors: Iterable[Connector], *, known: Iterable[str] = ()
) -> list[str]:
    """Return the variables that begin like ours and mean nothing.

    Args:
        environ: Environment variables.
        connectors: Connectors, whose accounts have variables.
        known: Further variables that mean something.
    """
    known = _known_variables(connectors, known)
    files = {f"{variable}_FILE" for variable in known}
    return [
        variable
        for variable in environ
        if variable.startswith("HOOKLINE_")
        and variable not in known
        and not (variable in files and is_secret_file(variable))
    ]


def _known_variables(connectors: Iterable[Connector], known: Iterable[str]) -> set[str]:
    found = {*ENVIRONMENT, CONFIG_VARIABLE, *known}
    for connector in connectors:
        options = connector.options.model_fields if connector.options else {}
        names = ("api_key", "base_url", *options)
        found.update(f"HOOKLINE_{connector.id.upper()}_{name.upper()}" for name in names)
    return found


def find_connection_problems(
    connectors: Mapping[str, Connector], settings: Settings, environ: Mapping[str, str]
) -> list[SettingProblem]:
    """Return all that is wrong with the accounts of the settings.

    Args:
        connectors: Connectors by id.
        settings: What is set.
        environ: Environment variables.
    """
    found = []
    for name, section in settings.connections.items():
        key: tuple[str, ...] = ("connections", name)
        connector = connectors.get(section.connector or name)
        if connector is None:
            key = (*key, "connector") if section.connector else key
            message = _no_connector(name, section.connector or name, connectors)
            found.append(make_problem(settings.origin, key, message))
            continue
        if section.api_key is not None and section.credential_ref is not None:
            message = f"connections.{name}: set `api_key` or `credential_ref`, not both."
            found.append(make_problem(settings.origin, (*key, "credential_ref"), message))
        for option, message in _option_problems(connector, dict(section.model_extra or {})):
            found.append(make_problem(settings.origin, (*key, *option), message))
        if section.base_url:
            try:
                check_base_url(section.base_url, setting=f"connections.{name}.base_url")
            except ConfigurationError as exc:
                found.append(make_problem(settings.origin, (*key, "base_url"), exc.message))
    for connector in connectors.values():
        variable = f"HOOKLINE_{connector.id.upper()}_BASE_URL"
        if text := environ.get(variable, "").strip():
            try:
                check_base_url(text, setting="base_url")
            except ConfigurationError as exc:
                found.append(SettingProblem(key=(), message=exc.message, place=variable))
    return found


def _no_connector(name: str, id: str, connectors: Iterable[str]) -> str:
    near = difflib.get_close_matches(id, list(connectors), n=1)
    known = ", ".join(sorted(connectors)) or "none"
    meant = f" Did you mean {near[0]!r}?" if near else ""
    return f"connections.{name}: there is no connector {id!r}; known: {known}.{meant}"


def _option_problems(connector: Connector, values: JsonObject) -> list[tuple[tuple[str, ...], str]]:
    """Return what is wrong with options of a connector, each with the path of the option."""
    if connector.options is None:
        return [
            ((name,), f"connections: connector {connector.id!r} has no option {name!r}.")
            for name in sorted(values)
        ]
    try:
        connector.options.model_validate(values)
    except ValidationError as exc:
        found = []
        for problem in exc.errors(include_input=False, include_url=False):
            path = tuple(str(part) for part in problem["loc"])
            text = f"connections: option `{'.'.join(path)}` of {connector.id!r}: {problem['msg']}."
            if problem["type"] == "extra_forbidden":
                near = difflib.get_close_matches(path[-1], connector.options.model_fields, n=1)
                text = f"connections: connector {connector.id!r} has no option {path[-1]!r}."
                text += f" Did you mean `{near[0]}`?" if near else ""
            found.append((path, text))
        return found
    return []


def _sections_by_connector(
    connectors: Mapping[str, Connector], settings: Settings, absent: Collection[str]
) -> dict[str, list[tuple[str, ConnectionSettings | None]]]:
    sections: dict[str, list[tuple[str, ConnectionSettings | None]]] = {id: [] for id in connectors}
    for name, section in settings.connections.items():
        id = section.connector or name
        if id in absent and id not in connectors:
            continue
        if id not in connectors:
            key = ("connections", name, "connector") if section.connector else ("connections", name)
            raise ConfigurationError(located(settings.origin, key, _no_connector(name, id, connectors)))
        if section.api_key is not None and section.credential_ref is not None:
            message = f"connections.{name}: set `api_key` or `credential_ref`, not both."
            raise ConfigurationError(located(settings.origin, ("connections", name), message))
        sections[id].append((name, section))
    for id, found in sections.items():
        found.sort(key=lambda item: item[0] != id)  # the one of the connector's own name comes first
        if not found:
            found.append((id, None))
    return sections


def _build(
    connector: Connector,
    name: str,
    section: ConnectionSettings | None,
    settings: Settings,
    environ: Mapping[str, str],
    *,
    is_default: bool,
) -> Connection:
    values = dict(section.model_extra or {}) if section else {}
    options = _options(connector, name, values, environ if is_default else {}, settings)
    ref = section.credential_ref if section else None
    if settings.sandbox:
        base_url = SANDBOX_BASE_URL
    else:
        given = section.base_url if section else None
        if is_default:
            found, setting = look_up(connector, "base_url", given, environ)
        else:
            found, setting = given, f"connections.{name}.base_url"
        base_url = check_base_url(found, setting=setting) if found else connector.base_url
    return Connection(
        name=name,
        connector=connector.id,
        base_url=base_url,
        options=options,
        credential_ref=ref,
        needs_credential=ref is not None and not settings.sandbox,
    )


def _options(
    connector: Connector, name: str, values: JsonObject, environ: Mapping[str, str], settings: Settings
) -> Mapping[str, object]:
    names = connector.options.model_fields if connector.options else {}
    for option in names:
        if text := environ.get(f"HOOKLINE_{connector.id.upper()}_{option.upper()}", "").strip():
            values[option] = text
    problems = _option_problems(connector, values)
    if problems:
        path, message = problems[0]
        raise ConfigurationError(located(settings.origin, ("connections", name, *path), message))
    return connector.options.model_validate(values).model_dump() if connector.options else {}
