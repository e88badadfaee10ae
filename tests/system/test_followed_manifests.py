"""Manifests that change while a real server with two workers takes calls."""

from __future__ import annotations

import json
import time
from contextlib import closing
from typing import TYPE_CHECKING

from live_gateway import KEY, Server, run_server
from manifest_lab import manifest_text

if TYPE_CHECKING:
    from pathlib import Path

_WAIT_S = 60.0
_IN_A_ROW = 25
"""Answers in a row that agree, after which no worker can be left that says something else."""


def _ids(server: Server, connector: str = "acme") -> list[str]:
    with closing(server.connect()) as connection:
        connection.request("GET", "/actions", headers={"x-api-key": KEY})
        actions = json.loads(connection.getresponse().read())["actions"]
    return [one["id"] for one in actions if one["id"].startswith(f"{connector}.")]


def _is_seen_by_all(server: Server, wanted: list[str], connector: str = "acme") -> bool:
    until_s = time.monotonic() + _WAIT_S
    count = 0
    while count < _IN_A_ROW and time.monotonic() < until_s:
        count = count + 1 if _ids(server, connector) == wanted else 0
    return count == _IN_A_ROW


def test_every_worker_follows_the_folder(tmp_path: Path) -> None:
    folder = tmp_path / "connectors"
    folder.mkdir()
    path = folder / "acme.yaml"
    path.write_text(manifest_text(), "utf-8")
    with run_server(tmp_path, HOOKLINE_CONNECTORS_DIR=str(folder), HOOKLINE_WORKERS="2") as server:
        assert _is_seen_by_all(server, ["acme.find"])
        path.write_text(manifest_text(verb="look_up"), "utf-8")
        assert _is_seen_by_all(server, ["acme.look_up"])
        path.write_text("manifest: 1\ntitel: broken\n", "utf-8")
        path.with_name("zoo.yaml").write_text(manifest_text("zoo"), "utf-8")
        assert _is_seen_by_all(server, ["zoo.find"], "zoo")
        assert _is_seen_by_all(server, ["acme.look_up"])
        path.unlink()
        assert _is_seen_by_all(server, [])
