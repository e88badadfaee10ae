"""The public names, and that importing costs what it should."""

from __future__ import annotations

import json
import os
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import hookline
from hookline import hookspecs

ROOT = Path(__file__).parents[1]
SOURCES = ("core", "connectors", "hooks", "schemas")
HEAVY = ("flask", "granian", "httpx", "jsonschema", "jsonschema_rs", "pydantic", "rich", "werkzeug", "openai")


def run_python(code: str, *options: str) -> str:
    environ = {name: value for name, value in os.environ.items() if not name.startswith("HOOKLINE_")}
    done = subprocess.run(
        [sys.executable, *options, "-c", code],
        capture_output=True,
        text=True,
        timeout=120,
        env=environ,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def bundled_modules() -> list[str]:
    found = []
    for source in SOURCES:
        for package in sorted((ROOT / source).glob("hookline*")):
            if (package / "__init__.py").exists():
                found.append(package.name)
                found += [
                    module.name for module in pkgutil.walk_packages([str(package)], prefix=f"{package.name}.")
                ]
    return [name for name in found if not name.endswith("__main__")]


def test_the_public_names_are_sorted_and_each_once() -> None:
    assert hookline.__all__ == sorted(set(hookline.__all__))


@pytest.mark.parametrize("name", hookline.__all__)
def test_a_public_name_can_be_imported_and_is_described(name: str) -> None:
    value = getattr(hookline, name)

    assert value is getattr(hookline, name)
    assert value.__doc__ or not isinstance(value, type)
    assert name in dir(hookline)


def test_the_public_names_are_all_that_is_listed() -> None:
    assert dir(hookline) == sorted([*hookline.__all__, "__version__"])


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'hookline' has no attribute 'Conector'"):
        _ = hookline.Conector


def test_hooks_are_named_alike_and_explained() -> None:
    specs = {name: value for name, value in vars(hookspecs).items() if hasattr(value, "hookline_spec")}

    assert specs
    assert [name for name in specs if not name.startswith("hookline_")] == []
    assert [name for name, spec in specs.items() if not spec.__doc__] == []
    assert specs.keys() >= hookspecs.SECURITY_HOOKS | hookspecs.SETUP_HOOKS | hookspecs.OBSERVER_HOOKS


def test_a_plugin_s_import_of_the_marker_loads_nothing_heavy() -> None:
    code = f"import sys\nfrom hookline import hookimpl\nprint([x for x in {HEAVY!r} if x in sys.modules])"

    assert run_python(code).strip() == "[]"


def test_bundled_plugins_load_nothing_heavy_when_they_are_imported() -> None:
    light = ["hookline_auth", "hookline_credentials", "hookline_request_id", "hookline_structured"]
    code = (
        f"import sys; import {', '.join(light)}; print([name for name in {HEAVY!r} if name in sys.modules])"
    )

    assert run_python(code).strip() == "[]"


def test_every_module_can_be_imported_first_and_without_a_warning() -> None:
    """Import each module alone: all that belongs to us is forgotten before each one."""
    modules = bundled_modules()
    assert len(modules) > 40
    code = f"""
import importlib, json, sys
failed = {{}}
for module in {modules!r}:
    for name in [name for name in sys.modules if name.partition(".")[0].partition("_")[0] == "hookline"]:
        del sys.modules[name]
    try:
        importlib.import_module(module)
    except BaseException as exc:
        failed[module] = f"{{type(exc).__name__}}: {{exc}}"
print(json.dumps(failed))
"""

    assert json.loads(run_python(code, "-W", "error")) == {}
