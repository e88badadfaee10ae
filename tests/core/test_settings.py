"""Settings: where each value comes from, and words that lead to the one that is wrong."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from hookline.errors import ConfigurationError
from hookline.settings import (
    ENVIRONMENT,
    ConnectionSettings,
    LimitSettings,
    PluginSettings,
    ServerSettings,
    Settings,
    load_settings,
)

if TYPE_CHECKING:
    from pydantic import BaseModel

KEY = "a-key-that-is-long-enough"
OTHER_KEY = "another-key-that-is-long"


def from_file(folder: Path, text: str, **environ: str) -> Settings:
    path = folder / "hookline.toml"
    path.write_text(text)
    return load_settings({"HOOKLINE_CONFIG": str(path), **environ})


def refusal(environ: dict[str, str]) -> str:
    with pytest.raises(ConfigurationError) as caught:
        load_settings(environ)
    return caught.value.message


def file_refusal(folder: Path, text: str, **environ: str) -> str:
    with pytest.raises(ConfigurationError) as caught:
        from_file(folder, text, **environ)
    return caught.value.message


def test_without_anything_the_defaults_are_safe() -> None:
    settings = load_settings({})

    assert settings == Settings()
    assert (settings.api_keys, settings.sandbox, settings.connections) == ((), False, {})
    assert settings.model_dump(mode="json", include={"server", "limits", "plugins"}) == {
        "server": {
            "host": "127.0.0.1",
            "port": 8787,
            "workers": 1,
            "threads": 1024,
            "log_level": "info",
            "trusted_proxies": [],
            "allowed_hosts": [],
            "public_url": None,
        },
        "limits": {
            "max_body_bytes": 20 * 1024**2,
            "max_answer_bytes": 100 * 1024**2,
            "max_event_bytes": 16 * 1024**2,
            "connect_timeout_s": 5.0,
            "read_timeout_s": 600.0,
            "timeout_s": 900.0,
            "heartbeat_s": 5.0,
            "max_hops": 3,
        },
        "plugins": {
            "disabled": [],
            "required": [],
            "files": [],
            "order": [],
            "watched": "others",
            "slow_hook_ms": 1000.0,
            "hanging_hook_s": 30.0,
        },
    }
    assert (settings.state_dir, settings.database_url) == (None, None)


@pytest.mark.parametrize(
    ("environ", "folder"),
    [
        ({"HOME": "/home/ada"}, "/home/ada/.local/state/hookline"),
        ({"HOME": "/home/ada", "XDG_STATE_HOME": "/var/lib"}, "/var/lib/hookline"),
        ({"HOME": "/home/ada", "XDG_STATE_HOME": "relative"}, "/home/ada/.local/state/hookline"),
        ({"HOME": "/home/ada", "HOOKLINE_STATE_DIR": "/srv/hookline"}, "/srv/hookline"),
    ],
)
def test_what_is_kept_goes_to_the_state_folder(environ: dict[str, str], folder: str) -> None:
    assert load_settings(environ).state_dir == Path(folder)


def test_a_gateway_may_keep_all_in_memory(tmp_path: Path) -> None:
    assert load_settings({"HOME": "/home/ada", "HOOKLINE_STATE_DIR": "none"}).state_dir is None
    assert from_file(tmp_path, 'state_dir = "none"', HOME="/home/ada").state_dir is None


def test_a_secret_may_stand_in_a_file_of_its_own(tmp_path: Path) -> None:
    """S36: who may read a process's environment need not be able to read its secrets."""
    path = tmp_path / "keys"
    path.write_text(f"{KEY},{OTHER_KEY}\n")

    settings = load_settings({"HOOKLINE_API_KEYS_FILE": str(path)})

    assert [key.get_secret_value() for key in settings.api_keys] == [KEY, OTHER_KEY]
    assert "HOOKLINE_API_KEYS_FILE names a file that cannot be read" in refusal(
        {"HOOKLINE_API_KEYS_FILE": str(tmp_path / "no")}
    )
    assert "not both" in refusal({"HOOKLINE_API_KEYS_FILE": str(path), "HOOKLINE_API_KEYS": KEY})


