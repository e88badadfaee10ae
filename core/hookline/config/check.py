"""All that is wrong with settings, at once: of the gateway, of plugins, of connections, of variables."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from hookline.config.surroundings import Surroundings, look_around
from hookline.connections import find_connection_problems, nearest_variable, unknown_variables
from hookline.errors import ConfigurationError
from hookline.option_tables import OptionTables
from hookline.settings import CONFIG_VARIABLE, ENVIRONMENT, LISTS, validate
from hookline.settings_problems import SettingProblem, in_order, make_problem
from hookline.settings_reading import ReadSettings, read_settings, with_secret_files

if TYPE_CHECKING:
    from hookline.plugins import PluginHost
    from hookline.settings import Settings
    from hookline.settings_problems import SettingsOrigin


@dataclass(frozen=True, kw_only=True, slots=True)
class ConfigReport:
    """What a check found.

    Attributes:
        file: The file that was read; None without one.
        problems: What is wrong, in the order of the file, then that of variables.
        settings: What is set; None if it cannot be told.
    """

    file: Path | None
    problems: list[SettingProblem]
    settings: Settings | None = None

    @property
    def is_sound(self) -> bool:
        """Whether a gateway would start with these settings."""
        return all(problem.is_warning for problem in self.problems)


def check_settings(
    environ: Mapping[str, str], *, make_host: Callable[[Settings], PluginHost] | None = None
) -> ConfigReport:
    """Return all that is wrong with file and variables.

    Args:
        environ: Environment variables; ``HOOKLINE_CONFIG`` names the file.
        make_host: Returns the plugins; those that are installed by default.
    """
    path = environ.get(CONFIG_VARIABLE)
    file = Path(path) if path else None
    try:
        environ = with_secret_files(environ)
        read = read_settings(environ, ENVIRONMENT, lists=LISTS)
    except ConfigurationError as exc:
        return ConfigReport(file=file, problems=[_unreadable(exc, file)])
    settings, problems = validate(read, environ)
    is_whole = settings is not None
    if settings is None:  # the rest can be judged by what is sound in any case
        settings, more = _sound_part(read, environ)
        problems += more
    origin = read.origin
    if settings is not None:
        settings._origin = origin
        around = look_around(settings, make_host=make_host)
        problems += _plugin_problems(around, settings, environ, origin)
        problems += find_connection_problems(around.catalog.connectors, settings, environ)
        problems += _variable_problems(around, environ)
    return ConfigReport(
        file=file, problems=in_order(problems), settings=settings if is_whole and settings else None
    )


def _unreadable(exc: ConfigurationError, file: Path | None) -> SettingProblem:
    place, _, message = exc.message.partition(" is not valid TOML: ")
    line = place.rpartition(":")[2]
    if file is None or not message or not line.isdecimal():
        return SettingProblem(
            key=(), message=exc.message, place=str(file or "settings"), file=str(file) if file else None
        )
    return SettingProblem(
        key=(), message=f"this is not TOML: {message}", place=place, file=str(file), line=int(line)
    )


def _sound_part(
    read: ReadSettings, environ: Mapping[str, str]
) -> tuple[Settings | None, list[SettingProblem]]:
    """Return the settings of those sections that are sound by themselves, and what is wrong with them."""
    kept = {
        name: value
        for name, value in read.values.items()
        if validate(replace(read, values={name: value}), environ)[0] is not None
    }
    return validate(replace(read, values=kept), environ)


def _plugin_problems(
    around: Surroundings, settings: Settings, environ: Mapping[str, str], origin: SettingsOrigin
) -> list[SettingProblem]:
    host, found = around.host, []
    for key, message in around.problems:
        found.append(make_problem(origin, key, message))
    for name, table in settings.plugins.options.items():
        key = ("plugins", name)
        model = around.models.get(name)
        if model is not None and isinstance(table, dict):
            tables = OptionTables(model, table, environ, name=name)
            found += tables.problems(origin)
            for pattern, place in tables.patterns.items():
                unknown = around.unknown_action(pattern)
                if unknown is not None:
                    found.append(make_problem(origin, place, unknown))
        elif not isinstance(table, dict):
            found.append(make_problem(origin, key, f"`plugins.{name}` must be a table."))
        elif name not in host.plugins or host.plugins[name].status == "active":
            found.append(make_problem(origin, key, around.no_options(name)))
        else:
            status = host.plugins[name].status
            found.append(
                make_problem(
                    origin,
                    key,
                    f"plugins.{name}: this plugin is {status}; its table does nothing.",
                    is_warning=True,
                )
            )
    for name in around.models.keys() - settings.plugins.options.keys():
        found += OptionTables(around.models[name], {}, environ, name=name).problems(origin)
    return found


def _variable_problems(around: Surroundings, environ: Mapping[str, str]) -> list[SettingProblem]:
    found = []
    known = around.variables
    for variable in unknown_variables(environ, around.catalog.connectors.values(), known=known):
        near = nearest_variable(variable, known, around.catalog.connectors.values(), cutoff=0.75)
        found.append(
            SettingProblem(
                key=(),
                message=f"{variable} is set but is no setting." + (f" Did you mean {near}?" if near else ""),
                place=variable,
                is_warning=True,
            )
        )
    return found
