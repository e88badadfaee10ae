"""Gateways whose catalogs are written for platforms."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Any

import orjson
import pytest

from hookline.exports.blueprints import make_blueprint
from hookline.exports.export import Export, make_export
from hookline.gateway import Gateway
from hookline.settings import Settings
from nasty_connector import nasty_gateway

SERVER = "https://hooks.example.com"
CATALOGS = ("openai", "nasty", "both")

ExportOf = Callable[..., Export]

# Its judge may be used under Zapier's terms only, so it is never missing: whoever accepts them names it.
collect_ignore = [] if os.environ.get("HOOKLINE_ZAPIER_SCHEMA") else ["test_zapier_schema.py"]


@pytest.fixture(scope="session")
def gateways() -> Iterator[dict[str, Gateway]]:
    """One gateway for each catalog: the OpenAI connector, the nasty one, and both."""
    made = {
        "openai": Gateway(Settings.model_validate({"sandbox": True, "state_dir": None}), environ={}),
        "nasty": nasty_gateway(),
        "both": nasty_gateway(with_installed=True),
    }
    yield made
    for gateway in made.values():
        gateway.close()


@pytest.fixture(scope="session")
def export_of(gateways: dict[str, Gateway]) -> ExportOf:
    """Write one catalog for one platform."""

    def write(target: str, catalog: str = "both", **more: Any) -> Export:
        gateway = gateways[catalog]
        blueprint = make_blueprint(gateway, server_url=more.pop("server", SERVER), **more)
        return make_export(gateway.export_targets[target], blueprint)

    return write


def json_of(export: Export, name: str | None = None) -> Any:
    """Return the JSON of one of an export's files, the main one by default."""
    return orjson.loads(export.main[1] if name is None else export.files[name])
