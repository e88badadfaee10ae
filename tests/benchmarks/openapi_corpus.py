"""Import every OpenAPI document of a folder, and tell what became of each.

    python tests/benchmarks/openapi_corpus.py FOLDER [--json FILE] [--only PART]

Each document is read in a process of its own in which no socket can connect. That process turns it into a
manifest, writes it, loads it again and builds the catalog of its connector. Seconds are of the processor, so
that what else the machine does is not counted; megabytes are the most that the process held.

Prints a Markdown table. The exit status is 1 if a process crashed, wanted the network, took more than 5 s or
500 MB for the import, or wrote a manifest that cannot be loaded. A clear refusal is none of these.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

MOST_S = 5.0
MOST_MB = 500
_WALL_S = 300

_CHILD = """
import gc, json, resource, socket, sys, time

def refuse(*_):
    print("NETWORK", file=sys.stderr)
    raise SystemExit(97)

socket.socket.connect = socket.socket.connect_ex = refuse
socket.getaddrinfo = socket.gethostbyname = refuse

from hookline.engine.catalog import Catalog
from hookline.errors import ConfigurationError
from hookline.importing.heading import heading_of
from hookline.importing.openapi import import_openapi
from hookline.manifest.loading import connector_from
from hookline.manifest.writing import write_manifest_text

def used():
    now = resource.getrusage(resource.RUSAGE_SELF)
    return now.ru_utime + now.ru_stime, now.ru_maxrss / 1024

path, name = sys.argv[1:]
began = used()[0]
told = {"name": name}
try:
    gc.disable()
    content = open(path, "rb").read()
    told["bytes"] = len(content)
    imported = import_openapi(content, connector_id="acme", name=name)
    text = (heading_of(imported, "acme") + write_manifest_text(imported.manifest)).encode()
    gc.enable()
except ConfigurationError as exc:
    told |= {"refused": exc.message, "seconds": used()[0] - began, "megabytes": used()[1]}
else:
    findings = imported.findings
    told |= {
        "version": imported.version,
        "operations": imported.operations,
        "actions": imported.actions,
        "pages": len(imported.paged),
        "left_out": {one.code: findings.counts[one] for one in findings if one.weight == "left_out"},
        "simplified": {one.code: findings.counts[one] for one in findings if one.weight == "simplified"},
        "manifest_bytes": len(text),
        "seconds": used()[0] - began,
        "megabytes": used()[1],
    }
    del imported, findings, content
    gc.collect()
    began = used()[0]
    connector = connector_from(text, name="acme.yaml")
    Catalog().add(connector)
    told |= {"load_seconds": used()[0] - began, "loaded": len(connector.actions)}
    told["all_megabytes"] = used()[1]
print(json.dumps(told))
"""


def measure(path: Path) -> dict[str, object]:
    """Return what became of one document; ``crash`` tells if the process did not end well."""
    command = [sys.executable, "-c", _CHILD, str(path), path.name]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_WALL_S, check=False)
    except subprocess.TimeoutExpired:
        return {"name": path.name, "crash": f"not done after {_WALL_S} s"}
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or [f"exit status {done.returncode}"])[-1]
        return {"name": path.name, "crash": "wanted the network" if done.returncode == 97 else last}
    told: dict[str, object] = json.loads(done.stdout)
    return told


def problem_of(row: dict[str, object]) -> str:
    """Return what is wrong with a row; empty if nothing is."""
    if "crash" in row:
        return str(row["crash"])
    if float(str(row["seconds"])) > MOST_S:
        return f"took more than {MOST_S} s"
    if float(str(row["megabytes"])) > MOST_MB:
        return f"took more than {MOST_MB} MB"
    if "refused" not in row and row["loaded"] != row["actions"]:
        return f"{row['loaded']} of {row['actions']} actions were loaded"
    return ""


def markdown(rows: list[dict[str, object]]) -> str:
    """Return the rows as a table, with their totals and the reasons below it."""
    lines = [
        "| Document | OpenAPI | MB | Operations | Actions | With pages | Left out | Seconds | MB held "
        "| Manifest, kB | Load, s |",
        "|---|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    reasons: Counter[str] = Counter()
    simplified: Counter[str] = Counter()
    for row in rows:
        if "crash" in row:
            lines.append(f"| {row['name']} | crashed: {row['crash']} | | | | | | | | | |")
            continue
        size = f"{int(str(row['bytes'])) / 1e6:.2f}"
        took = f"{float(str(row['seconds'])):.2f} | {float(str(row['megabytes'])):.0f}"
        if "refused" in row:
            lines.append(f"| {row['name']} | refused | {size} | | | | | {took} | | |")
            continue
        left_out, made_less = _counts(row["left_out"]), _counts(row["simplified"])
        reasons.update(left_out)
        simplified.update(made_less)
        lines.append(
            f"| {row['name']} | {row['version']} | {size} | {row['operations']} | {row['actions']} "
            f"| {row['pages']} | {sum(left_out.values())} | {took} "
            f"| {int(str(row['manifest_bytes'])) / 1e3:.0f} "
            f"| {float(str(row['load_seconds'])):.2f} |"
        )
    good = [row for row in rows if "actions" in row]
    lines += [
        "",
        f"{len(rows)} documents: {len(good)} became connectors, "
        f"{sum('refused' in row for row in rows)} were refused, "
        f"{sum('crash' in row for row in rows)} crashed. "
        f"{sum(int(str(row['operations'])) for row in good):,} operations, "
        f"{sum(int(str(row['actions'])) for row in good):,} actions.",
        "",
        f"Left out, by reason: {_listed(reasons)}.",
        f"Simplified, by reason: {_listed(simplified)}.",
    ]
    lines += [f"Refused: {row['name']}: {str(row['refused'])[:160]}" for row in rows if "refused" in row]
    return "\n".join(lines)


def _counts(value: object) -> dict[str, int]:
    return {str(name): int(number) for name, number in value.items()} if isinstance(value, dict) else {}


def _listed(counts: Counter[str]) -> str:
    return ", ".join(f"{name} {number:,}" for name, number in counts.most_common()) or "nothing"


def main() -> None:
    """Measure, print, and end with 1 if anything is wrong."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--json", type=Path, help="write the rows as JSON too")
    parser.add_argument("--only", default="", help="only documents whose names hold this")
    arguments = parser.parse_args()
    paths = [
        one for one in sorted(arguments.folder.iterdir()) if one.is_file() and arguments.only in one.name
    ]
    rows = []
    for path in paths:
        print(f"{path.name} …", file=sys.stderr, flush=True)
        rows.append(measure(path))
    print(markdown(rows))
    if arguments.json:
        arguments.json.write_text(json.dumps(rows, indent=1), "utf-8")
    problems = [(row["name"], problem) for row in rows if (problem := problem_of(row))]
    for name, problem in problems:
        print(f"{name}: {problem}", file=sys.stderr)
    sys.exit(1 if problems or not rows else 0)


if __name__ == "__main__":
    main()
