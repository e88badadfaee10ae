"""Settings: defaults, then the TOML file named by ``HOOKLINE_CONFIG``, then the environment.

Configuration is data: nothing in it is run. Values of secrets show as ``**********``.
"""

from __future__ import annotations

import difflib
import os
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, IPvAnyNetwork, SecretStr, ValidationError

from hookline.errors import ConfigurationError

MEBIBYTE = 1024 * 1024


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class ServerSettings(_Section):
    """How the gateway listens."""

    host: str = Field("127.0.0.1", description="Address to listen on.")
    port: int = Field(8787, ge=0, le=65535, description="Port to listen on; 0 takes a free one.")
    workers: int = Field(1, ge=1, le=256, description="Processes that answer requests.")
    threads: int = Field(
        512, ge=1, le=4096, description="Calls and streams that one worker runs at the same time."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="Least severe log line shown."
    )
    trusted_proxies: tuple[IPvAnyNetwork, ...] = Field(
        (), description="Networks of proxies whose `X-Forwarded-For` is believed; of others it is not read."
    )
    allowed_hosts: tuple[str, ...] = Field(
        (), description="Host names that requests may be for; empty for any."
    )
    public_url: str | None = Field(
        None,
        pattern=r"^https?://[^\s/?#@]+(/[^\s?#]*)?$",
        description="Address at which callers reach the gateway; without it, links in answers are paths.",
    )


class LimitSettings(_Section):
    """Bounds on sizes and times."""

    max_body_bytes: int = Field(20 * MEBIBYTE, ge=1024, description="Largest request body, in bytes.")
    max_answer_bytes: int = Field(100 * MEBIBYTE, ge=1024, description="Largest upstream answer, in bytes.")
    max_event_bytes: int = Field(
        16 * MEBIBYTE, ge=1024, description="Largest event of an upstream stream, in bytes."
    )
    connect_timeout_s: float = Field(
        5.0, gt=0, le=600, description="Longest wait for a connection to the upstream."
    )
    read_timeout_s: float = Field(
        600.0, gt=0, le=86_400, description="Longest silence of the upstream while it answers."
    )
    timeout_s: float = Field(900.0, gt=0, le=86_400, description="Longest time one call may take.")
    max_hops: int = Field(
        3, ge=1, le=100, description="Gateways of this kind that a request may go through, this one included."
    )
    heartbeat_s: float = Field(
        5.0, gt=0, le=300, description="Silence on a stream after which the client is sent a comment."
    )


class PluginSettings(_Section):
    """Which plugins run. Members other than these are tables with the options of one plugin each."""

    model_config = ConfigDict(extra="allow", frozen=True, hide_input_in_errors=True)

    disabled: tuple[str, ...] = Field((), description="Names of plugins that are left out.")
    required: tuple[str, ...] = Field(
        (), description="Names of plugins without which the gateway must not start."
    )

    @property
    def options(self) -> dict[str, object]:
        """What is set for single plugins, by plugin name."""
        return dict(self.model_extra or {})


class ConnectionSettings(BaseModel):
    """One upstream account. Members other than these are options of the connector."""

    model_config = ConfigDict(extra="allow", frozen=True, hide_input_in_errors=True)

    connector: str | None = Field(None, description="Id of the connector; by default the connection's name.")
    base_url: str | None = Field(None, description="Where the service's API lives.")
    api_key: SecretStr | None = Field(None, description="Credential of the account.")
    credential_ref: str | None = Field(
        None, description="Where its credential is kept instead, such as `file:/run/secrets/openai`."
    )
    models: tuple[str, ...] = Field(
        ("*",), description="Patterns of the models that it is used for; a final `*` matches any rest."
    )
    priority: int = Field(0, ge=0, le=1000, description="Accounts with a lower number are used first.")
    weight: int = Field(
        1, ge=0, le=1000, description="Share of the calls among accounts of one priority; 0 only in need."
    )


