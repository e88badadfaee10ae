"""The parcel service on a port of this machine, and a gateway that calls it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import hookline_parcels
import pytest
from service import KEY, ParcelService, run_service

from hookline.gateway import Gateway, load_plugins
from hookline.settings import Settings
from hookline.webhook.app import create_app

if TYPE_CHECKING:
    from flask.testing import FlaskClient
    from werkzeug.test import TestResponse

CALLER = "a-key-for-tests-only-0001"
HEADERS = {"authorization": f"Bearer {CALLER}"}


class Desk:
    """A gateway over the real transport, and short ways to call it."""

    def __init__(self, service: ParcelService, folder: Path) -> None:
        settings = Settings.model_validate({"api_keys": [CALLER], "state_dir": str(folder)})
        host = load_plugins(settings)
        if "parcels" not in host.plugins:  # where it is installed it is found by its entry point
            host.register(hookline_parcels, name="parcels")
        environ = {
            "HOOKLINE_PARCELS_API_KEY": KEY,
            "HOOKLINE_PARCELS_BASE_URL": service.url,
            "HOOKLINE_OPENAI_API_KEY": "YOUR_KEY",
            "HOOKLINE_OPENAI_BASE_URL": f"{service.url}/model",
        }
        self.gateway = Gateway(settings, host=host, environ=environ)
        self.client: FlaskClient = create_app(self.gateway).test_client()

    def post(self, path: str, body: object) -> TestResponse:
        return self.client.post(path, json=body, headers=HEADERS)

    def run(self, verb: str, **fields: object) -> TestResponse:
        """Return the answer of an action."""
        return self.post(f"/actions/parcels.{verb}", fields)

    def output(self, verb: str, **fields: object) -> Any:
        """Return the output of an action, without its empty warnings."""
        answer = self.run(verb, **fields)
        assert answer.status_code == 200, answer.text
        output = dict(answer.json or {})
        assert output.pop("warnings") == []
        return output


@pytest.fixture
def service() -> Iterator[ParcelService]:
    with run_service() as service:
        yield service


@pytest.fixture
def desk(service: ParcelService, tmp_path: Path) -> Iterator[Desk]:
    desk = Desk(service, tmp_path)
    yield desk
    desk.gateway.close()