def test_every_variable_sets_its_setting() -> None:
    settings = load_settings(
        {
            "HOOKLINE_API_KEYS": f" {KEY} ,{OTHER_KEY},",
            "HOOKLINE_SANDBOX": "true",
            "HOOKLINE_HOST": "0.0.0.0",
            "HOOKLINE_PORT": "0",
            "HOOKLINE_WORKERS": "2",
            "HOOKLINE_THREADS": "64",
            "HOOKLINE_LOG_LEVEL": "debug",
            "HOOKLINE_MAX_BODY_BYTES": "1024",
            "HOOKLINE_MAX_ANSWER_BYTES": "1025",
            "HOOKLINE_MAX_EVENT_BYTES": "1026",
            "HOOKLINE_CONNECT_TIMEOUT_S": "1.5",
            "HOOKLINE_READ_TIMEOUT_S": "2",
            "HOOKLINE_TIMEOUT_S": " 3 ",
            "HOOKLINE_HEARTBEAT_S": "4",
            "HOOKLINE_DISABLED_PLUGINS": "one, two",
            "HOOKLINE_REQUIRED_PLUGINS": "three",
        }
    )

    assert [key.get_secret_value() for key in settings.api_keys] == [KEY, OTHER_KEY]
    assert settings.sandbox is True
    assert settings.server == ServerSettings(host="0.0.0.0", port=0, workers=2, threads=64, log_level="debug")
    assert settings.limits == LimitSettings(
        max_body_bytes=1024,
        max_answer_bytes=1025,
        max_event_bytes=1026,
        connect_timeout_s=1.5,
        read_timeout_s=2,
        timeout_s=3,
        heartbeat_s=4,
    )
    assert settings.plugins == PluginSettings(disabled=("one", "two"), required=("three",))


def test_every_setting_but_connections_has_a_variable() -> None:
    sections: dict[str, type[BaseModel]] = {
        "server": ServerSettings,
        "limits": LimitSettings,
        "plugins": PluginSettings,
    }
    paths: set[tuple[str, ...]] = {
        (name,) for name in Settings.model_fields if name not in sections and name != "connections"
    }
    paths |= {(section, name) for section, model in sections.items() for name in model.model_fields}

    assert set(ENVIRONMENT.values()) == paths


def test_a_file_sets_everything_and_the_environment_wins(tmp_path: Path) -> None:
    text = f"""
        api_keys = ["{KEY}"]
        [server]
        port = 1
        threads = 2
        [limits]
        timeout_s = 7
        [plugins]
        disabled = ["one"]
        [connections.acme]
        base_url = "https://acme.example"
        api_key = "sk-acme"
        region = "eu"
    """

    settings = from_file(
        tmp_path, text, HOOKLINE_PORT="9", HOOKLINE_DISABLED_PLUGINS="two", HOOKLINE_HOST=" "
    )

    assert settings.server == ServerSettings(port=9, threads=2)
    assert settings.limits == LimitSettings(timeout_s=7)
    assert settings.plugins == PluginSettings(disabled=("two",))
    assert [key.get_secret_value() for key in settings.api_keys] == [KEY]
    acme = settings.connections["acme"]
    assert isinstance(acme, ConnectionSettings)
    assert (acme.connector, acme.base_url, acme.model_extra) == (
        None,
        "https://acme.example",
        {"region": "eu"},
    )
    assert acme.api_key is not None
    assert acme.api_key.get_secret_value() == "sk-acme"


