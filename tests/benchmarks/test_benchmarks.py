"""The benchmarks still run. Nothing here is timed: figures of a test run mean nothing."""

from __future__ import annotations

import http.client
import json
import shutil
import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from xml.etree import ElementTree

import pytest
from tests.benchmarks import memory, nginx
from tests.benchmarks.bounds import compare, format_table
from tests.benchmarks.chart import Bar, draw_bars
from tests.benchmarks.growth import draw, read, told
from tests.benchmarks.growth_panels import Panel
from tests.benchmarks.pace import keep_pace, percentile
from tests.benchmarks.pictures import BLUE, GREY
from tests.benchmarks.rates import Row
from tests.benchmarks.servers import clean_environ, run_upstream
from tests.benchmarks.ways import STAGES, WIRE, start_gateway
from tests.benchmarks.work import CHAT

if TYPE_CHECKING:
    from tests.benchmarks.load import Target

HERE = Path(__file__).parent
PLUGINS = ["context", "lifecycle", "moderation", "retry", "streams"]
DOORS = ["hookline, wire door", "hookline, action door"]
ONCE = ["--rounds", "1", "--starts", "1", "--helps", "1"]
SHORT = [*ONCE, "--seconds", "0.2", "--pace-seconds", "0.1", "--generator", "python"]


def run_script(tmp_path: Path, name: str, *options: str) -> tuple[dict[str, object], str]:
    """Run a script that must succeed; return the figures and what it printed."""
    report = tmp_path / "report.json"
    command = [sys.executable, str(HERE / f"{name}.py"), *options, "--json", str(report)]
    finished = subprocess.run(command, capture_output=True, text=True, timeout=180, check=False)
    assert finished.returncode == 0, finished.stdout + finished.stderr
    loaded = json.loads(report.read_text())
    assert isinstance(loaded, dict)
    return loaded, finished.stdout


def rows_of(report: dict[str, object], part: str) -> list[dict[str, object]]:
    rows = report[part]
    assert isinstance(rows, list)
    assert [row["failures"] for row in rows] == [0] * len(rows)
    return rows


def test_every_way_is_measured_and_every_answer_is_right(tmp_path: Path) -> None:
    chart = tmp_path / "chart.svg"
    options = [*SHORT, "--parts", "rates", "--connections", "1", "--chart", str(chart)]
    report, printed = run_script(tmp_path, "run", *options)
    names = ["direct", *(["nginx"] if nginx.program() else []), "empty Flask route", *DOORS, *STAGES]
    rows = rows_of(report, "rates")
    assert [row["way"] for row in rows] == names
    assert all(row["requests"] for row in rows)
    assert report["failures"] == 0
    assert report["generator"] == "python"
    assert report["missing"] == ["LiteLLM", "Portkey", "MLflow"]
    assert "python tests/benchmarks/peers.py install DIR" in printed
    assert "+ ledger: the default" in chart.with_stem("chart-stages").read_text()
    assert "hookline, wire door" in chart.read_text()


@pytest.mark.parametrize("stage", [*STAGES, WIRE])
def test_each_stage_does_what_its_name_says(tmp_path: Path, stage: str) -> None:
    names = [*STAGES, WIRE]
    with run_upstream() as upstream, start_gateway(upstream, stage, state=tmp_path) as way:
        mine, other = (way.target(CHAT), replace(way, key="somebody-elses-key").target(CHAT))
        status, headers = ask(mine)
        assert status == 200
        assert ask(other)[0] == (200 if stage == "bare pipeline" else 401)
        assert ("ratelimit" in headers) is (names.index(stage) >= names.index("+ limits"))
    used = subprocess.run(
        [sys.executable, "-m", "hookline", "usage", "--json"],
        env={**clean_environ(), "HOOKLINE_STATE_DIR": str(tmp_path)},
        capture_output=True,
        check=True,
        timeout=60,
    )
    assert json.loads(used.stdout)["total"]["calls"] == (1 if stage == WIRE else 0)


