"""What stays flat while a gateway grows: ``python tests/benchmarks/growth.py [--quick] [--chart FILE]``.

Processor time of one call through a gateway inside this process, with a transport that answers at once, by
how much is stored or sent. Sizes take turns, so that a busy moment of the machine hits all of them. What
should stay flat and does not is marked in the table. ``--from FILE`` draws what an earlier run wrote.
"""

from __future__ import annotations

import argparse
import json
import logging
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.benchmarks.growth_panels import PANELS, Panel

STEEP = 1.5
"""What should stay flat and costs so many times as much at its largest size is marked."""

FULL: dict[str, tuple[int, ...]] = {
    "bodies": (1_000, 10_000, 100_000, 1_000_000, 10_000_000),
    "catalogs": (10, 100, 1_000),
    "keys": (10, 10_000, 1_000_000),
    "ledgers": (0, 1_000_000, 10_000_000),
    "jobs": (0, 1_000, 100_000),
    "connections": (10, 10_000),
    "replies": (0, 10_000, 1_000_000),
}
QUICK: dict[str, tuple[int, ...]] = {
    "bodies": (1_000, 100_000, 1_000_000),
    "catalogs": (10, 100),
    "keys": (10, 10_000),
    "ledgers": (0, 100_000),
    "jobs": (0, 10_000),
    "connections": (10, 10_000),
    "replies": (0, 10_000),
}
SMALLEST: dict[str, tuple[int, ...]] = {name: (10, 20) for name in FULL}


def measure(
    sizes: Mapping[str, Sequence[int]] = FULL, *, effort: int = 5, only: Sequence[str] = ()
) -> dict[str, Panel]:
    """Return the panels.

    Args:
        sizes: What to measure at, for each panel.
        effort: Rounds of a panel; some take a multiple of it.
        only: Names of panels; empty for all.
    """
    logging.getLogger("hookline").setLevel(logging.ERROR)
    panels = {}
    for name, take in PANELS.items():
        if not only or name in only:
            started = time.perf_counter()
            panels[name] = take(sizes[name], effort=effort)
            print(
                format_panel(panels[name]), f"({time.perf_counter() - started:.0f} s)", sep="\n", flush=True
            )
    return panels


def is_steep(panel: Panel, label: str) -> bool:
    """Tell whether a cost that should stay flat rises."""
    costs = panel.costs_us[label]
    return label not in panel.linear and costs[-1] > STEEP * costs[0]


def format_panel(panel: Panel) -> str:
    """Return one panel as a table of microseconds."""
    lines = [
        f"\n{panel.title + ', µs of processor time':45}" + "".join(f"{size:>13,}" for size in panel.sizes)
    ]
    for label, costs in panel.costs_us.items():
        mark = "   rises" if is_steep(panel, label) else ""
        lines.append(f"  {label:43}" + "".join(f"{cost:13,.1f}" for cost in costs) + mark)
    for label, figures in panel.notes.items():
        lines.append(f"  {label:43}" + "".join(f"{figure:13,.2f}" for figure in figures))
    return "\n".join(lines)


def told(panels: Mapping[str, Panel]) -> dict[str, dict[str, object]]:
    """Return panels as they are written to a file."""
    return {name: {**asdict(panel), "linear": sorted(panel.linear)} for name, panel in panels.items()}


def read(file: Path) -> dict[str, Panel]:
    """Return the panels that an earlier run wrote."""
    told = json.loads(file.read_text())
    return {name: Panel(**{**panel, "linear": frozenset(panel["linear"])}) for name, panel in told.items()}


def draw(panels: Mapping[str, Panel], file: Path) -> None:
    """Draw the panels side by side, each from zero, so that what is flat is seen as flat."""
    from tests.benchmarks.pictures import LINES, Picture

    columns = min(2, len(panels))
    rows = -(-len(panels) // columns)
    described = []
    with Picture(
        "Processor time of a call while one thing grows, ms",
        rows=rows,
        columns=columns,
        panel_size=(5.0, 2.9),
    ) as picture:
        for axes, panel in zip(picture.axes, panels.values(), strict=False):
            names = [f"{size:,}" for size in panel.sizes]
            flat = {label: costs for label, costs in panel.costs_us.items() if label not in panel.linear}
            lines = flat or panel.costs_us
            for number, (label, costs) in enumerate(lines.items()):
                colour = LINES[number % len(LINES)]
                axes.plot(names, [cost / 1000 for cost in costs], "o-", label=label, color=colour)
                described.append(
                    f"{panel.title}, {label}: " + ", ".join(f"{cost / 1000:.1f}" for cost in costs)
                )
            if not flat:  # what is sent weighs, so that both axes have powers of ten
                axes.set_yscale("log")
                axes.set_ylim(top=30 * max(max(costs) for costs in lines.values()) / 1000)
            else:
                axes.set_ylim(0, 1.9 * max(max(costs) for costs in flat.values()) / 1000)
            axes.set_title(panel.title, loc="left")
            axes.legend(loc="upper left", fontsize="small")
        for axes in picture.axes[len(panels) :]:
            axes.set_axis_off()
        picture.save(file, described=described)


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description="Show what a call costs while a gateway grows.")
    parser.add_argument("--quick", action="store_true", help="fewer rows and rounds: less than a minute")
    parser.add_argument("--smallest", action="store_true", help="only see whether everything runs")
    parser.add_argument(
        "--only", action="append", default=[], choices=[*PANELS], help="one panel; can be repeated"
    )
    parser.add_argument("--json", metavar="FILE", help="write the figures to a file as well")
    parser.add_argument(
        "--chart", type=Path, metavar="FILE", help="draw the figures into an .svg or .png file"
    )
    parser.add_argument(
        "--from", dest="read", type=Path, metavar="FILE", help="take the figures from such a file"
    )
    options = parser.parse_args(arguments)
    sizes = SMALLEST if options.smallest else QUICK if options.quick else FULL
    effort = 1 if options.smallest else 2 if options.quick else 5
    if options.read:
        panels = read(options.read)
        print(*map(format_panel, panels.values()), sep="\n")
    else:
        panels = measure(sizes, effort=effort, only=options.only)
    if options.json:
        Path(options.json).write_text(json.dumps(told(panels), indent=2) + "\n")
    if options.chart:
        draw(panels, options.chart)


if __name__ == "__main__":
    main()
