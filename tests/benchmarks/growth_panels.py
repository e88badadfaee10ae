"""What grows, and what a call costs then. Each function measures one panel and takes nothing but its size."""

from __future__ import annotations

import itertools
import json
import shutil
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from tests.benchmarks import growth_rows
from tests.benchmarks.bench import Bench
from tests.benchmarks.growth_inputs import action_prompt, manifest, wire_prompt
from tests.benchmarks.turns import cpu_us
from tests.benchmarks.ways import make_key
from tests.benchmarks.work import ACTION_PATH, WIRE_PATH, action_body, wire_body

from hookline import Principal
from hookline_jobs import JobsPlugin

if TYPE_CHECKING:
    from hookline.gateway import Gateway
    from hookline_jobs.engine import JobEngine
    from hookline_jobs.options import JobsOptions
    from hookline_ledger.totals import Grouping

_SOMEBODY = Principal(key_id="somebody", tenant="somebody", scopes=frozenset({"actions:run", "usage:read"}))
_STATIC_KEY = "benchmark-key-0123456789abcdef"
_FLUSH_S = 0.4  # the ledger writes after a quarter of a second
_DAY = "usage of one key, its last day"
_WEEK = "usage of all, seven days"


@dataclass(kw_only=True, slots=True)
class Panel:
    """One thing that grows.

    Attributes:
        title: What grows.
        sizes: How large it was.
        costs_us: Processor time of one call at each size, by what the call is.
        linear: Whether the cost should grow with the size; else it should stay flat.
        notes: More figures of each size, by name.
    """

    title: str
    sizes: list[int]
    costs_us: dict[str, list[float]]
    linear: frozenset[str] = frozenset()
    notes: dict[str, list[float]] = field(default_factory=dict)


@contextmanager
def folders(count: int) -> Iterator[list[Path]]:
    """Give empty folders that are gone afterwards."""
    with ExitStack() as stack:
        yield [
            Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="hookline-growth-")))
            for _ in range(count)
        ]