@pytest.mark.parametrize(
    ("variable", "value", "setting"),
    [
        ("HOOKLINE_PORT", "70000", "server.port"),
        ("HOOKLINE_PORT", "http", "server.port"),
        ("HOOKLINE_WORKERS", "0", "server.workers"),
        ("HOOKLINE_LOG_LEVEL", "loud", "server.log_level"),
        ("HOOKLINE_SANDBOX", "maybe", "sandbox"),
        ("HOOKLINE_TIMEOUT_S", "-1", "limits.timeout_s"),
        ("HOOKLINE_TIMEOUT_S", "inf", "limits.timeout_s"),
        ("HOOKLINE_TIMEOUT_S", "nan", "limits.timeout_s"),
        ("HOOKLINE_MAX_BODY_BYTES", "1.5", "limits.max_body_bytes"),
    ],
)
def test_a_bad_value_names_its_variable_and_its_setting(variable: str, value: str, setting: str) -> None:
    message = refusal({variable: value})

    assert message.startswith(f"{variable}: `{setting}`: ")
    assert message.endswith(".")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[server]\nport = 'x'", "hookline.toml:2: `server.port`: "),
        ("server = 3", "hookline.toml:1: `server`: "),
        ("[limits]\ntimeout = 3", "there is no setting `limits.timeout`. Did you mean `timeout_s`?"),
        ("sandboxx = true", "there is no setting `sandboxx`. Did you mean `sandbox`?"),
        ("zzz = 1", "there is no setting `zzz`."),
        ("[connections.Acme-1]\nbase_url = 'x'", "hookline.toml:1: `connections.Acme-1"),
        ("[plugins]\ndisabled = 'one'", "hookline.toml:2: `plugins.disabled`: "),
        ("port = ", "is not valid TOML"),
        ("x = '\\xff'", "there is no setting `x`"),
    ],
)
def test_a_bad_file_is_named_with_the_setting_in_it(text: str, words: str, tmp_path: Path) -> None:
    message = file_refusal(tmp_path, text)

    assert words in message
    assert "hookline.toml" in message


def test_a_file_that_is_not_there_or_not_text_is_named(tmp_path: Path) -> None:
    binary = tmp_path / "binary.toml"
    binary.write_bytes(b"\xff\xfe\x00")

    assert refusal({"HOOKLINE_CONFIG": str(tmp_path / "none.toml")}).startswith("HOOKLINE_CONFIG names ")
    assert refusal({"HOOKLINE_CONFIG": str(tmp_path)}).startswith("HOOKLINE_CONFIG names ")
    assert f"{binary} is not valid TOML" in refusal({"HOOKLINE_CONFIG": str(binary)})


def test_a_variable_for_a_table_that_is_none_names_the_file(tmp_path: Path) -> None:
    message = file_refusal(tmp_path, "server = 3", HOOKLINE_PORT="1")

    assert message.endswith("hookline.toml:1: `server` must be a table.")


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ("tooshort", "key number 1 is shorter than 16 characters"),
        (f"{KEY},fifteen-letters", "key number 2 is shorter than 16 characters"),
        ("a key with spaces in it", "key number 1 holds a space"),
        (f"{KEY},ein-schlüssel-mit-umlaut", "key number 2 holds a space or a character that cannot stand"),
        ("a-key-with\x00a-null-byte", "key number 1 holds"),
    ],
)
def test_a_key_that_could_be_guessed_or_not_be_sent_is_refused_and_not_shown(keys: str, words: str) -> None:
    message = refusal({"HOOKLINE_API_KEYS": keys})

    assert words in message
    assert not any(key in message for key in keys.split(","))


def test_no_secret_shows_in_settings_or_in_what_is_said_of_them(tmp_path: Path) -> None:
    text = f'api_keys = ["{KEY}"]\n[connections.acme]\napi_key = "sk-acme"\n'
    settings = from_file(tmp_path, text)
    shown = [repr(settings), str(settings), settings.model_dump_json(), repr(settings.connections)]
    messages = [
        file_refusal(tmp_path, f"{text}base_url = 7\n"),
        file_refusal(tmp_path, 'api_keys = [["sk-acme"]]'),
        file_refusal(tmp_path, 'api_keys = "sk-acme-sk-acme-sk-acme"'),
        file_refusal(tmp_path, '[connections.acme]\napi_key = ["sk-acme"]'),
        file_refusal(tmp_path, '[server]\nport = "sk-acme"'),
    ]

    assert not any(KEY in text or "sk-acme" in text for text in shown + messages)