class Settings(_Section):
    """Everything that can be set."""

    api_keys: tuple[SecretStr, ...] = Field((), description="Keys that callers may use.")
    sandbox: bool = Field(False, description="Send every call to the built-in simulated service.")
    transport: Literal["http1", "httpx"] = Field(
        "http1", description="What carries upstream requests: Hookline's own HTTP/1.1 client, or httpx."
    )
    state_dir: Path | None = Field(
        None, description="Folder for what is kept: keys, accounts, usage; `none` keeps it in memory."
    )
    database_url: SecretStr | None = Field(
        None, description="Database in place of the SQLite file in that folder: `postgresql://...`."
    )
    content_key: SecretStr | None = Field(
        None,
        description="Keys that seal kept replies and jobs, in place of the file `content.key`: base64 of 32 "
        "bytes, several with a comma between them. The first seals, all of them open.",
    )
    connectors_dir: Path | None = Field(
        None, description="Folder of connectors without Python: one manifest in YAML or JSON each."
    )
    server: ServerSettings = ServerSettings()
    limits: LimitSettings = LimitSettings()
    plugins: PluginSettings = PluginSettings()
    connections: dict[Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")], ConnectionSettings] = {}


# Environment variable -> path of the setting. A connector's own are read by `connections.look_up`.
ENVIRONMENT: dict[str, tuple[str, ...]] = {
    "HOOKLINE_API_KEYS": ("api_keys",),
    "HOOKLINE_SANDBOX": ("sandbox",),
    "HOOKLINE_STATE_DIR": ("state_dir",),
    "HOOKLINE_DATABASE_URL": ("database_url",),
    "HOOKLINE_CONTENT_KEY": ("content_key",),
    "HOOKLINE_TRANSPORT": ("transport",),
    "HOOKLINE_CONNECTORS_DIR": ("connectors_dir",),
    "HOOKLINE_HOST": ("server", "host"),
    "HOOKLINE_PORT": ("server", "port"),
    "HOOKLINE_WORKERS": ("server", "workers"),
    "HOOKLINE_THREADS": ("server", "threads"),
    "HOOKLINE_LOG_LEVEL": ("server", "log_level"),
    "HOOKLINE_TRUSTED_PROXIES": ("server", "trusted_proxies"),
    "HOOKLINE_ALLOWED_HOSTS": ("server", "allowed_hosts"),
    "HOOKLINE_PUBLIC_URL": ("server", "public_url"),
    "HOOKLINE_MAX_BODY_BYTES": ("limits", "max_body_bytes"),
    "HOOKLINE_MAX_ANSWER_BYTES": ("limits", "max_answer_bytes"),
    "HOOKLINE_MAX_EVENT_BYTES": ("limits", "max_event_bytes"),
    "HOOKLINE_CONNECT_TIMEOUT_S": ("limits", "connect_timeout_s"),
    "HOOKLINE_READ_TIMEOUT_S": ("limits", "read_timeout_s"),
    "HOOKLINE_TIMEOUT_S": ("limits", "timeout_s"),
    "HOOKLINE_HEARTBEAT_S": ("limits", "heartbeat_s"),
    "HOOKLINE_MAX_HOPS": ("limits", "max_hops"),
    "HOOKLINE_DISABLED_PLUGINS": ("plugins", "disabled"),
    "HOOKLINE_REQUIRED_PLUGINS": ("plugins", "required"),
}
CONFIG_VARIABLE = "HOOKLINE_CONFIG"
NO_STATE = "none"
"""Value of ``state_dir`` for a gateway that keeps all in memory, until it ends."""

_SECRET_FILE = re.compile(r"HOOKLINE_(API_KEYS|DATABASE_URL|CONTENT_KEY|[A-Z][A-Z0-9_]*_API_KEY)_FILE")
_LISTS = {
    ("api_keys",),
    ("plugins", "disabled"),
    ("plugins", "required"),
    ("server", "trusted_proxies"),
    ("server", "allowed_hosts"),
}


def load_settings(environ: Mapping[str, str] | None = None) -> Settings:
    """Return the settings from file and environment.

    Args:
        environ: Environment variables; those of the process by default.

    Raises:
        ConfigurationError: If the file cannot be read or a value is not valid; names file or
            variable and the setting.
    """
    environ = with_secret_files(os.environ if environ is None else environ)
    values: dict[str, object] = {}
    path = environ.get(CONFIG_VARIABLE)
    if path:
        values = _read_toml(Path(path))
    sources: dict[tuple[str, ...], str] = {}
    for variable, where in ENVIRONMENT.items():
        text = environ.get(variable)
        if text is None or not text.strip():
            continue
        section = values
        for name in where[:-1]:
            section = section.setdefault(name, {})  # type: ignore[assignment]  # a section is a table
            if not isinstance(section, dict):
                raise ConfigurationError(f"{path}: `{name}` must be a table.")
        section[where[-1]] = _split(text) if where in _LISTS else text.strip()
        sources[where] = variable
    if (folder := default_state_dir(environ)) is not None:
        values.setdefault("state_dir", str(folder))
    if values.get("state_dir") == NO_STATE:
        del values["state_dir"]
    try:
        settings = Settings.model_validate(values)
    except ValidationError as exc:
        raise ConfigurationError(_first_problem(exc, sources, path)) from None
    _check_keys(settings)
    return settings


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


def default_state_dir(environ: Mapping[str, str]) -> Path | None:
    """Return the folder for what is kept unless another is set; None where there is no home folder.

    Source: XDG Base Directory Specification, ``XDG_STATE_HOME``.
    """
    base, home = environ.get("XDG_STATE_HOME", ""), environ.get("HOME") or environ.get("USERPROFILE", "")
    if base.startswith("/"):
        return Path(base) / "hookline"
    return Path(home) / ".local" / "state" / "hookline" if home else None


def _read_toml(path: Path) -> dict[str, object]:
    try:
        with path.open("rb") as file:
            return tomllib.load(file)
    except OSError as exc:
        raise ConfigurationError(
            f"{CONFIG_VARIABLE} names {path}, which cannot be read: {exc.strerror}."
        ) from exc
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as exc:
        raise ConfigurationError(f"{path} is not valid TOML: {exc}.") from exc


def _split(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _first_problem(exc: ValidationError, sources: Mapping[tuple[str, ...], str], path: str | None) -> str:
    problem = exc.errors(include_input=False, include_url=False)[0]
    where = tuple(str(part) for part in problem["loc"])
    source = next(
        (variable for key, variable in sources.items() if where[: len(key)] == key), path or "settings"
    )
    message = f"{source}: `{'.'.join(where)}`: {problem['msg']}."
    if problem["type"] == "extra_forbidden":
        section: type[BaseModel] = Settings
        for name in where[:-1]:
            annotation = section.model_fields[name].annotation if name in section.model_fields else None
            if isinstance(annotation, type) and issubclass(annotation, BaseModel):
                section = annotation
        near = difflib.get_close_matches(where[-1], section.model_fields, n=1)
        message = f"{source}: there is no setting `{'.'.join(where)}`." + (
            f" Did you mean `{near[0]}`?" if near else ""
        )
    return message


def _check_keys(settings: Settings) -> None:
    if settings.content_key is not None:
        from hookline.store.key_store import keys_of

        keys_of(settings.content_key.get_secret_value(), "content_key")
    for position, key in enumerate(settings.api_keys, start=1):
        text = key.get_secret_value()
        if len(text) < 16:
            raise ConfigurationError(
                f"api_keys: key number {position} is shorter than 16 characters and could be guessed; "
                "`python -c 'import secrets; print(secrets.token_urlsafe(32))'` makes a good one."
            )
        if not all(0x21 <= ord(char) <= 0x7E for char in text):
            raise ConfigurationError(
                f"api_keys: key number {position} holds a space or a character that cannot stand in a header."
            )
