"""A real server, and keys that another process makes and ends while it runs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from live_gateway import Server, run_server


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    return {
        "HOOKLINE_STATE_DIR": str(tmp_path / "state"),
        "HOOKLINE_SANDBOX": "true",
        "HOOKLINE_AUTH_CACHE_S": "1",
        "HOOKLINE_LOG_LEVEL": "debug",
    }


def keys(environ: dict[str, str], *arguments: str) -> Any:
    """Run ``hookline keys`` in a process of its own."""
    outer = {name: value for name, value in os.environ.items() if not name.startswith("HOOKLINE_")}
    result = subprocess.run(
        [sys.executable, "-m", "hookline", "keys", *arguments, "--json"],
        env=outer | environ,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return json.loads(result.stdout)


def status(server: Server, key: str, path: str = "/actions", **headers: str) -> int:
    with closing(server.connect()) as connection:
        connection.request("GET", path, headers={"Authorization": f"Bearer {key}", **headers})
        answer = connection.getresponse()
        answer.read()
        return answer.status


def test_s11_a_running_server_learns_of_keys_that_are_made_rotated_and_revoked(
    environ: dict[str, str], tmp_path: Path
) -> None:
    """S11, S23: within the stated time, and with no secret in its log or its database."""
    with run_server(tmp_path, **environ) as server:
        made = keys(environ, "create", "--label", "flow")
        assert status(server, made["key"]) == 200
        assert status(server, made["key"], "/keys") == 403
        assert status(server, made["key"][:-1] + "!") == 401

        new = keys(environ, "rotate", made["id"], "--grace", "1h")
        assert (status(server, new["key"]), status(server, made["key"])) == (200, 200)

        keys(environ, "revoke", made["id"])
        time.sleep(1.1)  # the time that is stated for other processes
        assert (status(server, new["key"]), status(server, made["key"])) == (401, 401)
    written = server.log.read_bytes()
    written += b"".join(path.read_bytes() for path in (tmp_path / "state").iterdir() if path.is_file())
    for key in (made["key"], new["key"]):
        assert key[20:].encode() not in written
    assert made["id"].encode() in written


OTHER_WAYS = (
    "//keys",
    "/./keys",
    "/keys/",
    "/KEYS",
    "/%6beys",
    "/keys;x=1",
    "/x/../keys",
    "/keys%2f",
    "http://h/keys",
)
MISLEADING = {"X-Forwarded-For": "127.0.0.1", "X-Forwarded-Prefix": "/keys", "X-Original-URL": "/"}


def test_s5_no_other_way_to_write_an_address_leads_past_its_scope(
    environ: dict[str, str], tmp_path: Path
) -> None:
    """S5: rights hang on the route that was matched, not on how its address was written."""
    with run_server(tmp_path, **environ) as server:
        made = keys(environ, "create", "--label", "flow")
        for path in OTHER_WAYS:
            assert status(server, made["key"], path) in (400, 403, 404, 405), path
            assert status(server, made["key"], path, **MISLEADING) in (400, 403, 404, 405), path
            assert status(server, "hk_wrong", path) in (400, 401, 404, 405), path
        assert status(server, made["key"], "/keys", **MISLEADING) == 403