def ask(target: Target) -> tuple[int, set[str]]:
    """Send one request; return the status and the names of the headers that came."""
    parts = urlsplit(target.url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=30)
    connection.request("POST", parts.path, body=target.body, headers=target.all_headers())
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return answer.status, {name.lower() for name in answer.headers}


def test_every_stream_is_complete(tmp_path: Path) -> None:
    options = ["--parts", "streams", "--sequential", "2", "--crowd", "5", "--gap-ms", "1"]
    report, printed = run_script(tmp_path, "run", *options)
    crowds = report["crowd"]
    assert isinstance(crowds, list)
    assert [(row["complete"], row["lost_events"], row["problems"]) for row in crowds] == [(5, 0, [])] * 3
    assert report["failures"] == 0
    assert "first byte of a stream: hookline, action door" in printed


def test_payloads_latency_and_start_are_measured(tmp_path: Path) -> None:
    options = [*SHORT, "--parts", "payloads", "pace", "footprint", "--rows", "hookline"]
    report, printed = run_script(tmp_path, "run", *options)
    rows = rows_of(report, "rates")
    assert [row["way"] for row in rows] == ["direct", *DOORS] * 2
    assert {row["work"] for row in rows} == {"200 KB prompt", "100 embeddings"}
    paced = rows_of(report, "pace")
    assert [(row["way"], row["calls"]) for row in paced] == [(way, 5) for way in ("direct", *DOORS)]
    starts = report["starts_s"]
    assert isinstance(starts, dict)
    assert [len(took) for took in starts.values()] == [1]
    assert "MISSED" in printed or "kept" in printed
    assert isinstance(report["help_s"], float)


def test_the_stages_of_a_call_are_measured_for_both_doors(tmp_path: Path) -> None:
    report, _ = run_script(tmp_path, "stages", "--calls", "5")
    for door in ("wire", "action"):
        stages = report[door]
        assert isinstance(stages, dict)
        assert {"authenticate", "authorize", "find the credential and sign", "respond"} <= set(stages)
        assert all(took > 0 for took in stages.values())
    assert isinstance(report["transport_cpu"], float)


def test_another_script_adds_its_figures_to_the_report(tmp_path: Path) -> None:
    also = "metrics --calls 3"
    options = [*SHORT, "--parts", "pace", "--rows", "nothing like this", "--also", also]
    report, printed = run_script(tmp_path, "run", *options)
    figures = report["also"]
    assert isinstance(figures, dict)
    assert list(figures["metrics"]["wire"])[:2] == ["without metrics", "with metrics"]
    assert also in printed


def test_the_cost_of_the_plugins_is_measured_for_both_doors(tmp_path: Path) -> None:
    report = tmp_path / "plugins.json"
    command = [sys.executable, str(HERE / "plugins.py"), "--calls", "5", "--json", str(report)]
    finished = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert "Traceback" not in finished.stderr, finished.stderr
    loaded = json.loads(report.read_text())
    for door in ("wire", "action"):
        assert list(loaded[door]) == ["none", *PLUGINS, "all five"]


def test_the_cost_of_the_gateway_layer_is_measured_for_both_doors(tmp_path: Path) -> None:
    report = tmp_path / "layer.json"
    command = [sys.executable, str(HERE / "layer.py"), "--calls", "5", "--json", str(report)]
    finished = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert "Traceback" not in finished.stderr, finished.stderr
    loaded = json.loads(report.read_text())
    for door in ("wire", "action"):
        assert list(loaded[door]) == ["none", "auth", "limits", "ledger", "all three"]


def test_jobs_are_measured_beside_plain_calls(tmp_path: Path) -> None:
    rates, _ = run_script(tmp_path, "jobs", "--calls", "5")
    assert list(rates) == ["plain", "within", "taken in", "run"]
    assert all(isinstance(rate, float) and rate > 0 for rate in rates.values())


