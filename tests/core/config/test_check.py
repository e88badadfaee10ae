"""A check of settings tells all that is wrong, where it stands, and what was meant."""

from __future__ import annotations

from pathlib import Path

import pytest

from hookline.config.check import ConfigReport, check_settings
from hookline.errors import ConfigurationError
from hookline.gateway import Gateway

BAD = """\
# a comment
api_keys = ["short", "a-key-for-tests-only-0001"]
sandboxx = true

[server]
port = "x"
hots = "127.0.0.1"

[plugins]
disabled = ["lifecicle"]
order = ["retri"]

[plugins.retry]
max_attempts = "many"
actions."openai.chatt".max_attempts = 2

[plugins.limitz]
x = 1

[plugins.limits.keys.k1]
limitts = 3

[connections.openai]
base_url = "ftp://x"
strem_usage = true

[connections.opnai]
api_key = "a-credential-that-must-not-show"
credential_ref = "file:/x"
"""


def checked(folder: Path, text: str, **environ: str) -> ConfigReport:
    path = folder / "hookline.toml"
    path.write_text(text)
    return check_settings({"HOOKLINE_CONFIG": str(path), "HOOKLINE_STATE_DIR": "none", **environ})


def test_everything_that_is_wrong_is_told_at_once_with_line_and_key(tmp_path: Path) -> None:
    report = checked(tmp_path, BAD, HOOKLINE_PROT="1")

    assert [(one.line, ".".join(one.key)) for one in report.problems] == [
        (2, "api_keys.0"),
        (3, "sandboxx"),
        (6, "server.port"),
        (7, "server.hots"),
        (10, "plugins.disabled"),
        (11, "plugins.order.0"),
        (14, "plugins.retry.max_attempts"),
        (15, "plugins.retry.actions.openai.chatt"),
        (17, "plugins.limitz"),
        (21, "plugins.limits.keys.k1.limitts"),
        (24, "connections.openai.base_url"),
        (25, "connections.openai.strem_usage"),
        (27, "connections.opnai"),
        (None, ""),
    ]
    assert not report.is_sound


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (3, "there is no setting `sandboxx`. Did you mean `sandbox`?"),
        (7, "Did you mean `host`?"),
        (10, "Did you mean 'lifecycle'?"),
        (11, "Did you mean 'retry'?"),
        (15, "there is no action 'openai.chatt'. Did you mean 'openai.chat'?"),
        (17, "Did you mean `plugins.limits`?"),
        (21, "Did you mean `limits`?"),
        (25, "connector 'openai' has no option 'strem_usage'. Did you mean `stream_usage`?"),
        (27, "there is no connector 'opnai'; known: openai. Did you mean 'openai'?"),
        (None, "HOOKLINE_PROT is set but is no setting. Did you mean HOOKLINE_PORT?"),
    ],
)
def test_what_was_meant_is_told(line: int | None, words: str, tmp_path: Path) -> None:
    report = checked(tmp_path, BAD, HOOKLINE_PROT="1")

    assert words in next(one.message for one in report.problems if one.line == line)


def test_no_secret_is_told(tmp_path: Path) -> None:
    text = " ".join(str(one) for one in checked(tmp_path, BAD).problems)

    assert "a-credential-that-must-not-show" not in text
    assert "a-key-for-tests" not in text


