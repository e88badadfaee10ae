"""A folder of manifests, and a gateway that follows it with every bundled plugin."""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

from hookline.gateway import Gateway
from hookline.settings import load_settings
from hookline.webhook.app import create_app
from small_service import Upstream, whole

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from flask.testing import FlaskClient

    from hookline.action import JsonObject
    from hookline.upstream import UpstreamRequest, UpstreamResponse

KEY = "a-key-for-tests-only-0001"


def manifest_text(
    id: str = "acme", *, host: str = "api.acme.example", verb: str = "find", extra: str = ""
) -> str:
    """Return a small manifest, whose one action is a GET."""
    return f"""\
manifest: 1
id: {id}
title: {id.title()}
base_url: https://{host}/v1
actions:
  {verb}:
    method: GET
    path: /things/{{id}}
    output: {{type: object}}
{extra}"""


@dataclass
class ManifestLab:
    """A gateway whose folder a test can change.

    Attributes:
        folder: The folder.
        gateway: The gateway.
        sent: What reached the service.
    """

    folder: Path
    gateway: Gateway
    client: FlaskClient
    sent: list[UpstreamRequest] = field(default_factory=list)
    _written: int = 0

    def write(self, name: str, text: str) -> None:
        """Write a file so that every version has another time."""
        self._written += 1
        path = self.folder / name
        path.write_text(text, "utf-8")
        os.utime(path, (self._written, self._written))

    def settle(self) -> None:
        """Look as often as it takes to see what changed."""
        assert self.gateway.manifests is not None
        self.gateway.manifests.refresh()
        self.gateway.manifests.refresh()

    def get(self, path: str) -> JsonObject:
        answer = self.client.get(path, headers={"x-api-key": KEY})
        return cast("JsonObject", answer.get_json())

    def call(self, action_id: str, fields: JsonObject) -> tuple[int, JsonObject]:
        answer = self.client.post(f"/actions/{action_id}", json=fields, headers={"x-api-key": KEY})
        return answer.status_code, cast("JsonObject", answer.get_json())

    def ids(self, connector: str = "acme") -> list[str]:
        return [action.id for action in self.gateway.catalog if action.id.startswith(f"{connector}.")]


@contextmanager
def open_lab(
    folder: Path,
    files: dict[str, str],
    *,
    answer: Callable[[UpstreamRequest], UpstreamResponse] | None = None,
    environ: dict[str, str] | None = None,
) -> Iterator[ManifestLab]:
    """Open a gateway over a folder with some files."""
    folder.mkdir(exist_ok=True)
    for name, text in files.items():
        (folder / name).write_text(text, "utf-8")
    sent: list[UpstreamRequest] = []

    def send(request: UpstreamRequest) -> UpstreamResponse:
        sent.append(request)
        return whole({"text": "from the service"}) if answer is None else answer(request)

    variables = {
        "HOOKLINE_API_KEYS": KEY,
        "HOOKLINE_STATE_DIR": str(folder.parent / "state"),
        "HOOKLINE_CONNECTORS_DIR": str(folder),
        **(environ or {}),
    }
    gateway = Gateway(load_settings(variables), transport=Upstream(send), environ=variables)
    try:
        yield ManifestLab(folder=folder, gateway=gateway, client=create_app(gateway).test_client(), sent=sent)
    finally:
        gateway.close()
