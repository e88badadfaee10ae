"""What a worker does to the interpreter that it runs in."""

from __future__ import annotations

import subprocess
import sys

_PROGRAM = """
import gc, sys
from hookline.engine.http1_pacing import PACE
from hookline.webhook.server import serve_many_threads

serve_many_threads()
for streams in (0, 50, 5_000, 10):
    PACE.on_count(streams)
    print(round(sys.getswitchinterval(), 4))
print(gc.get_freeze_count() > 1000, gc.get_threshold()[0])
"""


def test_a_worker_is_made_fit_for_many_threads() -> None:
    """In a process of its own, because it lasts."""
    ran = subprocess.run(
        [sys.executable, "-c", _PROGRAM], capture_output=True, text=True, timeout=60, check=True
    )

    assert ran.stdout.split() == ["0.02", "0.02", "0.1", "0.02", "True", "10000"]
