"""Zapier's own judge of app definitions, for whoever has accepted its licence.

``npm install zapier-platform-schema@19.1.0`` somewhere, and name that folder in ``HOOKLINE_ZAPIER_SCHEMA``.
Without the variable this file is not collected: the package may be used under Zapier's own terms only, so
nothing installs it by itself.
"""

from __future__ import annotations

import json
import os
import subprocess
from typing import Any

import pytest
from tests.core.exports.conftest import CATALOGS, ExportOf, json_of

_JUDGE = """
const {validateAppDefinition} = require(process.argv[1] + '/node_modules/zapier-platform-schema');
const app = JSON.parse(require('fs').readFileSync(0, 'utf8'));
console.log(JSON.stringify(validateAppDefinition(app).errors.map((error) => error.stack)));
"""


def errors_in(app: Any) -> list[str]:
    judged = subprocess.run(
        ["node", "-e", _JUDGE, os.environ["HOOKLINE_ZAPIER_SCHEMA"]],
        input=json.dumps(app),
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    return list(json.loads(judged.stdout))


@pytest.mark.parametrize("catalog", CATALOGS)
def test_zapier_takes_the_app(catalog: str, export_of: ExportOf) -> None:
    assert errors_in(json_of(export_of("zapier", catalog))) == []


def test_zapier_refuses_an_app_that_is_wrong(export_of: ExportOf) -> None:
    app = json_of(export_of("zapier", "openai"))
    app["creates"]["openai_chat"]["operation"]["inputFields"][0]["default"] = 1

    assert errors_in(app) != []
