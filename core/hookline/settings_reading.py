"""Reading settings: the TOML file, then variables, then what is checked besides types."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from hookline.errors import ConfigurationError
from hookline.settings_problems import SettingsOrigin

if TYPE_CHECKING:
    from hookline.settings_problems import Key

CONFIG_VARIABLE = "HOOKLINE_CONFIG"
NO_STATE = "none"
"""Value of ``state_dir`` for a gateway that keeps all in memory, until it ends."""

_SECRET_FILE = re.compile(r"HOOKLINE_(API_KEYS|DATABASE_URL|CONTENT_KEY|[A-Z][A-Z0-9_]*_API_KEY)_FILE")
_SYNTAX = re.compile(r"(?s)(.*) \(at line (\d+), column (\d+)\)")


@dataclass(frozen=True, kw_only=True, slots=True)
class ReadSettings:
    """What file and variables say, before it is checked.

    Attributes:
        values: By section and name, as in the file.
        origin: Where it was read.
    """

    values: dict[str, object]
    origin: SettingsOrigin


def read_settings(
    environ: Mapping[str, str], variables: Mapping[str, Key], *, lists: frozenset[Key]
) -> ReadSettings:
    """Return what the file named by ``HOOKLINE_CONFIG`` and the variables say.

    Args:
        environ: Environment variables, those with secrets from files included.
        variables: Key of the setting that each variable is for.
        lists: Keys whose variables hold several values with a comma between them.

    Raises:
        ConfigurationError: If the file cannot be read, or is not TOML; names file and line.
    """
    path = environ.get(CONFIG_VARIABLE)
    values, origin = read_file(Path(path)) if path else ({}, SettingsOrigin())
    found: dict[Key, str] = {}
    for variable, key in variables.items():
        text = environ.get(variable)
        if text is None or not text.strip():
            continue
        section = values
        for name in key[:-1]:
            section = section.setdefault(name, {})  # type: ignore[assignment]  # a section is a table
            if not isinstance(section, dict):
                raise ConfigurationError(f"{origin.place_of((name,))}: `{name}` must be a table.")
        section[key[-1]] = _split(text) if key in lists else text.strip()
        found[key] = variable
    return ReadSettings(values=values, origin=replace(origin, variables=found))


def read_file(path: Path) -> tuple[dict[str, object], SettingsOrigin]:
    """Return what a settings file says, and where.

    Raises:
        ConfigurationError: If it cannot be read, or is not TOML; names file and line.
    """
    try:
        text = path.read_bytes().decode("utf-8")
    except OSError as exc:
        raise ConfigurationError(
            f"{CONFIG_VARIABLE} names {path}, which cannot be read: {exc.strerror}."
        ) from exc
    except UnicodeDecodeError as exc:
        raise ConfigurationError(f"{path} is not valid TOML: {exc}.") from exc
    text = text.replace("\r\n", "\n")
    try:
        return tomllib.loads(text), SettingsOrigin(path=path, text=text)
    except tomllib.TOMLDecodeError as exc:
        found = _SYNTAX.fullmatch(str(exc))
        where = f"{path}:{found[2]}" if found else f"{path}"
        raise ConfigurationError(f"{where} is not valid TOML: {found[1] if found else exc}.") from exc
    except RecursionError as exc:
        raise ConfigurationError(f"{path} is not valid TOML: it is nested too deeply.") from exc


def with_secret_files(environ: Mapping[str, str]) -> Mapping[str, str]:
    """Return the variables with those in place that name a file with a secret: ``HOOKLINE_API_KEYS_FILE``.

    So it is with ``HOOKLINE_DATABASE_URL``, ``HOOKLINE_CONTENT_KEY`` and every
    ``HOOKLINE_<CONNECTOR>_API_KEY``: a secret in a file can be read by fewer than one in the environment.

    Raises:
        ConfigurationError: If a file cannot be read, or the variable is set as well.
    """
    names = [name for name in environ if _SECRET_FILE.fullmatch(name) and environ[name].strip()]
    if not names:
        return environ
    found = dict(environ)
    for name in names:
        variable = name.removesuffix("_FILE")
        if environ.get(variable, "").strip():
            raise ConfigurationError(f"Set {variable} or {name}, not both.")
        try:
            found[variable] = Path(environ[name].strip()).read_text("utf-8").strip()
        except (OSError, UnicodeDecodeError) as exc:
            reason = exc.strerror if isinstance(exc, OSError) else "it is not text"
            raise ConfigurationError(f"{name} names a file that cannot be read: {reason}.") from exc
    return found


def is_secret_file(variable: str) -> bool:
    """Tell whether a variable names a file with a secret."""
    return _SECRET_FILE.fullmatch(variable) is not None


def default_state_dir(environ: Mapping[str, str]) -> Path | None:
    """Return the folder for what is kept unless another is set; None where there is no home folder.

    Source: XDG Base Directory Specification, ``XDG_STATE_HOME``.
    """
    base, home = environ.get("XDG_STATE_HOME", ""), environ.get("HOME") or environ.get("USERPROFILE", "")
    if base.startswith("/"):
        return Path(base) / "hookline"
    return Path(home) / ".local" / "state" / "hookline" if home else None


def _split(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]