def test_a_sound_file_has_no_problem(tmp_path: Path) -> None:
    text = '[plugins.retry.keys.some_key.actions."openai.*"]\nmax_attempts = 2\n'

    report = checked(
        tmp_path, text, HOOKLINE_KEY="x", HOOKLINE_KEY_PEPPER="y", HOOKLINE_OPENAI_API_KEY_FILE=" "
    )

    assert report.problems == []
    assert report.is_sound


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("[server]\nport = \n", 2, "this is not TOML: Invalid value"),
        ("a = 1\na = 2\n", 2, "this is not TOML: Cannot overwrite a value"),
        ("server = 3\n", 1, "`server`: "),
        ("[plugins]\nretry = 3\n", 2, "`plugins.retry` must be a table."),
        ("[plugins.retry]\nkeys = 3\n", 2, "`plugins.retry.keys` must hold tables."),
        ("[plugins.request_id]\nx = 1\n", 1, "plugins.request_id: this plugin has no options."),
        ("plugins = {required = ['nope']}\n", 1, "plugins.required names 'nope'"),
        ("[connections.openai]\nconnector = 'opnai'\n", 2, "there is no connector 'opnai'"),
        (
            "[connections.openai]\napi_key = 'x'\ncredential_ref = 'file:/x'\n",
            3,
            "set `api_key` or `credential_ref`, not both.",
        ),
        ("content_key = 'x'\n", 1, "content_key"),
    ],
)
def test_each_kind_of_mistake_names_its_line(text: str, line: int, words: str, tmp_path: Path) -> None:
    problems = checked(tmp_path, text).problems

    assert problems[0].line == line
    assert words in problems[0].message


def test_a_table_of_a_plugin_that_is_switched_off_is_a_warning(tmp_path: Path) -> None:
    text = "[plugins]\ndisabled = ['retry']\n[plugins.retry]\nmax_attempts = 2\n"

    report = checked(tmp_path, text)

    assert [(one.line, one.is_warning) for one in report.problems] == [(3, True)]
    assert report.is_sound


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("\n[plugins.retry]\nmax_attempts = 'x'\n", ":3: plugins.retry: `max_attempts`: "),
        ('[plugins.retry]\n\nactions."openai.no".max_attempts = 1\n', ":3: plugins.retry.actions."),
        ("[plugins.retri]\n", ":1: plugins.retri: there is no such plugin"),
        ("[plugins]\norder = ['retri']\n", ":2: plugins.order names 'retri'"),
        ("[connections.openai]\nstrem_usage = 1\n", ":2: connections: connector 'openai' has no option"),
        ("[connections.acme]\n", ":1: connections.acme: there is no connector 'acme'"),
    ],
)
def test_a_gateway_that_does_not_start_names_file_and_line_too(text: str, words: str, tmp_path: Path) -> None:
    path = tmp_path / "hookline.toml"
    path.write_text(text)

    with pytest.raises(ConfigurationError) as caught:
        Gateway(environ={"HOOKLINE_CONFIG": str(path), "HOOKLINE_STATE_DIR": "none"})

    assert caught.value.message.startswith(f"{path}{words}")


def test_a_wrong_option_in_a_variable_names_the_variable(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as caught:
        Gateway(environ={"HOOKLINE_RETRY_MAX_ATTEMPTS": "x", "HOOKLINE_STATE_DIR": "none"})

    assert caught.value.message.startswith("HOOKLINE_RETRY_MAX_ATTEMPTS: plugins.retry: `max_attempts`")


def test_every_fault_of_an_order_is_told_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "hookline.toml"
    path.write_text(
        "[plugins.order]\n"
        'hookline_shape_request = ["retry"]\n'
        'hookline_shape_requests = ["retry"]\n'
        'hookline_open_stream = [\n    "retri",\n    "retry",\n    "retry",\n]\n'
    )
    report = check_settings({"HOOKLINE_CONFIG": str(path), "HOOKLINE_STATE_DIR": "none"})
    told = [(one.line, one.message) for one in report.problems if one.key[:2] == ("plugins", "order")]
    assert [line for line, _ in told] == [3, 5, 7]
    assert told[0][1].startswith(
        "plugins.order names the hook 'hookline_shape_requests', which there is not."
    )
    assert told[1][1] == "plugins.order names 'retri', which is not installed. Did you mean 'retry'?"
    assert told[2][1] == "plugins.order names 'retry' twice."


def test_a_file_that_is_no_text_is_named_once(tmp_path: Path) -> None:
    path = tmp_path / "hookline.toml"
    path.write_bytes(b"\xff")
    (problem,) = check_settings({"HOOKLINE_CONFIG": str(path)}).problems
    assert str(problem).count(str(path)) == 1
    assert str(problem).startswith(f"{path}: this is not TOML: ")
