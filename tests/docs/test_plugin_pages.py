"""The pages of the bundled plugins' options against the models."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from hookline.gateway import load_plugins
from hookline.options import PluginOptions, load_model
from hookline.settings import Settings

Rows = Callable[[str], list[list[str]]]


def _models() -> dict[str, type[PluginOptions]]:
    host = load_plugins(Settings())
    return {name: load_model(declared, plugin=name) for name, declared in host.options()}


MODELS = _models()
PLUGINS = pytest.mark.parametrize("plugin", sorted(MODELS))


def _default(model: type[PluginOptions], name: str) -> str:
    value = model.model_fields[name].get_default(call_default_factory=True)
    return f"`{json.dumps(value)}`" if value is not None else "none"


def test_the_settings_page_lists_every_plugin_with_options(rows_of: Rows) -> None:
    shown = {row[0].strip("`") for row in rows_of("docs/reference/settings.md") if "plugins/" in row[-1]}
    assert shown == set(MODELS)


def _table(model: type[PluginOptions]) -> str:
    rows = [
        f"| `{name}` | {_default(model, name)} | {info.description} |\n"
        for name, info in model.model_fields.items()
    ]
    return "| Setting | Default | Meaning |\n|---|---|---|\n" + "".join(rows)


@PLUGINS
def test_the_table_of_a_plugin_equals_its_options(plugin: str, root: Path) -> None:
    page = root / f"docs/reference/plugins/{plugin}.md"
    text = page.read_text("utf-8")
    found = re.search(r"\| Setting \| Default \| Meaning \|\n(?:\|.*\n)+", text)
    assert found is not None
    expected = _table(MODELS[plugin])
    if os.environ.get("HOOKLINE_WRITE_DOCS"):
        page.write_text(text.replace(found.group(), expected), "utf-8")
    else:
        assert found.group() == expected


@PLUGINS
def test_every_hook_of_a_plugin_is_on_its_page(plugin: str, rows_of: Rows) -> None:
    host = load_plugins(Settings())
    shown = {
        row[0].strip("`") for row in rows_of(f"docs/reference/plugins/{plugin}.md") if "hookline_" in row[0]
    }
    assert shown == set(host.plugins[plugin].hooks) - {"hookline_startup"}


@PLUGINS
def test_every_setting_that_a_guide_names_is_one(plugin: str, root: Path) -> None:
    known = {f"HOOKLINE_{plugin.upper()}_{name.upper()}" for name in MODELS[plugin].model_fields}
    for page in (root / "docs").rglob("*.md"):
        named = set(re.findall(rf"HOOKLINE_{plugin.upper()}_[A-Z_]+[A-Z]", page.read_text("utf-8")))
        assert named <= known, page
