"""How slow this machine is just now, for bounds in seconds that must hold on any."""

from __future__ import annotations

import json
import time

# Processor time of `_work` on the machine that the bounds were chosen on.
_USUAL_S = 0.025


def slowness() -> float:
    """Return how many times longer than usual a fixed piece of work takes here and now; at least 1.

    Shared machines take twice the time in one hour that they took in another.
    """
    return max(1.0, min(_work_s() for _ in range(10)) / _USUAL_S)


def _work_s() -> float:
    began = time.process_time()
    made = {f"k{number}": [number, str(number), {"a": number}] for number in range(10_000)}
    json.loads(json.dumps(made))
    return time.process_time() - began
