"""Streams of chats over all ways of the gateway: the first byte of each, and many at once."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, TypedDict

from tests.benchmarks import first_byte, streams
from tests.benchmarks.load import Target
from tests.benchmarks.servers import run_gateway
from tests.benchmarks.upstream import DELTAS, STREAM_EVENTS
from tests.benchmarks.work import ACTION_PATH, WIRE_PATH, action_body, wire_body

if TYPE_CHECKING:
    from tests.benchmarks.servers import Server


class Streams(TypedDict):
    """A row for each way: the first bytes, and many at once; and how many of these were not complete."""

    first_byte: list[dict[str, object]]
    crowd: list[dict[str, object]]
    incomplete: int


def measure(upstream: Server, gateway: Server, *, sequential: int, crowd: int, gap_ms: int) -> Streams:
    """Measure streams direct and through both doors.

    Args:
        upstream: Where they come from.
        gateway: In front of it.
        sequential: Streams one after another, for the first byte.
        crowd: Streams at once.
        gap_ms: Pause of the upstream between two deltas of those at once.
    """
    first = first_byte.measure(_targets(upstream, gateway), streams=sequential)
    load = streams.Load(at_once=crowd, total=crowd, gap_ms=gap_ms)
    with streams.run_stream_upstream() as stream_upstream, run_gateway(stream_upstream) as crowded:
        crowds = [
            streams.measure(stream_upstream if door == "direct" else crowded, door, load)
            for door in streams.DOORS
        ]
    return Streams(
        first_byte=[asdict(row) for row in first],
        crowd=[_flat(row) for row in crowds],
        incomplete=sum(row.report.streams - row.report.complete for row in crowds),
    )


def _flat(row: streams.Figures) -> dict[str, object]:
    name = "direct" if row.door == "direct" else f"hookline, {row.door} door"
    return {"name": name, **asdict(row.report), "cpu_us_per_event": row.cpu_us_per_event}


def format_figures(figures: Streams) -> str:
    """Return the rows as text, one figure a line."""
    lines: list[str] = []
    titles = {"first byte of a stream": figures["first_byte"], f"{DELTAS} deltas, at once": figures["crowd"]}
    for title, rows in titles.items():
        for row in rows:
            lines += ["", f"{title}: {row['name']}"]
            lines += [
                f"  {name:22} {value:.2f}" if isinstance(value, float) else f"  {name:22} {value}"
                for name, value in row.items()
                if name != "name"
            ]
    return "\n".join(lines).strip("\n")


def _targets(upstream: Server, gateway: Server) -> list[first_byte.StreamTarget]:
    wire, action = wire_body(model="gap-1", stream=True), action_body(model="gap-1", stream=True)
    done, output = b"data: [DONE]", b'"type":"output"'
    return [
        first_byte.StreamTarget(
            target=Target(name=name, url=url, body=body, expect=b""), events=events, end=end
        )
        for name, url, body, events, end in (
            ("direct", upstream.url + WIRE_PATH, wire, STREAM_EVENTS, done),
            ("hookline, wire door", gateway.url + WIRE_PATH, wire, STREAM_EVENTS, done),
            ("hookline, action door", gateway.url + ACTION_PATH, action, DELTAS + 1, output),
        )
    ]
