"""Where the keys of stored credentials are, and what importing the plugin costs."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from pathlib import Path

from fake_clock import FakeClock
from hookline_connections.keys import KEY_FILE, KEY_VARIABLE, ConnectionKeys


def test_files_keep_their_name_and_form(tmp_path: Path) -> None:
    made = ConnectionKeys(state_dir=tmp_path, text="", clock=FakeClock()).ensure().newest

    assert (KEY_FILE, KEY_VARIABLE) == ("connections.key", "HOOKLINE_CONNECTIONS_KEY")
    assert json.loads((tmp_path / "connections.key").read_text()) == {
        "format": "hookline connection keys, version 1",
        "note": "The first key seals, all of them open. Without this file stored credentials are lost.",
        "keys": [
            {
                "id": made.id,
                "created_at": "2026-11-22T12:00:00+00:00",
                "key": base64.b64encode(made.value).decode(),
            }
        ],
    }


def test_importing_the_plugin_loads_nothing_heavy() -> None:
    code = (
        "import sys, hookline_connections.commands, hookline_secret_files, hookline_vault;"
        "heavy = {'sqlalchemy', 'cryptography', 'pydantic', 'hvac', 'requests', 'alembic'};"
        "print(sorted(heavy & sys.modules.keys()))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env=dict(os.environ),
        timeout=60,
    )
    assert done.stdout.strip() == "[]"
