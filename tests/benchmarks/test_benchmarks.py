"""The benchmarks still run. Nothing here is timed: figures of a test run mean nothing."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

RUN = Path(__file__).with_name("run.py")
PLUGINS = ["context", "lifecycle", "moderation", "retry", "streams"]
ROWS = [
    "upstream, direct",
    "empty Flask route",
    "gateway, wire door",
    "gateway, action door",
    "wire door, log level info",
    "action door, log level info",
]


def run_benchmark(tmp_path: Path, *options: str) -> dict[str, object]:
    report = tmp_path / "report.json"
    command = [sys.executable, str(RUN), *options, "--json", str(report)]
    finished = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert finished.returncode == 0, finished.stdout + finished.stderr
    loaded = json.loads(report.read_text())
    assert isinstance(loaded, dict)
    return loaded


def test_every_row_is_measured_and_every_answer_is_200(tmp_path: Path) -> None:
    options = ["--seconds", "0.3", "--rounds", "1", "--connections", "4", "--generator", "python"]
    report = run_benchmark(tmp_path, *options)
    rows = report["rates"]
    assert isinstance(rows, list)
    assert [row["name"] for row in rows] == ROWS
    assert [row["failures"] for row in rows] == [0] * len(ROWS)
    assert all(row["requests"] > 0 for row in rows)
    assert report["failures"] == 0
    assert report["generator"] == "python"


def test_every_stream_is_complete(tmp_path: Path) -> None:
    report = run_benchmark(tmp_path, "--streams", "--sequential", "2", "--crowd", "5", "--gap-ms", "1")
    crowds = report["crowd"]
    assert isinstance(crowds, list)
    reports = [row["report"] for row in crowds]
    assert [(row["complete"], row["lost_events"], row["problems"]) for row in reports] == [(5, 0, [])] * 3
    assert report["failures"] == 0


def test_the_cost_of_the_plugins_is_measured_for_both_doors(tmp_path: Path) -> None:
    report = tmp_path / "plugins.json"
    command = [sys.executable, str(RUN.with_name("plugins.py")), "--calls", "5", "--json", str(report)]
    finished = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert "Traceback" not in finished.stderr, finished.stderr
    loaded = json.loads(report.read_text())
    for door in ("wire", "action"):
        assert list(loaded[door]) == ["none", *PLUGINS, "all five"]


def test_the_cost_of_the_gateway_layer_is_measured_for_both_doors(tmp_path: Path) -> None:
    report = tmp_path / "layer.json"
    command = [sys.executable, str(RUN.with_name("layer.py")), "--calls", "5", "--json", str(report)]
    finished = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert "Traceback" not in finished.stderr, finished.stderr
    loaded = json.loads(report.read_text())
    for door in ("wire", "action"):
        assert list(loaded[door]) == ["none", "auth", "limits", "ledger", "all three"]


def test_jobs_are_measured_beside_plain_calls(tmp_path: Path) -> None:
    report = tmp_path / "jobs.json"
    command = [sys.executable, str(RUN.with_name("jobs.py")), "--calls", "5", "--json", str(report)]
    finished = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert finished.returncode == 0, finished.stderr
    rates = json.loads(report.read_text())
    assert list(rates) == ["plain", "within", "taken in", "run"]
    assert all(rate > 0 for rate in rates.values())


def test_a_folder_of_documents_is_told_document_by_document(tmp_path: Path) -> None:
    documents = RUN.parents[1] / "core/importing"
    folder = tmp_path / "documents"
    folder.mkdir()
    for name in ("documents/pets_3.1.yaml", "nasty_openapi/refs_to_files_and_addresses.yaml"):
        (folder / Path(name).name).write_bytes((documents / name).read_bytes())
    (folder / "none.yaml").write_text("asyncapi: 2.0.0")
    report = tmp_path / "rows.json"
    command = [sys.executable, str(RUN.with_name("openapi_corpus.py")), str(folder), "--json", str(report)]
    finished = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)

    assert finished.returncode == 0, finished.stderr
    assert "3 documents: 2 became connectors, 1 were refused, 0 crashed." in finished.stdout
    rows = {row["name"]: row for row in json.loads(report.read_text())}
    assert rows["pets_3.1.yaml"]["actions"] == rows["pets_3.1.yaml"]["loaded"] == 5
    assert rows["refs_to_files_and_addresses.yaml"]["left_out"] == {"remote_reference": 3}
    assert rows["none.yaml"]["refused"].startswith("none.yaml is AsyncAPI")