def test_a_folder_of_documents_is_told_document_by_document(tmp_path: Path) -> None:
    documents = HERE.parent / "core/importing"
    folder = tmp_path / "documents"
    folder.mkdir()
    for name in ("documents/pets_3.1.yaml", "nasty_openapi/refs_to_files_and_addresses.yaml"):
        (folder / Path(name).name).write_bytes((documents / name).read_bytes())
    (folder / "none.yaml").write_text("asyncapi: 2.0.0")
    report = tmp_path / "rows.json"
    command = [sys.executable, str(HERE / "openapi_corpus.py"), str(folder), "--json", str(report)]
    finished = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)

    assert finished.returncode == 0, finished.stderr
    assert "3 documents: 2 became connectors, 1 were refused, 0 crashed." in finished.stdout
    rows = {row["name"]: row for row in json.loads(report.read_text())}
    assert rows["pets_3.1.yaml"]["actions"] == rows["pets_3.1.yaml"]["loaded"] == 5
    assert rows["refs_to_files_and_addresses.yaml"]["left_out"] == {"remote_reference": 3}
    assert rows["none.yaml"]["refused"].startswith("none.yaml is AsyncAPI")


def row(way: str, kind: str, **changes: float | int | str) -> Row:
    fields: dict[str, object] = {
        "work": "small chat",
        "connections": 32,
        "lowest": 90.0,
        "highest": 110.0,
        "p50_ms": 1.0,
        "p99_ms": 2.0,
        "cpu_us": 500.0,
        "loaded_mib": 80.0,
        "requests": 100,
        "failures": 0,
        "per_s": 100.0,
    }
    return Row(way=way, kind=kind, **{**fields, **changes})  # type: ignore[arg-type]


def test_bounds_tell_what_was_kept_and_what_was_not_measured() -> None:
    wire = "hookline, wire door"
    rows = [
        row(wire, "gateway", to_fastest_peer=2.6, to_empty=0.4),
        row(wire, "gateway", connections=1, added_p50_ms=0.5),
        row("one", "peer", connections=1, added_p50_ms=2.0),
        row("other", "peer", connections=1, added_p50_ms=3.0),
    ]
    bounds = compare(rows, [], {wire: 1.2}, {})
    assert [(one.value, one.is_met) for one in bounds] == [
        (2.6, True),
        (0.4, False),
        (0.25, True),
        (None, None),
        (None, None),
        (None, None),
        (1.2, True),
    ]
    lines = format_table(bounds).splitlines()
    assert lines[2].split()[-1] == "MISSED"
    assert lines[4].endswith("not measured")


def _width_of(svg: str, colour: str) -> float:
    """Return how wide the one area of a colour is."""
    (area,) = [
        one.get("d", "")
        for one in ElementTree.fromstring(svg).iter()
        if one.tag.endswith("path") and f"fill: {colour}" in one.get("style", "")
    ]
    across = [float(point.split()[1]) for point in area.splitlines() if point[:1] in "ML"]
    return max(across) - min(across)


def test_bars_are_drawn_to_one_scale_and_names_are_escaped(tmp_path: Path) -> None:
    bars = [
        Bar(name="<fast>", kind="gateway", value=2000.0, lowest=1900.0, highest=2350.0),
        Bar(name="slow", kind="peer", value=500.0, lowest=450.0, highest=550.0),
    ]
    files = [tmp_path / "one.svg", tmp_path / "two.svg"]
    for file in files:
        draw_bars("Rates & more", ["a note"], bars, file)
    svg = files[0].read_text()
    assert svg == files[1].read_text()
    texts = {one.text for one in ElementTree.fromstring(svg).iter() if one.text}
    assert {"Rates & more", "<fast>", "slow", "2,000", "a note", "<fast> 2,000; slow 500"} <= texts
    widths = [_width_of(svg, colour) for colour in (BLUE, GREY)]
    assert widths[0] == pytest.approx(4 * widths[1], abs=0.01)


def test_pictures_follow_dark_pages_and_are_small(tmp_path: Path) -> None:
    panels = {
        "keys": Panel(title="keys", sizes=[1, 2], costs_us={"a call": [1000.0, 1100.0]}),
        "bodies": Panel(
            title="bytes", sizes=[1, 2], costs_us={"a call": [1.0, 9.0]}, linear=frozenset({"a call"})
        ),
    }
    figures, file = tmp_path / "figures.json", tmp_path / "growth.svg"
    figures.write_text(json.dumps(told(panels)))
    assert read(figures) == panels
    draw(read(figures), file)
    svg = file.read_text()
    assert f'[style*="stroke: {BLUE}"]' in svg.partition("prefers-color-scheme: dark")[2]
    assert "keys, a call: 1.0, 1.1; bytes, a call: 0.0, 0.0" in svg
    assert len(svg) < 40_000