def bodies(sizes: Iterable[int], *, effort: int) -> Panel:
    """Measure calls by the size of their prompt."""
    bench = Bench(None, HOOKLINE_API_KEYS=_STATIC_KEY)
    panel = Panel(title="bytes of the prompt", sizes=[*sizes], costs_us={})
    makers = {"wire door": (WIRE_PATH, wire_prompt), "action door": (ACTION_PATH, action_prompt)}
    for door, (path, make) in makers.items():
        costs = panel.costs_us[door] = []
        for size in panel.sizes:
            body = make(size)
            calls = max(1, min(100, 2_000_000 // size))
            step = partial(bench.call, path, body, key=_STATIC_KEY)
            costs.append(cpu_us({door: step}, rounds=effort, calls=calls)[door])
    panel.linear = frozenset(panel.costs_us)
    for door, costs in panel.costs_us.items():
        panel.notes[f"{door}, MB/s"] = [size / cost for size, cost in zip(panel.sizes, costs, strict=True)]
    bench.close()
    return panel


def catalogs(sizes: Iterable[int], *, effort: int) -> Panel:
    """Measure calls by the number of actions that there are."""
    panel = Panel(title="actions in the catalog", sizes=[*sizes], costs_us={})
    with folders(len(panel.sizes)) as places:
        benches, loaded_s = {}, []
        for size, folder in zip(panel.sizes, places, strict=True):
            (folder / "large.json").write_text(json.dumps(manifest(size)))
            started = time.process_time()
            benches[str(size)] = Bench(None, principal=_SOMEBODY, HOOKLINE_CONNECTORS_DIR=str(folder))
            loaded_s.append(time.process_time() - started)
        body = b'{"number":7,"name":"Ada"}'
        paths = {name: f"/actions/large.do_{int(name) // 2}" for name in benches}
        steps = {name: _caller(bench, paths[name], body) for name, bench in benches.items()}
        costs = cpu_us(steps, rounds=3 * effort, calls=100)
        panel.costs_us["an action of a manifest"] = list(costs.values())
        panel.notes["seconds to load"] = loaded_s
        _close(benches.values())
    return panel


def keys(sizes: Iterable[int], *, effort: int) -> Panel:
    """Measure calls by the number of keys that are stored."""
    panel = Panel(title="keys stored", sizes=[*sizes], costs_us={})
    with folders(len(panel.sizes)) as places:
        first = make_key(places[0])
        for place in places[1:]:
            shutil.copytree(places[0], place, dirs_exist_ok=True)
        kept = {
            str(size): growth_rows.fill_keys(folder, size, first=first)
            for size, folder in zip(panel.sizes, places, strict=True)
        }
        with_memory = {name: Bench(folder) for name, folder in zip(kept, places, strict=True)}
        without = {
            name: Bench(folder, HOOKLINE_AUTH_CACHE_S="0") for name, folder in zip(kept, places, strict=True)
        }
        body = wire_body()
        same = {name: _caller(bench, WIRE_PATH, body, kept[name][0]) for name, bench in with_memory.items()}
        other = {
            name: _with_other_keys(bench, WIRE_PATH, body, kept[name]) for name, bench in without.items()
        }
        costs = cpu_us(same, rounds=3 * effort, calls=100)
        panel.costs_us["a key that is remembered"] = list(costs.values())
        panel.costs_us["a key that is looked up"] = list(cpu_us(other, rounds=3 * effort, calls=100).values())
        _close([*with_memory.values(), *without.values()])
    return panel


def ledgers(sizes: Iterable[int], *, effort: int) -> Panel:
    """Measure calls, their rows included, and questions, by the number of rows in the ledger."""
    panel = Panel(title="rows in the ledger", sizes=[*sizes], costs_us={}, linear=frozenset({_WEEK, _DAY}))
    with folders(len(panel.sizes)) as places:
        for size, folder in zip(panel.sizes, places, strict=True):
            growth_rows.fill_ledger(folder, size)
        benches = {
            str(size): Bench(folder, principal=_SOMEBODY, HOOKLINE_LEDGER_MAX_ROWS="0")
            for size, folder in zip(panel.sizes, places, strict=True)
        }
        body = wire_body()
        steps = {name: _caller(bench, WIRE_PATH, body) for name, bench in benches.items()}
        waits = dict.fromkeys(benches, partial(time.sleep, _FLUSH_S))
        costs = cpu_us(steps, rounds=2 * effort, calls=300, finish=waits)
        panel.costs_us["a call, its row included"] = list(costs.values())
        for label, days, key_id in ((_DAY, 1, "key7"), (_WEEK, 7, None)):
            asked = {name: _question(bench.gateway, days, key_id) for name, bench in benches.items()}
            costs = cpu_us(asked, rounds=max(1, effort // 2), calls=1)
            panel.costs_us[label] = list(costs.values())
        _close(benches.values())
    return panel


def jobs(sizes: Iterable[int], *, effort: int) -> Panel:
    """Measure calls and jobs by the number of jobs that wait."""
    panel = Panel(title="jobs that wait", sizes=[*sizes], costs_us={})
    options = {
        "HOOKLINE_JOBS_RUNNING": "0",
        "HOOKLINE_JOBS_MAX_WAITING": "10000000",
        "HOOKLINE_JOBS_MAX_WAITING_PER_TENANT": "10000000",
    }
    with folders(len(panel.sizes)) as places:
        benches = {}
        for size, folder in zip(panel.sizes, places, strict=True):
            growth_rows.fill_jobs(folder, size)
            plugins: dict[str, object] = {"jobs": JobsPlugin(make_engine=_engine)}
            benches[str(size)] = Bench(folder, principal=_SOMEBODY, plugins=plugins, **options)
        body = action_body()
        plain = {name: _caller(bench, ACTION_PATH, body) for name, bench in benches.items()}
        later = {
            name: partial(bench.call, ACTION_PATH, body, status="202", HTTP_PREFER="respond-async")
            for name, bench in benches.items()
        }
        places_of = {name: dict(step())["location"] for name, step in later.items()}
        asked = {
            name: partial(bench.call, places_of[name], method="GET", status="202")
            for name, bench in benches.items()
        }
        waits = dict.fromkeys(benches, partial(time.sleep, _FLUSH_S))
        panel.costs_us["a plain call"] = list(cpu_us(plain, rounds=3 * effort, calls=50).values())
        costs = cpu_us(later, rounds=effort, calls=20, finish=waits)
        panel.costs_us["a job taken in and queued"] = list(costs.values())
        panel.costs_us["how far a job is"] = list(cpu_us(asked, rounds=effort, calls=20).values())
        _close(benches.values())
    return panel


def connections(sizes: Iterable[int], *, effort: int) -> Panel:
    """Measure calls by the number of stored connections."""
    panel = Panel(title="connections stored", sizes=[*sizes], costs_us={})
    own = replace(_SOMEBODY, tenant="tenant2")
    pinned = replace(_SOMEBODY, connections=("account4",))
    cases: list[tuple[str, str | None, Principal]] = [
        ("a tenant's own two", "tenant", own),
        ("a shared one, named by the key", None, pinned),
    ]
    for label, tenant, caller in cases:
        with folders(len(panel.sizes)) as places:
            benches = {}
            for size, folder in zip(panel.sizes, places, strict=True):
                growth_rows.fill_connections(folder, size, tenant=tenant)
                benches[str(size)] = Bench(folder, principal=caller)
            body = wire_body()
            steps = {name: _caller(bench, WIRE_PATH, body) for name, bench in benches.items()}
            panel.costs_us[label] = list(cpu_us(steps, rounds=3 * effort, calls=50).values())
            _close(benches.values())
    return panel


def replies(sizes: Iterable[int], *, effort: int) -> Panel:
    """Measure calls with an ``Idempotency-Key`` by the number of replies that are kept."""
    panel = Panel(title="replies kept", sizes=[*sizes], costs_us={})
    with folders(len(panel.sizes)) as places:
        benches = {}
        for size, folder in zip(panel.sizes, places, strict=True):
            growth_rows.fill_replies(folder, size)
            benches[str(size)] = Bench(folder, principal=_SOMEBODY)
        body, numbers = action_body(), itertools.count()
        first = {name: _with_new_names(bench, ACTION_PATH, body, numbers) for name, bench in benches.items()}
        again = {
            name: partial(bench.call, ACTION_PATH, body, HTTP_IDEMPOTENCY_KEY="the-same")
            for name, bench in benches.items()
        }
        panel.costs_us["the first call with a key"] = list(
            cpu_us(first, rounds=2 * effort, calls=50).values()
        )
        panel.costs_us["the same call again"] = list(cpu_us(again, rounds=2 * effort, calls=50).values())
        _close(benches.values())
    return panel


PANELS: dict[str, Callable[..., Panel]] = {
    "bodies": bodies,
    "catalogs": catalogs,
    "keys": keys,
    "ledgers": ledgers,
    "jobs": jobs,
    "connections": connections,
    "replies": replies,
}


def _caller(bench: Bench, path: str, body: bytes, key: str = "") -> Callable[[], object]:
    return partial(bench.call, path, body, key=key)


def _with_other_keys(bench: Bench, path: str, body: bytes, keys: Iterable[str]) -> Callable[[], object]:
    turn = itertools.cycle(keys)
    return lambda: bench.call(path, body, key=next(turn))


def _with_new_names(bench: Bench, path: str, body: bytes, numbers: Iterator[int]) -> Callable[[], object]:
    return lambda: bench.call(path, body, HTTP_IDEMPOTENCY_KEY=f"key-{next(numbers)}")


def _question(gateway: Gateway, days: int, key_id: str | None) -> Callable[[], object]:
    from hookline_ledger.reports import answer
    from hookline_ledger.totals import Question

    now = datetime.now(UTC)
    by: Grouping = "day" if key_id else "model"
    question = Question(by=by, since=now - timedelta(days=days), until=now, key_id=key_id)
    return lambda: answer(gateway.database, question, timeout_s=120)


def _engine(gateway: Gateway, options: JobsOptions, worker_id: str) -> JobEngine:
    """Return a queue in memory, because a process has room for one of the other kind."""
    from hookline_jobs.memory_engine import MemoryEngine

    return MemoryEngine(running=options.running, running_per_lane=options.running_per_connection)


def _close(benches: Iterable[Bench]) -> None:
    for bench in benches:
        bench.close()
