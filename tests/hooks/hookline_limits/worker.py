"""A process that takes from shared limits as it is told: one JSON object a line in, one a line out.

``{"do": "race", "at": S, "threads": N, "takes": [[TEXT, HOLDER, AMOUNT], ...], "settle": MOST or null}`` lets
all threads take at the same instant of the machine's monotonic clock, and settles each to a random part.
``{"do": "hold", "times": N, "takes": [...]}`` takes and keeps.
``{"do": "settle", "actuals": [...]}`` settles what was kept.
"""

from __future__ import annotations

import json
import random
import sys
import threading
import time
from pathlib import Path

from hookline.clock import SYSTEM_CLOCK
from hookline.errors import StoreUnavailableError
from hookline.limit import parse_limit
from hookline_limits.redis_store import RedisStore
from hookline_limits.rules import Take, make_rule
from hookline_limits.sqlite_store import SqliteStore
from hookline_limits.store import Hold, Refusal, Store

PATIENCE_S = 60.0


def open_store(where: str, lease_s: float) -> Store:
    if where.startswith("redis:"):
        return RedisStore(where, SYSTEM_CLOCK, lease_s=lease_s, patience_s=PATIENCE_S)
    return SqliteStore(Path(where), SYSTEM_CLOCK, lease_s=lease_s, patience_s=PATIENCE_S)


def takes_of(rows: list[tuple[str, str, int]]) -> list[Take]:
    return [
        Take(make_rule(parse_limit(text), tenant="t").counter(holder), amount)
        for text, holder, amount in rows
    ]


def race(store: Store, order: dict[str, object]) -> dict[str, int]:
    """Take with many threads at once, and settle at once what was admitted."""
    takes = takes_of(order["takes"])  # type: ignore[arg-type]  # JSON
    most = order["settle"]
    gate = threading.Event()
    lock = threading.Lock()
    result = {"admitted": 0, "refused": 0, "failed": 0, "settled": 0}

    def call() -> None:
        gate.wait(60)
        try:
            answer = store.take(takes)
        except StoreUnavailableError:
            with lock:
                result["failed"] += 1
            return
        if isinstance(answer, Refusal):
            with lock:
                result["refused"] += 1
            return
        actual = 0
        if isinstance(most, int):
            actual = random.randint(0, most)
            answer.settle([actual] * len(takes))
        with lock:
            result["admitted"] += 1
            result["settled"] += actual

    threads = [threading.Thread(target=call) for _ in range(int(str(order["threads"])))]
    for thread in threads:
        thread.start()
    time.sleep(max(0.0, float(str(order["at"])) - time.monotonic()))
    gate.set()
    for thread in threads:
        thread.join()
    return result


def main() -> None:
    store = open_store(sys.argv[1], float(sys.argv[2]))
    holds: list[Hold] = []
    print(json.dumps({"ready": True}), flush=True)
    for line in sys.stdin:
        order = json.loads(line)
        if order["do"] == "race":
            answer: object = race(store, order)
        elif order["do"] == "hold":
            for _ in range(order["times"]):
                hold = store.take(takes_of(order["takes"]))
                assert not isinstance(hold, Refusal)
                holds.append(hold)
            answer = {"held": len(holds)}
        else:
            for hold in holds:
                hold.settle(order["actuals"])
            answer = {"settled": len(holds)}
        print(json.dumps(answer), flush=True)
    store.close()


if __name__ == "__main__":
    main()
