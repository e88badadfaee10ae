"""A linter of others' reads the OpenAPI and the Swagger document as strictly as it can.

It is an npm package: ``npm install @redocly/cli@2`` somewhere, and ``HOOKLINE_REDOCLY`` names its program.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from hookline.exports.blueprints import make_blueprint, pick_actions
from hookline.exports.export import make_export
from nasty_connector import nasty_gateway

SERVER = "https://hooks.hookline.test"
LINT_S = 120.0
COMMON = {
    # an error has one shape for all statuses; Swagger tells it once, as default
    "operation-4xx-response": "off",
    # the texts of connectors stand as they are, and the nasty one has a script; readers must not run it
    "no-unsafe-markdown": "off",
    # branches of a union say which members are needed, and the schema around them which there are
    "no-required-schema-properties-undefined": "off",
}
NASTY = {
    # schemas that nothing fits, and writeOnly members in outputs, have no example that a linter takes
    "no-invalid-media-type-examples": "off",
    # a reference that leads around in a circle is taken out, and leaves what it led to
    "no-unused-components": "off",
}


@pytest.fixture
def redocly() -> Path:
    """The program; without it the test is skipped, and says so."""
    found = os.environ.get("HOOKLINE_REDOCLY") or shutil.which("redocly")
    if not found:
        pytest.skip("redocly is not installed: npm install @redocly/cli@2, and set HOOKLINE_REDOCLY")
    return Path(found)


def lint(redocly: Path, document: Path, rules: dict[str, str]) -> list[str]:
    """Return what the linter finds, warnings too, in a folder of its own and without the network."""
    config = document.with_name("redocly.yaml")
    config.write_text(json.dumps({"extends": ["recommended"], "rules": rules, "telemetry": "off"}))
    path = os.environ.get("PATH", "")
    ended = subprocess.run(
        [str(redocly), "lint", "--config", str(config), "--format", "json", str(document)],
        cwd=document.parent,
        env={
            "PATH": path,
            "HOME": str(document.parent),
            "NO_COLOR": "1",
            "REDOCLY_TELEMETRY": "off",
            "REDOCLY_SUPPRESS_UPDATE_NOTICE": "true",
        },
        capture_output=True,
        timeout=LINT_S,
        check=False,
    )
    assert ended.stdout, ended.stderr.decode()[-2000:]
    found: dict[str, Any] = json.loads(ended.stdout)
    return [
        f"{one['severity']} {one['ruleId']}: {one['message']} {one['location'][0].get('pointer')}"
        for one in found["problems"]
    ]


def export(folder: Path, target: str, *, patterns: tuple[str, ...]) -> Path:
    gateway = nasty_gateway(with_installed=True)
    try:
        ids = pick_actions(gateway, patterns=patterns)
        blueprint = make_blueprint(gateway, server_url=SERVER, action_ids=ids)
        name, content = make_export(gateway.export_targets[target], blueprint).main
    finally:
        gateway.close()
    path = folder / name
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("target", ["openapi", "power-platform"])
@pytest.mark.parametrize(
    ("patterns", "rules"), [(("openai.*",), COMMON), (("*",), {**COMMON, **NASTY})], ids=["openai", "both"]
)
def test_a_linter_finds_nothing(
    redocly: Path, tmp_path: Path, target: str, patterns: tuple[str, ...], rules: dict[str, str]
) -> None:
    assert lint(redocly, export(tmp_path, target, patterns=patterns), rules) == []


def test_the_linter_finds_what_is_wrong(redocly: Path, tmp_path: Path) -> None:
    path = export(tmp_path, "power-platform", patterns=("openai.*",))
    document = json.loads(path.read_bytes())
    document["paths"]["/actions/openai.chat"]["post"]["operationId"] = "OpenaiEdit"
    document["definitions"]["Problem"]["properties"]["title"]["type"] = ["string", "null"]
    path.write_text(json.dumps(document))

    found = {one.split()[1] for one in lint(redocly, path, COMMON)}

    assert {"operation-operationId-unique:", "struct:"} <= found