def test_a_report_of_memory_is_drawn_from_what_was_written(tmp_path: Path) -> None:
    report = memory.Report(
        start_s=1.0,
        idle_mib=80.0,
        main_mib=70.0,
        steps=[memory.Step(calls=100, load_mib=90.0, after_mib=85.0)],
        growth_mib=0.0,
        threads=3,
        per_thread_kib=130.0,
        two_workers_mib=[80.0],
    )
    figures, file = tmp_path / "figures.json", tmp_path / "memory.svg"
    figures.write_text(json.dumps({**asdict(report), "bound_mib": 150.0}))
    assert memory.read(figures) == report
    memory.main(["--from", str(figures), "--chart", str(file)])
    assert "after 0 calls 80; after 100 calls 85" in file.read_text()


def test_an_answer_that_comes_late_makes_those_behind_it_late_as_well() -> None:
    """A server that stops for 35 ms once delays the requests that were due meanwhile, 10 ms apart."""
    now_s = 0.0
    answers_s = iter([0.001, 0.001, 0.035, *[0.001] * 7])

    def clock() -> float:
        nonlocal now_s
        now_s += 1e-6
        return now_s

    def wait(seconds: float) -> None:
        nonlocal now_s
        now_s += seconds

    def ask() -> bool:
        wait(next(answers_s))
        return True

    late_s, failures = keep_pace(ask, rate_per_s=100, calls=10, clock=clock, sleep=wait)
    assert failures == 0
    assert [round(late * 1000) for late in late_s] == [1, 1, 35, 26, 17, 8, 1, 1, 1, 1]
    assert round(percentile(late_s, 50) * 1000) == 1
    assert round(percentile(late_s, 90) * 1000) == 26


def run_looser_script(tmp_path: Path, name: str, *options: str) -> dict[str, Any]:
    """Run another script than ``run.py`` and return its figures; bounds that it breaks do not matter here."""
    report = tmp_path / "figures.json"
    command = [sys.executable, str(HERE / name), *options, "--json", str(report)]
    finished = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
    assert "Traceback" not in finished.stderr, finished.stderr
    loaded: dict[str, Any] = json.loads(report.read_text())
    return loaded


def test_every_panel_of_growth_is_measured_and_drawn(tmp_path: Path) -> None:
    chart = tmp_path / "growth.svg"
    panels = run_looser_script(tmp_path, "growth.py", "--smallest", "--chart", str(chart))
    assert list(panels) == ["bodies", "catalogs", "keys", "ledgers", "jobs", "connections", "replies"]
    for panel in panels.values():
        assert all(len(costs) == 2 and min(costs) > 0 for costs in panel["costs_us"].values())
    assert "<svg" in chart.read_text()


def test_memory_is_measured_over_calls_and_drawn(tmp_path: Path) -> None:
    chart = tmp_path / "memory.svg"
    report = run_looser_script(tmp_path, "memory.py", "--calls", "100", "--chart", str(chart))
    assert [step["calls"] for step in report["steps"]] == list(range(10, 101, 10))
    assert all(step["load_mib"] >= step["after_mib"] > 0 for step in report["steps"])
    assert len(report["two_workers_mib"]) == 2
    assert "<svg" in chart.read_text()


def test_workers_are_compared_for_every_store_that_they_can_share(tmp_path: Path) -> None:
    options = ["--seconds", "0.2", "--rounds", "1", "--generator", "python"]
    rows = run_looser_script(tmp_path, "workers.py", *options)["rows"]
    kinds = [("memory", 1), ("sqlite", 1), ("sqlite", 2)]
    kinds += [("redis", 1), ("redis", 2)] if shutil.which("redis-server") else []
    assert [(row["store"], row["workers"]) for row in rows] == kinds
    assert [row["failures"] for row in rows] == [0] * len(kinds)
