"""The JSON Schema of the settings file, judged by a validator, and by the loader itself."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from hookline.config.check import check_settings
from hookline.config.schema import make_schema
from hookline.config.surroundings import look_around
from hookline.settings import Settings

ROOT = Path(__file__).parents[3]
SCHEMA: dict[str, Any] = make_schema(look_around(Settings()))
VALIDATOR = Draft202012Validator(SCHEMA)


def _documented() -> list[str]:
    texts = [(ROOT / "docs/examples/hookline.toml").read_text("utf-8")]
    for page in sorted(ROOT.glob("docs/**/*.md")):
        blocks = re.findall(r"(?ms)^```toml\n(.*?)^```$", page.read_text("utf-8"))
        texts += [text for text in blocks if "[project" not in text and "#:schema" not in text]
    return texts


DOCUMENTED = _documented()


def test_it_is_a_schema_of_its_dialect() -> None:
    Draft202012Validator.check_schema(SCHEMA)
    assert SCHEMA["$schema"] == "https://json-schema.org/draft/2020-12/schema"


def test_there_are_documented_files() -> None:
    assert len(DOCUMENTED) > 10


@pytest.mark.parametrize("text", DOCUMENTED)
def test_every_documented_file_passes(text: str) -> None:
    assert [error.message for error in VALIDATOR.iter_errors(tomllib.loads(text))] == []


@pytest.mark.parametrize(
    "text",
    [
        "sandboxx = true",
        "server = 3",
        "[server]\nport = 70000",
        "[plugins]\ndisabled = 'one'",
        "[plugins.retry]\nmax_attemptss = 1",
        "[plugins.retry]\nmax_attempts = 'many'",
        "[plugins.retry.keys.some]\nmax_attemptss = 1",
        '[plugins.retry.actions."openai.chat"]\nmax_attemptss = 1',
        '[plugins.retry.keys.some.actions."openai.chat"]\nmax_attemptss = 1',
        "[plugins.no_such_plugin]\nx = 1",
        "[connections.openai]\nstrem_usage = true",
        "[connections.acme]\nbase_url = 'https://acme.example'",
        "[connections.Acme-1]\nconnector = 'openai'",
        "trace_hooks = 'loud'",
    ],
)
def test_what_the_loader_refuses_is_refused(text: str, tmp_path: Path) -> None:
    path = tmp_path / "hookline.toml"
    path.write_text(text)

    assert not check_settings({"HOOKLINE_CONFIG": str(path)}).is_sound
    assert not VALIDATOR.is_valid(tomllib.loads(text))


@pytest.mark.parametrize(
    "text",
    [
        "trace_hooks = true",
        "trace_hooks = 'json'",
        "[plugins]\norder = ['retry']",
        "[plugins.order]\nhookline_shape_request = ['retry']",
        "[connections.second]\nconnector = 'openai'\nstream_usage = false",
        "state_dir = 'none'",
    ],
)
def test_what_the_loader_takes_passes(text: str, tmp_path: Path) -> None:
    path = tmp_path / "hookline.toml"
    path.write_text(text)

    assert check_settings({"HOOKLINE_CONFIG": str(path)}).is_sound
    assert [error.message for error in VALIDATOR.iter_errors(tomllib.loads(text))] == []


def test_every_setting_and_option_says_what_it_is() -> None:
    plugins = SCHEMA["properties"]["plugins"]["properties"]
    for name, table in plugins.items():
        for option, schema in table.get("properties", {}).items():
            assert schema.get("description"), f"plugins.{name}.{option}"
    assert {"retry", "limits", "disabled", "metrics"} <= plugins.keys()
