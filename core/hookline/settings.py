"""Settings: defaults, then the TOML file named by ``HOOKLINE_CONFIG``, then the environment.

Configuration is data: nothing in it is run. Values of secrets show as ``**********``.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    IPvAnyNetwork,
    PrivateAttr,
    SecretStr,
    ValidationError,
)

from hookline.errors import ConfigurationError
from hookline.settings_problems import SettingProblem, SettingsOrigin, make_problem, problems_of
from hookline.settings_reading import (
    CONFIG_VARIABLE,
    NO_STATE,
    ReadSettings,
    default_state_dir,
    read_settings,
    with_secret_files,
)

__all__ = ["CONFIG_VARIABLE", "NO_STATE", "default_state_dir", "with_secret_files"]

MEBIBYTE = 1024 * 1024


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class ServerSettings(_Section):
    """How the gateway listens."""

    host: str = Field("127.0.0.1", description="Address to listen on.")
    port: int = Field(8787, ge=0, le=65535, description="Port to listen on; 0 takes a free one.")
    workers: int = Field(1, ge=1, le=256, description="Processes that answer requests.")
    threads: int = Field(
        1024, ge=1, le=4096, description="Calls and streams that one worker runs at the same time."
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
    files: tuple[Path, ...] = Field(
        (), description="Plugins that are one Python file each, used without being installed."
    )
    order: tuple[str, ...] | dict[str, tuple[str, ...]] = Field(
        (),
        description="Names of plugins that run before others of their group, in this order; or a table with "
        "such a list for single hooks.",
    )
    watched: Literal["others", "all"] = Field(
        "others",
        description="Whose hooks are counted and timed: of plugins that others made, or of those that come "
        "with Hookline too.",
    )
    slow_hook_ms: float = Field(
        1000.0, gt=0, le=3_600_000, description="Time in a hook after which a plugin is reported as slow."
    )
    hanging_hook_s: float = Field(
        30.0, gt=0, le=86_400, description="Time in a hook after which a plugin is reported as hanging."
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


_Trace = Literal["off", "text", "json"]


def _read_trace(value: object) -> object:
    """Read a yes or no as well, as variables have it."""
    words = {
        "1": "text",
        "true": "text",
        "yes": "text",
        "on": "text",
        "0": "off",
        "false": "off",
        "no": "off",
    }
    return words.get(str(value).strip().lower(), value)


class Settings(_Section):
    """Everything that can be set."""

    _origin: SettingsOrigin | None = PrivateAttr(default=None)

    api_keys: tuple[SecretStr, ...] = Field((), description="Keys that callers may use.")
    sandbox: bool = Field(False, description="Send every call to the built-in simulated service.")
    transport: Literal["http1", "httpx"] = Field(
        "http1", description="What carries upstream requests: Hookline's own HTTP/1.1 client, or httpx."
    )
    trace_hooks: Annotated[_Trace, BeforeValidator(_read_trace, json_schema_input_type=_Trace | bool)] = (
        Field("off", description="Write each call of a hook to standard error: for people, or as JSON.")
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

    @property
    def origin(self) -> SettingsOrigin:
        """Where they were read; nowhere if they were made otherwise."""
        return self._origin or SettingsOrigin()


# Environment variable -> path of the setting. A connector's own are read by `connections.look_up`.
ENVIRONMENT: dict[str, tuple[str, ...]] = {
    "HOOKLINE_API_KEYS": ("api_keys",),
    "HOOKLINE_SANDBOX": ("sandbox",),
    "HOOKLINE_STATE_DIR": ("state_dir",),
    "HOOKLINE_DATABASE_URL": ("database_url",),
    "HOOKLINE_CONTENT_KEY": ("content_key",),
    "HOOKLINE_TRANSPORT": ("transport",),
    "HOOKLINE_CONNECTORS_DIR": ("connectors_dir",),
    "HOOKLINE_TRACE_HOOKS": ("trace_hooks",),
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
    "HOOKLINE_PLUGIN_FILES": ("plugins", "files"),
    "HOOKLINE_PLUGIN_ORDER": ("plugins", "order"),
    "HOOKLINE_WATCHED_PLUGINS": ("plugins", "watched"),
    "HOOKLINE_SLOW_HOOK_MS": ("plugins", "slow_hook_ms"),
    "HOOKLINE_HANGING_HOOK_S": ("plugins", "hanging_hook_s"),
}
LISTS: frozenset[tuple[str, ...]] = frozenset(
    {
        ("api_keys",),
        ("plugins", "disabled"),
        ("plugins", "required"),
        ("plugins", "files"),
        ("plugins", "order"),
        ("server", "trusted_proxies"),
        ("server", "allowed_hosts"),
    }
)
"""Settings whose variables hold several values, with a comma between them."""


def load_settings(environ: Mapping[str, str] | None = None) -> Settings:
    """Return the settings from file and environment.

    Args:
        environ: Environment variables; those of the process by default.

    Raises:
        ConfigurationError: If the file cannot be read or a value is not valid; names file and line, or
            the variable, and the setting.
    """
    environ = with_secret_files(os.environ if environ is None else environ)
    read = read_settings(environ, ENVIRONMENT, lists=LISTS)
    settings, problems = validate(read, environ)
    if settings is None or problems:
        raise ConfigurationError(str(problems[0]))
    return settings


def validate(read: ReadSettings, environ: Mapping[str, str]) -> tuple[Settings | None, list[SettingProblem]]:
    """Return the settings, and all that is wrong with them.

    Args:
        read: What file and variables say.
        environ: Environment variables, for where what is kept goes by default.
    """
    values = dict(read.values)
    if (folder := default_state_dir(environ)) is not None:
        values.setdefault("state_dir", str(folder))
    if values.get("state_dir") == NO_STATE:
        del values["state_dir"]
    try:
        settings = Settings.model_validate(values)
    except ValidationError as exc:
        return None, problems_of(exc, Settings, read.origin)
    if read.origin.path is not None or read.origin.variables:
        settings._origin = read.origin
    return settings, _check_keys(settings)


def _check_keys(settings: Settings) -> list[SettingProblem]:
    found = []
    if settings.content_key is not None:
        from hookline.store.key_store import keys_of

        try:
            keys_of(settings.content_key.get_secret_value(), "content_key")
        except ConfigurationError as exc:
            found.append(make_problem(settings.origin, ("content_key",), exc.message))
    for position, key in enumerate(settings.api_keys, start=1):
        text, message = key.get_secret_value(), ""
        if len(text) < 16:
            message = (
                f"api_keys: key number {position} is shorter than 16 characters and could be guessed; "
                "`python -c 'import secrets; print(secrets.token_urlsafe(32))'` makes a good one."
            )
        elif not all(0x21 <= ord(char) <= 0x7E for char in text):
            message = (
                f"api_keys: key number {position} holds a space or a character that cannot stand in a header."
            )
        if message:
            found.append(make_problem(settings.origin, ("api_keys", str(position - 1)), message))
    return found
